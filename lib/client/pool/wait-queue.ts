import { onAbort } from '../../core/abort-signal';
import { LONGEST_TIMER_MS } from '../../core/deadlines';
import { ownError } from '../../core/errors';
import type { Share } from './pool-types';

/** A queue of operations that wait for a value; served in the order of their arrival. */
export class Waiters<T> {
  readonly #queue = new Set<{
    readonly shares: Share | undefined;
    resolve(value: T): void;
    reject(error: unknown): void;
  }>();

  get size(): number {
    return this.#queue.size;
  }

  /** The kind of sharing of the first in the queue; undefined if it does not share, or if the queue is empty. */
  get firstShares(): Share | undefined {
    const [first] = this.#queue;
    return first?.shares;
  }

  /**
   * Waits until {@link give} passes a value.
   * @param subject names the value in the error: 'one of 16 sessions'
   * @param timeout in milliseconds; a time longer than {@link LONGEST_TIMER_MS} is not a limit
   * @param shares set when the operation can use a session together with others
   * @throws the signal's reason; ERR_CRYPTOKI_TIMEOUT
   */
  wait(subject: string, timeout: number, signal: AbortSignal | undefined, shares?: Share): Promise<T> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let ignore: (() => void) | undefined;
      const end = (): void => {
        clearTimeout(timer);
        ignore?.();
        this.#queue.delete(waiter);
      };
      const waiter = {
        shares,
        resolve: (value: T): void => {
          end();
          resolve(value);
        },
        reject: (error: unknown): void => {
          end();
          reject(error);
        },
      };
      const abort = (): void => waiter.reject(signal?.reason);
      if (signal?.aborted) return abort();
      if (signal) ignore = onAbort(signal, abort);
      if (timeout <= LONGEST_TIMER_MS) {
        timer = setTimeout(() => {
          waiter.reject(
            ownError(
              'ERR_CRYPTOKI_TIMEOUT',
              `waited ${timeout} ms for ${subject}; raise sessions.timeout or sessions.max`,
            ),
          );
        }, timeout);
      }
      this.#queue.add(waiter);
    });
  }

  /** Passes a value to the first in the queue. @returns false when the queue is empty */
  give(value: T): boolean {
    const [first] = this.#queue;
    first?.resolve(value);
    return first !== undefined;
  }

  /** Ends the wait of the first in the queue with an error. */
  failFirst(error: unknown): void {
    const [first] = this.#queue;
    first?.reject(error);
  }

  /** Ends all waits with an error. */
  fail(error: unknown): void {
    for (const waiter of [...this.#queue]) waiter.reject(error);
  }
}
