import { limited, until } from '../../core/deadlines';
import { CryptokiError, isCode } from '../../core/errors';
import type { Session } from '../../model/session';
import { isTraced, traceOperation } from '../client-tracing';
import type { RunOptions } from '../client-types';
import type { Settings } from '../connect-options';
import type { Connection } from '../connection/connection';
import type { Recovery, Tries } from '../connection/recovery';
import type { Lease } from '../pool/session-pool';

/** With these the model refuses what is lost, before it calls the module. */
const BEFORE_THE_CALL = ['ERR_CRYPTOKI_ACCESS', 'ERR_CRYPTOKI_SESSION_CLOSED', 'ERR_CRYPTOKI_OBJECT_DEAD'];

/** What makes an object: with one of {@link NOTHING_DONE} they say that they have not. */
const MAKING = [
  ...['C_GenerateKey', 'C_GenerateKeyPair', 'C_CreateObject', 'C_CopyObject', 'C_DeriveKey'],
  ...['C_UnwrapKey', 'C_UnwrapKeyAuthenticated', 'C_EncapsulateKey', 'C_DecapsulateKey'],
];
/** With these a module refuses a call before it does anything; CKR_SESSION_CLOSED may come in the middle of one. */
const NOTHING_DONE = ['CKR_USER_NOT_LOGGED_IN', 'CKR_SESSION_HANDLE_INVALID'];

/** Whether the error proves that what was to be done once was not done. Programs' own work may have done something before. */
function isUntouched(operation: string, error: unknown): boolean {
  if (operation === 'withSession') return false;
  if (isCode(error, ...BEFORE_THE_CALL)) return true;
  return isCode(error, ...NOTHING_DONE) && MAKING.includes(error.function ?? '');
}

/** What is done on a lent session. */
type Work<T> = (session: Session, lease: Lease) => Promise<T>;

/** Does operations on lent sessions, again when something was lost that could be got back. */
export class Runner {
  readonly #connection: Connection;
  readonly #recovery: Recovery;
  readonly #settings: Settings;
  readonly numbers = { operations: 0, errors: 0, retries: 0 };
  #isClosed = false;

  constructor(connection: Connection, recovery: Recovery, settings: Settings) {
    this.#connection = connection;
    this.#recovery = recovery;
    this.#settings = settings;
  }

  /** Nothing is begun or recovered any more. */
  close(): void {
    this.#isClosed = true;
    this.#recovery.close(closedError());
  }

  /** @throws ERR_CRYPTOKI_CLIENT_CLOSED */
  checkOpen(): void {
    if (this.#isClosed) throw closedError();
  }

  /** Does an operation, and does it again when it may be. */
  run<T>(operation: string, options: RunOptions, work: Work<T>): Promise<T> {
    if (!isTraced()) return this.#try(operation, options, work, () => {});
    const token = this.#connection.token?.label ?? '';
    const message = { operation, token, key: options.key, attempt: 1 };
    const note = (attempt: number): void => {
      message.attempt = attempt;
    };
    return traceOperation(message, () => this.#try(operation, options, work, note));
  }

  /** @param note is told which try it is, before each but the first */
  async #try<T>(
    operation: string,
    options: RunOptions,
    work: Work<T>,
    note: (attempt: number) => void,
  ): Promise<T> {
    let tries: Tries | undefined;
    for (;;) {
      // An error here is the end of a recovery: there is nothing more to try.
      if (this.#isClosed || options.signal?.aborted || !this.#recovery.isIdle) {
        await this.#ready(options.signal).catch((error) => this.#failed(error));
      }
      const { generation } = this.#connection;
      let lease: Lease | undefined;
      try {
        const { pool } = this.#connection;
        lease = pool.tryAcquire(options.shares) ?? (await pool.acquire(options.signal, options.shares));
        const result = await this.#on(lease, options.signal, work);
        this.numbers.operations += 1;
        if (this.#recovery.isLost) this.#recovery.works();
        return result;
      } catch (error) {
        if (isCode(error, 'ERR_CRYPTOKI_NOT_BEGUN')) continue; // another call on the session hangs
        tries ??= { generation, count: 0, actions: new Map() };
        tries.generation = generation;
        tries.count += 1;
        const isRepeatable = options.repeatable || !lease || isUntouched(operation, error);
        if (!(await this.#mayTryAgain(error, tries, isRepeatable, options.signal))) this.#failed(error);
        this.numbers.retries += 1;
        note(tries.count + 1);
      }
    }
  }

  async #ready(signal: AbortSignal | undefined): Promise<void> {
    this.checkOpen();
    signal?.throwIfAborted();
    await this.#recovery.ready(signal);
  }

  #failed(error: unknown): never {
    this.numbers.errors += 1;
    throw error;
  }

  #on<T>(lease: Lease, signal: AbortSignal | undefined, work: Work<T>): Promise<T> {
    // The session is given back when the work has ended, also if nobody waits for it any more.
    const ended = lent(lease, work);
    const { operationTimeout } = this.#settings;
    if (!Number.isFinite(operationTimeout)) return until(ended, signal);
    return limited(until(ended, signal), operationTimeout, () => {
      lease.giveUp();
      const detail = `the module has not answered for ${operationTimeout} ms; the call goes on, and its session is closed when it ends. Another session takes its place`;
      return new CryptokiError({ code: 'ERR_CRYPTOKI_TIMEOUT', detail, action: 'retry' });
    });
  }

  /** Whether to try again. @throws the signal's reason */
  async #mayTryAgain(
    error: unknown,
    tries: Tries,
    isRepeatable: boolean,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    if (signal?.aborted || this.#isClosed) return false;
    if (!isRepeatable) {
      // Not again, but the next operation is to find things in order.
      void this.#recovery.heal(error, tries).catch(() => {});
      return false;
    }
    try {
      return await this.#recovery.heal(error, tries, signal);
    } catch (failure) {
      if (signal?.aborted) this.#failed(failure);
      return false; // the operation's own error says more
    }
  }
}

/** Does the work, and gives the session back. */
async function lent<T>(lease: Lease, work: Work<T>): Promise<T> {
  let result: T;
  try {
    result = await work(lease.session, lease);
  } catch (error) {
    lease.release(error);
    throw error;
  }
  lease.release();
  return result;
}

/** Of a client that was closed. */
export function closedError(): CryptokiError {
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_CLIENT_CLOSED',
    detail: 'the client was closed; call connect() again',
  });
}

/** The promise, or ERR_CRYPTOKI_TIMEOUT after `time` milliseconds. */
export function withTimeout<T>(promise: Promise<T>, time: number): Promise<T> {
  return limited(promise, time, () => {
    const detail = `the module has not answered for ${time} ms; the call goes on`;
    return new CryptokiError({ code: 'ERR_CRYPTOKI_TIMEOUT', detail, action: 'retry' });
  });
}
