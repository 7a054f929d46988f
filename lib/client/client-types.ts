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
  /** Something was lost: once for each loss, however often it is tried to get it back. */
  recovering: [{ readonly level: RecoveryLevel; readonly cause: unknown }];
  recovered: [{ readonly level: RecoveryLevel; readonly generation: number }];
  /** What was lost has not come back in time: once for each loss. Operations try again, with pauses of 2 s at most in between. */
  down: [{ readonly error: unknown }];
  /** The token has refused read/write sessions (`error` says how): the client uses read-only ones. */
  readOnly: [{ readonly error: unknown }];
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
  /** Sessions that hang in a call at this moment, and those that were given up since the beginning because of it. */
  readonly hung: number;
  readonly givenUp: number;
  /**
   * For how long the session that was lent longest ago is lent, in milliseconds; 0 when none is. Without operationTimeout this alone
   * shows a call that hangs.
   */
  readonly longestLent: number;
  /** Whether nothing can be written to the token; see Client.readOnly. */
  readonly readOnly: boolean;
  /** Why it is not ok. */
  readonly error?: unknown;
}

/** How an operation waits. */
export interface OperationOptions {
  /** Ends the waiting: for a session, for a recovery, for the result. A call in the module goes on to its end. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Ends the waiting in the same way after so many milliseconds, tries and recoveries included, with ERR_CRYPTOKI_TIMEOUT.
   * Default: no limit but those of ConnectOptions.
   */
  readonly timeout?: number | undefined;
}
