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

/** How many native threads of the package there are. */
function threads(): number {
  const names = readdirSync('/proc/self/task').map((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8');
    } catch {
      return ''; // it has ended
    }
  });
  return names.filter((name) => name === 'cryptoki\n').length;
}

// The threads of a process can be counted on Linux only, and only there is anything learnt.
describe.skipIf(process.platform !== 'linux')('the threads of the pool', () => {
  const large = Buffer.alloc(4 << 20, 0x5a);
  const wanted = createHash('sha256').update(large).digest();

  test('are not more than the cores for calls that compute', async () => {
    const digests = sessions.map(async (session) => {
      const results = [];
      for (let i = 0; i < 4; i += 1) results.push(await its.raw.digest(session, { mechanism: 0x250 }, large));
      return results;
    });
    const all = (await Promise.all(digests)).flat();
    const most = threads(); // they stay for half a minute
    expect(all).toHaveLength(4 * SESSIONS);
    expect(all.every((digest) => digest.equals(wanted))).toBe(true);
    // One more looks whether the others compute. On a machine that is busy with something else some seem to wait for a
    // device: the machine's other work is that.
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(availableParallelism() + SESSIONS / 2);
  });

  test('are as many as the calls that wait', async () => {
    its.hsm.plan([{ function: 'C_GenerateRandom', hang: true }]);
    const calls = sessions.map((session) => its.raw.C_GenerateRandom(session, 8));
    await its.hsm.until(({ hanging }) => hanging === SESSIONS);
    expect(threads()).toBeGreaterThanOrEqual(SESSIONS);
    its.hsm.clear();
    expect(await Promise.all(calls)).toHaveLength(SESSIONS);
  });
});
