import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../support/fault';

const SESSIONS = 32;

let its: Faulty;
let sessions: bigint[];
beforeAll(async () => {
  its = await openFaulty();
  sessions = [];
  while (sessions.length < SESSIONS) sessions.push((await its.token.openSession()).handle);
});
afterAll(() => its.close());

/** Number of native threads of the package. */
function threads(): number {
  const names = readdirSync('/proc/self/task').map((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8');
    } catch {
      return ''; // the thread has ended
    }
  });
  return names.filter((name) => name === 'cryptoki\n').length;
}

// Threads can be counted on Linux only.
describe.skipIf(process.platform !== 'linux')('the threads of the pool', () => {
  const large = Buffer.alloc(4 << 20, 0x5a);
  const wanted = createHash('sha256').update(large).digest();

  test('do not exceed the number of cores for calls that compute', async () => {
    const digests = sessions.map(async (session) => {
      const results = [];
      for (let i = 0; i < 4; i += 1) results.push(await its.raw.digest(session, { mechanism: 0x250 }, large));
      return results;
    });
    const all = (await Promise.all(digests)).flat();
    const most = threads(); // threads remain for half a minute
    expect(all).toHaveLength(4 * SESSIONS);
    expect(all.every((digest) => digest.equals(wanted))).toBe(true);
    // One further thread checks if the others compute. On a machine that is busy with other work, some calls look as if they
    // waited for a device.
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(availableParallelism() + SESSIONS / 2);
  });

  test('equal the number of calls that wait for a device', async () => {
    its.hsm.plan([{ function: 'C_GenerateRandom', hang: true }]);
    const calls = sessions.map((session) => its.raw.C_GenerateRandom(session, 8));
    await its.hsm.until(({ hanging }) => hanging === SESSIONS);
    expect(threads()).toBeGreaterThanOrEqual(SESSIONS);
    its.hsm.clear();
    expect(await Promise.all(calls)).toHaveLength(SESSIONS);
  });
});
