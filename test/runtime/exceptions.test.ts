/** No C++ exception may leave the addon, wherever a call fails. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../support/programs/exceptions.mjs', import.meta.url));

let token: TestToken;
beforeAll(async () => {
  token = await createToken();
});
afterAll(() => token.remove());

const outcome = async (kind: string) =>
  (await run(process.execPath, [program, token.module, kind])).stdout.trim();

test('calls that fail while their worker is terminated do not end the process', async () => {
  expect(await outcome('terminate')).toBe('alive');
}, 60_000);

test('calls that fail near the end of the stack do not end the process', async () => {
  expect(await outcome('stack')).toBe('alive');
}, 60_000);

test('calls in flight in a terminated worker are released with their parameters', async () => {
  expect(await outcome('references')).toBe('alive');
}, 60_000);
