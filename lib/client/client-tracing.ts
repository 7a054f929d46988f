import { channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel';

/** What `tracing:cryptoki:operation:*` carries. Never a PIN, a key's value or a message. */
export interface OperationTrace {
  /** 'sign', 'find', 'generateKeyPair' ... */
  readonly operation: string;
  /** CKA_LABEL of the token. */
  readonly token: string;
  /** CKA_LABEL of the key, where there is one. */
  readonly key?: string | undefined;
  /** Which try this is; 1 for the first. */
  attempt: number;
  result?: unknown;
  error?: unknown;
}

/** What `cryptoki:pool` carries: a session was opened, closed, waited for in vain, given up in a call that hangs, or the limit was learnt. */
export interface PoolTrace {
  readonly event: 'opened' | 'closed' | 'waiting' | 'exhausted' | 'limit' | 'hung';
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
  readonly max: number;
}

/** What `cryptoki:login` carries. */
export interface LoginTrace {
  readonly event: 'login' | 'logout' | 'failed';
  readonly token: string;
  readonly user: 'USER' | 'SO';
  /** Of a login: as in PinRequest; of a logout: why. */
  readonly reason: string;
  /** Of a failed login: CKR or ERR_CRYPTOKI code. */
  readonly code?: string | undefined;
}

/** What `cryptoki:recovery` carries. */
export interface RecoveryTrace {
  readonly event: 'begin' | 'end' | 'failed';
  readonly token: string;
  /** How deep it goes: one session, all that is on the token, the module. */
  readonly level: 'session' | 'login' | 'token' | 'module';
  readonly generation: number;
  readonly code?: string | undefined;
}

const pool = channel('cryptoki:pool');
const login = channel('cryptoki:login');
const recovery = channel('cryptoki:recovery');
const operation: TracingChannel<OperationTrace> = tracingChannel('cryptoki:operation');

export function tracePool(message: () => PoolTrace): void {
  if (pool.hasSubscribers) pool.publish(message());
}

export function traceLogin(message: LoginTrace): void {
  if (login.hasSubscribers) login.publish(message);
}

export function traceRecovery(message: RecoveryTrace): void {
  if (recovery.hasSubscribers) recovery.publish(message);
}

/** Whether somebody listens to operations. Without listeners nothing is built for them. */
export function isTraced(): boolean {
  return (
    operation.start.hasSubscribers ||
    operation.end.hasSubscribers ||
    operation.asyncStart.hasSubscribers ||
    operation.asyncEnd.hasSubscribers ||
    operation.error.hasSubscribers
  );
}

/** Runs `work` as an operation that listeners can follow. The result itself is not given to them. */
export function traceOperation<T>(message: OperationTrace, work: () => Promise<T>): Promise<T> {
  if (!isTraced()) return work();
  let result: T | undefined;
  return operation
    .tracePromise(async () => {
      result = await work();
    }, message)
    .then(() => result as T);
}
