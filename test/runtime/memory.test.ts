import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

let token: TestToken;
beforeAll(async () => {
  token = await createToken();
});
afterAll(() => token.remove());

test('100,000 calls, successful and failed, leak no memory', async () => {
  const program = fileURLToPath(new URL('../support/programs/memory.mjs', import.meta.url));
  const args = ['--expose-gc', program, token.module, token.label, token.pin];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  // 80,000 calls that leak 100 bytes each would be 8 MB. Sanitizers delay the reuse of freed memory and detect leaks themselves.
  const allowed = process.env.LD_PRELOAD?.includes('san') ? 500e6 : 8e6;
  expect(Number(stdout)).toBeLessThan(allowed);
}, 120_000);
