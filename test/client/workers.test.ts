import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Client } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Ground, MESSAGE, prepare } from './support/ground';

let ground: Ground;
let workers: Thread[] = [];
beforeAll(async () => {
  ground = await prepare('workers');
  const client = await ground.connect();
  await client.generateKeyPair('EC', { curve: 'P-256', label: 'shared', token: true });
  await client.close();
});
beforeEach(async () => {
  workers = await Promise.all([start(), start(), start()]);
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.end()));
  await ground.fault.until(({ openSessions }) => openSessions === 0);
  await ground.clean();
});
afterAll(() => ground.close());

interface Signed {
  readonly right: number;
  readonly errors: readonly string[];
}

/** A worker thread with a client of its own. */
interface Thread {
  sign(count: number): Promise<Signed>;
  state(): Promise<{ user: string | undefined; events: string[]; open: number }>;
  tell(order: 'logout' | 'login' | 'close'): Promise<unknown>;
  end(): Promise<unknown>;
}

async function start(): Promise<Thread> {
  const { module, label, pin } = ground.test;
  const worker = new Worker(new URL('./support/worker.mjs', import.meta.url), {
    workerData: { module, label, pin },
  });
  await once(worker, 'message');
  let last = 0;
  const ask = <T>(order: string, count?: number): Promise<T> => {
    last += 1;
    const id = last;
    return new Promise((resolve) => {
      const note = (said: { id: number; answer: T }): void => {
        if (said.id !== id) return;
        worker.off('message', note);
        resolve(said.answer);
      };
      worker.on('message', note);
      worker.postMessage({ id, order, count });
    });
  };
  return {
    sign: (count) => ask('sign', count),
    state: () => ask('state'),
    tell: (order) => ask(order),
    end: () => worker.terminate(),
  };
}

const all = (count: number): Signed => ({ right: count, errors: [] });

describe('clients of three worker threads on one token', () => {
  test('work at the same time and share the login', async () => {
    const results = await Promise.all(workers.map((worker) => worker.sign(300)));
    expect(results).toEqual([all(300), all(300), all(300)]);
    const states = await Promise.all(workers.map((worker) => worker.state()));
    expect(states.map(({ user }) => user)).toEqual(['USER', 'USER', 'USER']);
    expect(ground.sessions()).toBe(states.reduce((sum, { open }) => sum + open + 1, 0));
  });

  test('are not disturbed when one is terminated with operations in flight', async () => {
    const [victim, ...others] = workers as [Thread, Thread, Thread];
    ground.fault.plan([{ function: 'C_Sign', delay: 2 }]);
    void victim.sign(1000);
    const signing = others.map((worker) => worker.sign(400));
    await ground.fault.until(({ calls }) => (calls.C_Sign ?? 0) > 100);
    await victim.end();
    expect(await Promise.all(signing)).toEqual([all(400), all(400)]);
    const states = await Promise.all(others.map((worker) => worker.state()));
    expect(states.map(({ user, events }) => [user, events])).toEqual([
      ['USER', []],
      ['USER', []],
    ]);
    const expected = states.reduce((sum, { open }) => sum + open + 1, 0);
    await ground.fault.until(({ openSessions }) => openSessions === expected); // the sessions of the terminated worker are closed
    expect(ground.fault.violations).toEqual([]);
    expect(await others[0].sign(50)).toEqual(all(50));
  });

  test('recover under load from a logout by one of them', async () => {
    const [first, ...others] = workers as [Thread, Thread, Thread];
    const rounds: Promise<Signed>[] = [];
    for (let round = 0; round < 5; round++) {
      rounds.push(...others.map((worker) => worker.sign(100)));
      await first.tell('logout');
      expect((await first.state()).events).toEqual(['requested']);
      await Promise.all(rounds);
      await first.tell('login');
    }
    for (const result of await Promise.all(rounds)) expect(result).toEqual(all(100));
    const states = await Promise.all(others.map((worker) => worker.state()));
    for (const { user, events } of states) {
      expect(user).toBe('USER');
      expect(new Set(events)).toEqual(new Set(['elsewhere']));
    }
  });

  test('keep the login when another client closes in this thread or in another', async () => {
    const client: Client = await ground.connect();
    const key = await client.privateKey({ label: 'shared' });
    await workers[0]?.tell('close');
    expect(await key.sign('ECDSA-SHA256', MESSAGE)).toHaveLength(64);
    await client.close();
    expect(await workers[1]?.sign(20)).toEqual(all(20));
    expect((await workers[1]?.state())?.events).toEqual([]);
  });
});
