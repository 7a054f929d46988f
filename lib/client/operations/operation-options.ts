import { onAbort } from '../../core/abort-signal';
import { argumentError, requireOptions, requireSignal } from '../../core/arguments';
import { LONGEST_TIMER } from '../../core/deadlines';
import { CryptokiError } from '../../core/errors';
import type { OperationOptions } from '../client-types';

/** The names of {@link OperationOptions}. */
export const OPERATION_OPTIONS = ['signal', 'timeout'] as const;

/**
 * @param what names the options in errors
 * @param more names of other options, which are checked elsewhere
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE
 */
export function checkOperationOptions(
  options: OperationOptions,
  what = 'the options of the operation',
  ...more: readonly string[]
): void {
  requireOptions(options, what, [...more, ...OPERATION_OPTIONS]);
  const { signal, timeout } = options;
  requireSignal(signal);
  if (timeout === undefined) return;
  if (typeof timeout !== 'number') throw argumentError(TypeError, 'timeout must be a number of milliseconds');
  if (!(timeout >= 1)) throw argumentError(RangeError, 'timeout must be 1 millisecond or more');
}

function timeoutError(timeout: number): CryptokiError {
  const detail = `the operation has not ended within its timeout of ${timeout} ms; a call in the module goes on to its end`;
  return new CryptokiError({ code: 'ERR_CRYPTOKI_TIMEOUT', detail, action: 'retry' });
}

/**
 * Runs an operation with the caller's options, which are checked first.
 * @param run gets a signal that is aborted when the caller's is, and when the time is over
 * @throws as {@link checkOperationOptions}; ERR_CRYPTOKI_TIMEOUT
 */
export async function withOptions<T>(
  options: OperationOptions | undefined,
  run: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (options === undefined) return run(undefined);
  checkOperationOptions(options);
  const { signal, timeout } = options;
  if (timeout === undefined || timeout > LONGEST_TIMER) return run(signal);
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(timeoutError(timeout)), timeout);
  const follow = (): void => ending.abort(signal?.reason);
  const unfollow = signal && onAbort(signal, follow);
  if (signal?.aborted) follow();
  try {
    return await run(ending.signal);
  } finally {
    clearTimeout(timer);
    unfollow?.();
  }
}
