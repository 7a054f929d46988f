import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

let token: TestToken;

beforeAll(async () => {
  token = await createToken('stress');
});
afterAll(() => token.remove());

/** The result of a thousand repetitions in a process of its own. */
async function stress(scenario: string): Promise<unknown> {
  const program = join(import.meta.dirname, 'programs', 'stress.cjs');
  // The addon serves as a library without C_GetFunctionList.
  const noModule = join(import.meta.dirname, '..', '..', 'build', 'Release', 'cryptoki.node');
  const env = { ...process.env, ...token.environment, PIN: token.pin, NO_MODULE: noModule };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', program, scenario, token.module],
    { env },
  );
  return JSON.parse(stdout);
}

test.each([
  ['collected buffers', { right: 1000 }],
  ['collected objects', { true: 1000 }],
  ['finalised during calls', { ok: 2000 }],
  ['closed during calls', { ok: 2000 }],
  ['parallel sessions', { ok: 2000 }],
  ['wrong arguments', { refused: 14_000 }],
  ['detached buffers', { ok: 500, 'Cannot perform Construct on a detached ArrayBuffer': 500 }],
  ['no module', { refused: 1000 }],
  ['large attributes', { grownByLessThan100: true }],
  ['workers', { ended: 100, still: true }],
])('no crash: %s', { timeout: 120_000 }, async (scenario, result) => {
  expect(await stress(scenario)).toEqual(result);
});
