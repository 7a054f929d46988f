import { channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import { CryptokiError } from '../core/errors';

/** A message of `tracing:cryptoki:operation:*`. Never holds a PIN, a key's value or message content. */
export interface OperationTrace {
  /** Name of the method: 'sign', 'find', 'generateKeyPair' ... */
  readonly operation: string;
  /** CKA_LABEL of the token. */
  readonly token: string;
  /** CKA_LABEL of the key, if the operation has one. */
  readonly key?: string | undefined;
  /** Number of the attempt; the first is 1. */
  attempt: number;
  result?: unknown;
  error?: unknown;
}

/**
 * A message of `cryptoki:pool`. 'waiting': an operation waits for a session; 'exhausted': an operation was refused, because the
 * queue is full; 'limit': the token has refused a further session; 'hung': a session was given up, because its call hangs.
 */
export interface PoolTrace {
  readonly event: 'opened' | 'closed' | 'waiting' | 'exhausted' | 'limit' | 'hung';
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
  readonly max: number;
}

/** A message of `cryptoki:login`. */
export interface LoginTrace {
  readonly event: 'login' | 'logout' | 'failed';
  readonly token: string;
  readonly user: 'USER' | 'SO';
  /** Reason of a login, as in PinRequest, or of a logout. */
  readonly reason: string;
  /** CKR or ERR_CRYPTOKI code of a failed login. */
  readonly code?: string | undefined;
}

/** A message of `cryptoki:recovery`. */
export interface RecoveryTrace {
  readonly event: 'begin' | 'end' | 'failed';
  readonly token: string;
  /** Extent of the recovery: one session, the login, all sessions with the token, the module. */
  readonly level: 'session' | 'login' | 'token' | 'module';
  readonly generation: number;
  readonly code?: string | undefined;
}

const pool = channel('cryptoki:pool');
const login = channel('cryptoki:login');
const recovery = channel('cryptoki:recovery');
const operation: TracingChannel<OperationTrace> = tracingChannel('cryptoki:operation');

/** Returns the code of an error; undefined for errors of others. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof CryptokiError ? error.code : undefined;
}

export function tracePool(message: () => PoolTrace): void {
  if (pool.hasSubscribers) pool.publish(message());
}

export function traceLogin(message: LoginTrace): void {
  if (login.hasSubscribers) login.publish(message);
}

export function traceRecovery(message: RecoveryTrace): void {
  if (recovery.hasSubscribers) recovery.publish(message);
}

/** Returns true when operations have listeners. Without listeners no message is built. */
export function isTraced(): boolean {
  return (
    operation.start.hasSubscribers ||
    operation.end.hasSubscribers ||
    operation.asyncStart.hasSubscribers ||
    operation.asyncEnd.hasSubscribers ||
    operation.error.hasSubscribers
  );
}

/** Runs `work` and publishes its begin and end. The result is not published. */
export function traceOperation<T>(message: OperationTrace, work: () => Promise<T>): Promise<T> {
  if (!isTraced()) return work();
  let result: T | undefined;
  return operation
    .tracePromise(async () => {
      result = await work();
    }, message)
    .then(() => result as T);
}
