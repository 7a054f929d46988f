import type { MechanismInput } from '../model/mechanisms/mechanism';
import type { KeyType, ObjectClass } from '../model/objects/identity';
import type { StorageObject } from '../model/objects/storage-object';
import type { Session, User } from '../model/session';
import type { Token } from '../model/token';
import type { Pin } from '../pin/pin';
import type { BytesLike } from '../raw/values';
import type { LogoutReason } from './connection/login-keeper';
import type { RecoveryLevel } from './connection/recovery';
import type { Lease, PoolStatistics, Share } from './pool/pool-types';

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

/** How an operation runs on a lent session. @internal */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** The caller's options as they were given, in the place of `signal`: Client.run checks them. */
  readonly given?: OperationOptions | undefined;
  /** Whether it may be done again after an error that left open whether it was done. */
  readonly repeatable: boolean;
  /** It is one native call: others of the kind may use the session at the same time. */
  readonly shares?: Share | undefined;
}

/** Runs operations on lent sessions; see Runner. @internal */
export interface OperationRunner {
  run<T, O>(
    operation: string,
    options: RunOptions,
    work: (object: O, session: Session, lease: Lease) => Promise<T>,
    target: {
      readonly label: string | undefined;
      on(session: Session, operation: string): O | Promise<O>;
    },
  ): Promise<T>;
}

/**
 * The members of Client that its parts use. The parts take these interfaces in place of the classes, so that no part imports a
 * class which imports the part.
 * @internal
 */
export interface ClientMembers {
  readonly token: Token;
  readonly generation: number;
  readonly anchor: Session;
  statistics(): ClientStatistics;
  on(event: 'recovered' | 'login', listener: () => void): unknown;
  readonly runner: OperationRunner;
  run<T>(
    operation: string,
    options: RunOptions,
    work: (session: Session, lease: Lease) => Promise<T>,
  ): Promise<T>;
  contextPin(
    session: Session,
    key: { readonly label: string | undefined; readonly id: Buffer | undefined },
    options?: OperationOptions,
  ): Promise<Pin | null>;
}

/** The members of ClientObject that the client's parts use. @internal */
export interface ClientObjectMembers {
  readonly client: ClientMembers;
  readonly class: ObjectClass | undefined;
  readonly keyType: KeyType | undefined;
  readonly label: string | undefined;
  readonly id: Buffer | undefined;
  readonly isTokenObject: boolean;
  use<T>(
    operation: string,
    options: Pick<RunOptions, 'signal' | 'given' | 'repeatable' | 'shares'>,
    work: (object: StorageObject, session: Session) => Promise<T>,
  ): Promise<T>;
  standIn(): ClientObjectMembers;
}

/** A key of a client that signs. @internal */
export interface ClientSigningKey extends ClientObjectMembers {
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer>;
}

/** A key of a client that verifies. @internal */
export interface ClientVerifyingKey extends ClientObjectMembers {
  verify(
    algorithm: MechanismInput,
    data: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean>;
}
