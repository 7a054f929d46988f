import { onAbort } from '../../core/abort-signal';
import { outOfRange, wrongType } from '../../core/argument-errors';
import { requireOptions, requireSignal } from '../../core/arguments';
import { LONGEST_TIMER_MS } from '../../core/deadlines';
import { type CryptokiError, ownError } from '../../core/errors';
import type { OperationOptions } from '../client-types';

/** The names of {@link OperationOptions}. */
export const OPERATION_OPTIONS = ['signal', 'timeout'] as const;

/**
 * Checks the options of an operation.
 * @param what names the options in errors
 * @param more names of other options, which the caller checks
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
  if (typeof timeout !== 'number') throw wrongType('timeout', 'a number of milliseconds', timeout);
  if (!(timeout >= 1)) throw outOfRange('timeout', '1 millisecond or more', timeout);
}

function timeoutError(timeout: number): CryptokiError {
  return ownError(
    'ERR_CRYPTOKI_TIMEOUT',
    `the operation has not ended within its timeout of ${timeout} ms; a call in the module goes on to its end`,
  );
}

/**
 * Runs an operation with the caller's options, which are checked first.
 * @param run receives a signal that is aborted with the caller's, or after the timeout
 * @throws as {@link checkOperationOptions}; ERR_CRYPTOKI_TIMEOUT
 */
export async function withOptions<T>(
  options: OperationOptions | undefined,
  run: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (options === undefined) return run(undefined);
  checkOperationOptions(options);
  const { signal, timeout } = options;
  if (timeout === undefined || timeout > LONGEST_TIMER_MS) return run(signal);
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
