import { onAbort } from '../../core/abort-signal';
import { LONGEST_TIMER } from '../../core/deadlines';
import { CryptokiError } from '../../core/errors';
import type { Share } from './pool-types';

/** Who waits for something of which there is not enough, first come first served. */
export class Waiters<T> {
  readonly #queue = new Set<{
    readonly shares: Share | undefined;
    resolve(value: T): void;
    reject(error: unknown): void;
  }>();

  get size(): number {
    return this.#queue.size;
  }

  /** What the one who waits longest would share a session as; undefined also when nobody waits. */
  get firstShares(): Share | undefined {
    const [first] = this.#queue;
    return first?.shares;
  }

  /**
   * Waits until {@link give} serves this one.
   * @param timeout in milliseconds; longer than {@link LONGEST_TIMER} is as long as it takes
   * @param shares it takes what others have as well
   * @throws the signal's reason; ERR_CRYPTOKI_TIMEOUT
   */
  wait(what: string, timeout: number, signal: AbortSignal | undefined, shares?: Share): Promise<T> {
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
      if (timeout <= LONGEST_TIMER) {
        timer = setTimeout(() => {
          waiter.reject(
            new CryptokiError({
              code: 'ERR_CRYPTOKI_TIMEOUT',
              detail: `waited ${timeout} ms for ${what}`,
              action: 'retry',
            }),
          );
        }, timeout);
      }
      this.#queue.add(waiter);
    });
  }

  /** Serves the one who waits longest. False when nobody does. */
  give(value: T): boolean {
    const [first] = this.#queue;
    first?.resolve(value);
    return first !== undefined;
  }

  /** Ends the longest wait with an error. */
  failFirst(error: unknown): void {
    const [first] = this.#queue;
    first?.reject(error);
  }

  /** Ends all waits with an error. */
  fail(error: unknown): void {
    for (const waiter of [...this.#queue]) waiter.reject(error);
  }
}
