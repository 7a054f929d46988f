import { expect } from 'vitest';
import type { Deviation } from '../expectations/expectations';

/** The code of the error that a promise rejects with; failed expectations pass through. */
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

/** The outcome of a test that comes out otherwise here: an error of the module, or an expectation that fails. */
export async function expectDeviation(deviation: Deviation, body: () => Promise<void>): Promise<void> {
  const error = await body().then(
    () => undefined,
    (reason: unknown) => reason as Error & { code?: string },
  );
  if (deviation.fails !== undefined) expect(error?.code ?? error?.message).toBe(deviation.fails);
  else expect(error, `it is as everywhere now; the expectation says: ${deviation.why}`).toBeDefined();
}
