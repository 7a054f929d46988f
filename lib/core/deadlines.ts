import { onAbort } from './abort-signal';

/** The longest timer that Node has, in milliseconds; about 25 days. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** The promise, or the signal's reason, whichever comes first. */
export function until<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    promise.then(resolve, reject).finally(onAbort(signal, abort));
    if (signal.aborted) abort();
  });
}

/** The promise, or what `error` makes after `time` milliseconds. */
export function limited<T>(promise: Promise<T>, time: number, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(error()), Math.min(time, LONGEST_TIMER));
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
