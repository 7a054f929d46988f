import { limited, until } from '../../core/deadlines';
import { type CryptokiError, isCode, ownError } from '../../core/errors';
import { isPromise } from '../../core/realms';
import type { Session } from '../../model/session';
import { isTraced, traceOperation } from '../client-tracing';
import type { RunOptions } from '../client-types';
import type { Settings } from '../connect-options';
import type { Connection } from '../connection/connection';
import type { Recovery, Tries } from '../connection/recovery';
import type { Lease } from '../pool/pool-types';
import { withOptions } from './operation-options';

/** The model throws these before it calls the module. */
const BEFORE_THE_CALL = ['ERR_CRYPTOKI_ACCESS', 'ERR_CRYPTOKI_SESSION_CLOSED', 'ERR_CRYPTOKI_OBJECT_DEAD'];

/** Functions that make an object. If one returns {@link NOTHING_DONE}, it has not made it. */
const MAKING_FUNCTIONS = [
  ...['C_GenerateKey', 'C_GenerateKeyPair', 'C_CreateObject', 'C_CopyObject', 'C_DeriveKey'],
  ...['C_UnwrapKey', 'C_UnwrapKeyAuthenticated', 'C_EncapsulateKey', 'C_DecapsulateKey'],
];
/** A module returns these before it does anything. CKR_SESSION_CLOSED can come in the middle of a call, so it is not one. */
const NOTHING_DONE = ['CKR_USER_NOT_LOGGED_IN', 'CKR_SESSION_HANDLE_INVALID'];

/** Returns true if the error proves that the module has done nothing. A program's own work may have done something before. */
function isUntouched(operation: string, error: unknown): boolean {
  if (operation === 'withSession') return false;
  if (isCode(error, ...BEFORE_THE_CALL)) return true;
  return isCode(error, ...NOTHING_DONE) && MAKING_FUNCTIONS.includes(error.function ?? '');
}

/** The object that an operation uses: a handle, which has to be found on the lent session. */
export interface Target<O> {
  /** CKA_LABEL, for traces. */
  readonly label: string | undefined;
  /** Returns the object on a session; a promise only if it has to be searched for or proved. */
  on(session: Session, operation: string): O | Promise<O>;
}

/** An operation on a lent session. @param object undefined without a target */
export type Work<T, O> = (object: O, session: Session, lease: Lease) => Promise<T>;

function begin<T, O>(
  operation: string,
  target: Target<O> | undefined,
  lease: Lease,
  work: Work<T, O>,
): Promise<T> {
  const { session } = lease;
  const object = target?.on(session, operation) as O | Promise<O>;
  return isPromise(object)
    ? object.then((found) => work(found as O, session, lease))
    : work(object, session, lease);
}

/** Runs operations on lent sessions, and repeats them after a loss (of a session, the login, the token) that was recovered. */
export class Runner {
  readonly #connection: Connection;
  readonly #recovery: Recovery;
  readonly #settings: Settings;
  readonly #isUnlimited: boolean;
  readonly numbers = { operations: 0, errors: 0, retries: 0 };
  #isClosed = false;

  constructor(connection: Connection, recovery: Recovery, settings: Settings) {
    this.#connection = connection;
    this.#recovery = recovery;
    this.#settings = settings;
    this.#isUnlimited = !Number.isFinite(settings.operationTimeout);
  }

  /** Ends recoveries; later operations fail with ERR_CRYPTOKI_CLIENT_CLOSED. */
  close(): void {
    this.#isClosed = true;
    this.#recovery.close(closedError());
  }

