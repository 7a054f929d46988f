import { onAbort } from './abort-signal';

/** The longest timer that Node has, in milliseconds; about 25 days. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Settles like the promise, or rejects with the reason of the signal if that is aborted earlier. */
export function until<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    promise.then(resolve, reject).finally(onAbort(signal, abort));
    if (signal.aborted) abort();
  });
}

/** Settles like the promise, or rejects with the result of `error` after `time` milliseconds. */
export function limited<T>(promise: Promise<T>, time: number, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(error()), Math.min(time, LONGEST_TIMER_MS));
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
