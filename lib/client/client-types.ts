import type { User } from '../model/session';
import type { LogoutReason } from './connection/login-keeper';
import type { RecoveryLevel } from './connection/recovery';
import type { PoolStatistics } from './pool/session-pool';

/** What a {@link Client} tells. */
export interface ClientEvents {
  login: [{ readonly user: User }];
  /** The login will end in `within` milliseconds. */
  expiring: [{ readonly reason: 'idle' | 'age'; readonly within: number }];
  loggedOut: [{ readonly reason: LogoutReason }];
  recovering: [{ readonly level: RecoveryLevel; readonly cause: unknown }];
  recovered: [{ readonly level: RecoveryLevel; readonly generation: number }];
  /** A recovery was given up; the next operation tries again. */
  down: [{ readonly error: unknown }];
}

/** The numbers of a client. */
export interface ClientStatistics extends PoolStatistics {
  /** Operations that ended well, that failed, and tries beyond the first. */
  readonly operations: number;
  readonly errors: number;
  readonly retries: number;
  readonly logins: number;
  readonly recoveries: number;
  /** Grows with each recovery and each end of a login. */
  readonly generation: number;
}

/** What {@link Client.health} says. */
export interface Health {
  readonly ok: boolean;
  readonly loggedIn: User | undefined;
  /** How long the token took to answer, in milliseconds. */
  readonly latency: number;
  readonly error?: unknown;
}

/** How an operation waits. */
export interface OperationOptions {
  /** Ends the waiting: for a session, for a recovery, for the result. A call in the module goes on to its end. */
  readonly signal?: AbortSignal | undefined;
}