  /** @throws ERR_CRYPTOKI_CLIENT_CLOSED */
  checkOpen(): void {
    if (this.#isClosed) throw closedError();
  }

  /**
   * Runs an operation on a lent session, and repeats it if it may be repeated.
   * @param onRetry receives the number of the attempt, before each but the first
   */
  async run<T, O = undefined>(
    operation: string,
    options: RunOptions,
    work: Work<T, O>,
    target?: Target<O>,
    onRetry?: (attempt: number) => void,
  ): Promise<T> {
    const { signal, callerOptions } = options;
    if (callerOptions !== undefined) {
      return withOptions(callerOptions, (bounded) => {
        const bound: RunOptions = Object.create(options, {
          signal: { value: bounded },
          callerOptions: { value: undefined },
        });
        return this.run(operation, bound, work, target);
      });
    }
    if (onRetry === undefined && isTraced()) return this.#traced(operation, options, work, target);
    const isUnlimited = this.#isUnlimited && signal === undefined;
    let tries: Tries | undefined;
    for (;;) {
      // An error here is the end of a recovery: there is nothing more to try.
      if (this.#isClosed || signal?.aborted || !this.#recovery.isIdle) {
        await this.#ready(signal).catch((error) => this.#failed(error));
      }
      const { generation, pool } = this.#connection;
      let lease: Lease | undefined;
      try {
        lease = pool.tryAcquire(options.shares) ?? (await pool.acquire(signal, options.shares));
        const result = await (isUnlimited
          ? begin(operation, target, lease, work)
          : this.#limited(signal, operation, target, lease, work));
        if (isUnlimited) lease.release();
        this.numbers.operations += 1;
        if (this.#recovery.isLost) this.#recovery.works();
        return result;
      } catch (error) {
        if (isUnlimited) lease?.release(error);
        if (isCode(error, 'ERR_CRYPTOKI_NOT_BEGUN')) continue; // another call on the session hangs
        tries ??= { generation, count: 0, actions: new Map() };
        tries.generation = generation;
        tries.count += 1;
        const isRepeatable = options.repeatable || !lease || isUntouched(operation, error);
        if (!(await this.#mayTryAgain(error, tries, isRepeatable, signal))) this.#failed(error);
        this.numbers.retries += 1;
        onRetry?.(tries.count + 1);
      }
    }
  }

  /** {@link run}, reported to the tracing channel of operations. */
  #traced<T, O>(
    operation: string,
    options: RunOptions,
    work: Work<T, O>,
    target: Target<O> | undefined,
  ): Promise<T> {
    const token = this.#connection.token?.label ?? '';
    const message = { operation, token, key: target?.label, attempt: 1 };
    const note = (attempt: number): void => {
      message.attempt = attempt;
    };
    return traceOperation(message, () => this.run(operation, options, work, target, note));
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

  /** Waits for the operation until the signal or operationTimeout ends the waiting. The session is given back when it ends. */
  #limited<T, O>(
    signal: AbortSignal | undefined,
    operation: string,
    target: Target<O> | undefined,
    lease: Lease,
    work: Work<T, O>,
  ): Promise<T> {
    const ended = lent(operation, target, lease, work);
    const { operationTimeout } = this.#settings;
    if (this.#isUnlimited) return until(ended, signal);
    return limited(until(ended, signal), operationTimeout, () => {
      lease.giveUp();
      return ownError(
        'ERR_CRYPTOKI_TIMEOUT',
        `the module has not answered for ${operationTimeout} ms; the call goes on, and its session is closed when it ends. Another session takes its place`,
      );
    });
  }

  /** Returns true if the operation is to be repeated. @throws the signal's reason */
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

/** Starts an operation and gives the session back when it has ended, also if nobody waits for it any more. */
async function lent<T, O>(
  operation: string,
  target: Target<O> | undefined,
  lease: Lease,
  work: Work<T, O>,
): Promise<T> {
  let result: T;
  try {
    result = await begin(operation, target, lease, work);
  } catch (error) {
    lease.release(error);
    throw error;
  }
  lease.release();
  return result;
}

/** Returns the error of a closed client. */
export function closedError(): CryptokiError {
  return ownError('ERR_CRYPTOKI_CLIENT_CLOSED', 'the client was closed; call connect() again');
}

/** Limits a promise of a module call. @param time in milliseconds @throws ERR_CRYPTOKI_TIMEOUT */
export function withTimeout<T>(promise: Promise<T>, time: number): Promise<T> {
  return limited(promise, time, () =>
    ownError('ERR_CRYPTOKI_TIMEOUT', `the module has not answered for ${time} ms; the call goes on`),
  );
}
