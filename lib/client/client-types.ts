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

/** The events of a {@link Client}. */
export interface ClientEvents {
  login: [{ readonly user: User }];
  /** Emitted when the login will end in `within` milliseconds. */
  expiring: [{ readonly reason: 'idle' | 'age'; readonly within: number }];
  loggedOut: [{ readonly reason: LogoutReason }];
  /** Emitted once for each loss (of a session, the login, the token, the module), even if the recovery takes several attempts. */
  recovering: [{ readonly level: RecoveryLevel; readonly cause: unknown }];
  recovered: [{ readonly level: RecoveryLevel; readonly generation: number }];
  /** Emitted once for each loss that a recovery has not ended in time. Operations try again, after pauses of at most 2 s. */
  down: [{ readonly error: unknown }];
  /** Emitted when the token has refused read/write sessions with `error`, so that the client uses read-only ones. */
  readOnly: [{ readonly error: unknown }];
}

/** The numbers of a client. */
export interface ClientStatistics extends PoolStatistics {
  /** Operations that succeeded, that failed, and attempts after the first. */
  readonly operations: number;
  readonly errors: number;
  readonly retries: number;
  readonly logins: number;
  readonly recoveries: number;
  /** Number that increases with each recovery and each end of a login. */
  readonly generation: number;
}

/** The result of {@link Client.health}. */
export interface Health {
  readonly ok: boolean;
  readonly loggedIn: User | undefined;
  /** Time until the token answered, in milliseconds. */
  readonly latency: number;
  /** Sessions whose call hangs at this moment, and all that were given up for that reason since connect(). */
  readonly hung: number;
  readonly givenUp: number;
  /**
   * Time since the session that was lent first was lent, in milliseconds; 0 when no session is lent. Without operationTimeout
   * only this number shows a call that hangs.
   */
  readonly longestLent: number;
  /** True when the client cannot write to the token; see Client.readOnly. */
  readonly readOnly: boolean;
  /** The reason why `ok` is false. */
  readonly error?: unknown;
}

/** Options that end the wait for an operation. */
export interface OperationOptions {
  /** Ends the wait for a session, for a recovery and for the result. A call in the module continues to its end. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Limit of the whole wait, in milliseconds, with repetitions and recoveries; then the operation fails with
   * ERR_CRYPTOKI_TIMEOUT. Default: only the limits of ConnectOptions.
   */
  readonly timeout?: number | undefined;
}

/** Options of an operation on a lent session. @internal */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** The caller's options, which Client.run checks and uses in place of `signal`. */
  readonly callerOptions?: OperationOptions | undefined;
  /** True when the operation may be repeated after an error that does not say if it was done. */
  readonly repeatable: boolean;
  /** Set for an operation of one native call: others of the same kind may use the session at the same time. */
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
 * The members of Client that its parts use. The parts use these interfaces in place of the classes, because the classes import
 * the parts.
 * @internal
 */
export interface ClientMembers {
  readonly closed: boolean;
  readonly token: Token;
  readonly generation: number;
  readonly anchor: Session;
  statistics(): ClientStatistics;
  on(event: 'recovered' | 'login', listener: () => void): unknown;
  readonly runner: OperationRunner;
  /** Returns a ClientObject of the class that fits the object. */
  makeObject(object: StorageObject, generation: number): object;
  run<T>(
    operation: string,
    options: RunOptions,
    work: (session: Session, lease: Lease) => Promise<T>,
  ): Promise<T>;
  make(
    operation: string,
    options: OperationOptions,
    key: ClientObjectMembers | undefined,
    work: (key: StorageObject, session: Session) => Promise<readonly StorageObject[]>,
  ): Promise<readonly ClientObjectMembers[]>;
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
    options: Pick<RunOptions, 'signal' | 'callerOptions' | 'repeatable' | 'shares'>,
    work: (object: StorageObject, session: Session) => Promise<T>,
  ): Promise<T>;
  standIn(): ClientObjectMembers;
  on(session: Session, operation: string): StorageObject | Promise<StorageObject>;
}

/** A key of a client that makes signatures. @internal */
export interface ClientSigningKey extends ClientObjectMembers {
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer>;
}

/** A key of a client that verifies signatures. @internal */
export interface ClientVerifyingKey extends ClientObjectMembers {
  verify(
    algorithm: MechanismInput,
    data: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean>;
}
