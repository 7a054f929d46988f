import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

let its: TestToken;
beforeAll(async () => {
  its = await createToken('memory');
});
afterAll(() => its.remove());

interface Report {
  /** Number of copies of the PIN in memory before its owner overwrites it. */
  readonly control: number;
  /** Number of copies afterwards. */
  readonly left: number;
  readonly state: string;
}

/** Runs a process that sends the PIN and then searches its own memory for it. */
async function search(how: string): Promise<Report> {
  const program = fileURLToPath(new URL('../support/programs/pin-memory.mjs', import.meta.url));
  // Inverted, so that the arguments of the process do not contain it.
  const inverted = Buffer.from(its.pin).map((byte) => byte ^ 0xff);
  const args = [program, how, its.module, its.label, Buffer.from(inverted).toString('hex')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  return JSON.parse(stdout) as Report;
}

// Sanitizers delay the reuse of freed memory and overwrite it in their own way.
const isPlain = !process.env.LD_PRELOAD?.includes('san');
const why = process.platform === 'linux' ? '' : ' (needs /proc/self/mem)';

describe.skipIf(process.platform !== 'linux' || !isPlain)(`the memory of the process${why}`, () => {
  test('is searched reliably: the PIN is found while it is present, and not found when it was not used', async () => {
    const { control, left } = await search('none');
    expect(control).toBeGreaterThanOrEqual(1);
    expect(left).toBe(0);
  });

  test.each([
    ['raw', 'C_LoginSync'],
    ['model', 'Session.login'],
    ['token', 'Token.login'],
    ['setPin', 'Session.setPin'],
    ['context', 'sign and signSync with { pin }'],
  ])('%s: holds no copy of the PIN after %s, once its owner has overwritten it', async (how) => {
    const { control, left, state } = await search(how);
    expect(control).toBeGreaterThanOrEqual(1);
    expect(state).toBe('RW_USER_FUNCTIONS');
    expect(left).toBe(0);
  });
});
