import { expect } from 'vitest';
import type { Deviation } from '../expectations/expectations';

/** Returns the error code with which a promise rejects; failed expectations are rethrown. */
export async function codeOf(action: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof action === 'function' ? action() : action);
  } catch (error) {
    if (error instanceof Error && 'code' in error && /^(CKR|ERR)_/.test(String(error.code))) {
      return String(error.code);
    }
    throw error;
  }
  return 'no error';
}

/** Returns the result of a test that is expected to deviate: an error of the module, or a failed expectation. */
export async function expectDeviation(deviation: Deviation, body: () => Promise<void>): Promise<void> {
  const error = await body().then(
    () => undefined,
    (reason: unknown) => reason as Error & { code?: string },
  );
  if (deviation.fails !== undefined) expect(error?.code ?? error?.message).toBe(deviation.fails);
  else expect(error, `it is as everywhere now; the expectation says: ${deviation.why}`).toBeDefined();
}
