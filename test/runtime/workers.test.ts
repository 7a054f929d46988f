import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Module, type Session } from 'cryptoki';
import { FaultModule } from 'cryptoki/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Opened, openToken } from '../support/open';

type Ending = 'close' | 'exit' | 'terminate' | 'return';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

const workerData = (count: number, ending: Ending, module = opened.test.module) => ({
  module,
  label: opened.test.label,
  pin: opened.test.pin,
  count,
  ending,
});

/** Runs a worker to its end and returns its report. */
async function work(ending: Ending, count = 50, module?: string): Promise<{ valid: number; state: string }> {
  const program = new URL('../support/programs/worker.mjs', import.meta.url);
  const worker = new Worker(program, { workerData: workerData(count, ending, module) });
  const exit = once(worker, 'exit');
  const [report] = await Promise.race([
    once(worker, 'message'),
    once(worker, 'error').then(([error]) => Promise.reject(error)),
  ]);
  if (ending === 'terminate') await worker.terminate();
  await exit;
  return report;
}

describe('worker threads share a module', () => {
  test.each<Ending>(['close', 'exit', 'terminate', 'return'])(
    'the others continue when one ends by %s with calls in flight',
    async (ending) => {
      const { privateKey, publicKey } = await session.generateKeyPair('EC', { curve: 'P-256' });
      let running = true;
      const signing = (async () => {
        let count = 0;
        while (running) {
          const message = Buffer.from(`main ${count}`);
          const signature = await privateKey.sign('ECDSA-SHA256', message);
          expect(await publicKey.verify('ECDSA-SHA256', message, signature)).toBe(true);
          count += 1;
        }
        return count;
      })();
      for (let round = 0; round < 3; round++) {
        const reports = await Promise.all([work(ending), work(ending), work(ending)]);
        for (const report of reports) expect(report).toEqual({ valid: 50, state: 'RW_USER_FUNCTIONS' });
      }
      running = false;
      expect(await signing).toBeGreaterThan(0);
      expect(session.state).toBe('RW_USER_FUNCTIONS');
    },
  );

  test('the sessions of a worker that ended are closed', async () => {
    // SoftHSM2 does not count sessions, the fault module does.
    await using fault = await FaultModule.create({ module: opened.test.module });
    await using module = await Module.open(fault.path);
    await using _ = await (await module.token({ label: opened.test.label })).openSession();
    expect(fault.counters().openSessions).toBe(1);
    await work('terminate', 50, fault.path);
    expect(fault.counters().calls.C_OpenSession).toBe(2);
    await expect.poll(() => fault.counters().openSessions, { timeout: 10_000 }).toBe(1);
  });

  test('a logout in one thread changes the session states in the others', async () => {
    const worker = new Worker(new URL('../support/programs/worker.mjs', import.meta.url), {
      workerData: workerData(1, 'terminate'),
    });
    await once(worker, 'message');
    await session.logout();
    expect(session.state).toBe('RW_PUBLIC_SESSION');
    const other = await work('close', 1); // logs in again
    expect(other.state).toBe('RW_USER_FUNCTIONS');
    expect(session.state).toBe('RW_USER_FUNCTIONS');
    await worker.terminate();
  });
});
