import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type ClientStatistics, isCode } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Ground, gate, hold, MESSAGE, prepare, signer } from './support/ground';
import { expectNumbers } from './support/statistics';

let ground: Ground;
beforeAll(async () => {
  ground = await prepare('pool');
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

const expectTrue = (client: Client, numbers?: Partial<ClientStatistics>): void =>
  expectNumbers(ground, client, numbers);

describe('the pool', () => {
  test('opens at most max sessions, and uses all of them', async () => {
    const client = await ground.connect({ sessions: { max: 4 } });
    expectTrue(client, { open: 0, max: 4 });
    const { privateKey, isRight } = await signer(client, true);
    ground.fault.resetCounters();
    ground.fault.plan([{ function: 'C_Sign', delay: 2 }]);
    const signatures = await Promise.all(
      Array.from({ length: 200 }, () => privateKey.sign('ECDSA-SHA256', MESSAGE)),
    );
    expect(signatures.every((signature) => isRight(signature))).toBe(true);
    expectTrue(client, { open: 4, idle: 4, lent: 0, pinned: 0, waiting: 0, refused: 0 });
    expect(client.statistics().waits).toBeGreaterThanOrEqual(190);
    expect(ground.fault.counters().mostDelayed).toBeGreaterThan(1);
    expect(ground.fault.counters().mostDelayed).toBeLessThanOrEqual(4);
    await privateKey.destroy();
  });

  test('serves waiting operations in the order of their arrival', async () => {
    const client = await ground.connect({ sessions: { max: 2 } });
    const held = await Promise.all([hold(client), hold(client)]);
    const order: number[] = [];
    const all = Array.from({ length: 50 }, async (_, i) => {
      await client.withSession(async () => {
        order.push(i);
        await sleep(Math.random() * 2);
      });
    });
    await new Promise(setImmediate);
    expectTrue(client, { lent: 2, waiting: 50, waits: 50 });
    await Promise.all(held.map(({ back }) => back()));
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expectTrue(client, { lent: 0, waiting: 0 });
  });

  test('does not let a later operation overtake while a session is being returned', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const order: string[] = [];
    const one = await hold(client);
    const waiting = client.withSession(async () => order.push('waiting'));
    await new Promise(setImmediate);
    const back = one.back();
    const late = client.withSession(async () => order.push('late'));
    await Promise.all([back, waiting, late]);
    expect(order).toEqual(['waiting', 'late']);
  });

  test('lends the most recently used session first', async () => {
    const client = await ground.connect({ sessions: { max: 3 } });
    const [a, b, c] = await Promise.all([hold(client), hold(client), hold(client)]);
    for (const each of [a, c, b]) await each?.back();
    for (let i = 0; i < 3; i++) {
      expect(await client.withSession(async ({ handle }) => handle)).toBe(b?.session.handle);
    }
    expectTrue(client, { open: 3, opened: 3 });
  });

  test('resets a session after an operation that failed', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const broken = new Error('of the program');
    expect(await failure(client.withSession(() => Promise.reject(broken)))).toBe(broken);
    const thrown = () => {
      throw broken;
    };
    expect(await failure(client.withSession(thrown))).toBe(broken);
    expectTrue(client, { open: 1, idle: 1, opened: 1, errors: 2 });
  });

  test('closes a session that the program closed or that was lost, and opens another one', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    await client.withSession((session) => session.close());
    await new Promise(setImmediate); // the pool closes it in the background
    expectTrue(client, { open: 0 });
    ground.fault.plan([{ function: 'C_GenerateRandom', nth: 1, loseSession: true }]);
    expect(await client.random(4)).toHaveLength(4);
    expectTrue(client, { open: 1, opened: 3, closed: 2, retries: 1 });
  });
});

describe('waiting for a session', () => {
  test('ends after the timeout and frees its place in the queue', async () => {
    const client = await ground.connect({ sessions: { max: 1, timeout: 30 } });
    const one = await hold(client);
    const begun = performance.now();
    const error = await failure(client.random(1));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_TIMEOUT', action: 'retry' });
    expect(error.message).toContain('waited 30 ms for one of 1 sessions');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(28);
    expectTrue(client, { lent: 1, waiting: 0 });
    await one.back();
    expect(await client.random(1)).toHaveLength(1);
    expectTrue(client, { open: 1, idle: 1 });
  });

  test('ends with the signal and throws its reason', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const one = await hold(client);
    const ending = new AbortController();
    const { signal } = ending;
    const aborted = Array.from({ length: 20 }, () => failure(client.random(1, { signal })));
    const kept = client.random(1);
    await new Promise(setImmediate);
    expectTrue(client, { waiting: 21 });
    const reason = new Error('nobody wants it any more');
    ending.abort(reason);
    expect(new Set(await Promise.all(aborted))).toEqual(new Set([reason]));
    expectTrue(client, { waiting: 1 });
    expect(await failure(client.random(1, { signal }))).toBe(reason);
    await one.back();
    expect(await kept).toHaveLength(1);
    expectTrue(client, { open: 1, idle: 1, waiting: 0 });
  });

  test('with one signal for many operations adds one listener, and removes it afterwards', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const one = await hold(client);
    const { signal } = new AbortController();
    const all = Array.from({ length: 100 }, () => client.random(1, { signal }));
    await expect.poll(() => client.statistics().waiting).toBe(100);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await one.back();
    await Promise.all(all);
    await expect.poll(() => getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('can be aborted, but an operation in flight continues and returns its session', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const { opened, open } = gate();
    const ending = new AbortController();
    const outcome = failure(client.withSession(() => opened, { signal: ending.signal }));
    await expect.poll(() => client.statistics().lent).toBe(1);
    ending.abort();
    expect(await outcome).toMatchObject({ name: 'AbortError' });
    expectTrue(client, { lent: 1 });
    open();
    expect(await client.random(1)).toHaveLength(1);
    expectTrue(client, { lent: 0, idle: 1 });
  });

  test('that is being opened ends with signal and timeout, and the pool keeps the session', async () => {
    const client = await ground.connect({ sessions: { max: 2, timeout: 30 } });
    ground.fault.plan([{ function: 'C_OpenSession', hang: true }]);
    const ending = new AbortController();
    const aborted = failure(client.random(1, { signal: ending.signal }));
    const late = failure(client.random(1));
    await ground.fault.until(({ hanging }) => hanging === 2);
    ending.abort();
    expect(await aborted).toMatchObject({ name: 'AbortError' });
    expect(await late).toMatchObject({ code: 'ERR_CRYPTOKI_TIMEOUT' });
    ground.fault.clear();
    await expect.poll(() => client.statistics().idle).toBe(2);
    expectTrue(client, { open: 2 });
  });

  test('is refused when the queue is full', async () => {
    const client = await ground.connect({ sessions: { max: 2, queue: 3 } });
    const held = await Promise.all([hold(client), hold(client)]);
    const waiting = Array.from({ length: 3 }, () => client.random(1));
    await new Promise(setImmediate);
    const error = await failure(client.random(1));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_POOL_EXHAUSTED', action: 'retry' });
    expect(error.message).toContain('all 2 sessions are lent, and 3 operations wait');
    expectTrue(client, { waiting: 3, refused: 1 });
    for (const { back } of held) await back();
    expect(await Promise.all(waiting)).toHaveLength(3);
  });

  test('is refused with a queue of 0, but sessions are still opened', async () => {
    const client = await ground.connect({ sessions: { max: 3, queue: 0 } });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => hold(client)));
    const held = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const errors = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(held).toHaveLength(3);
    expect(errors.filter((error) => isCode(error, 'ERR_CRYPTOKI_POOL_EXHAUSTED'))).toHaveLength(7);
    expectTrue(client, { lent: 3, refused: 7 });
    for (const { back } of held) await back();
  });
});

describe('idle sessions', () => {
  test('are closed after the idle time, except those that hold session objects', async () => {
    const client = await ground.connect({ sessions: { max: 4, idleTimeout: 50 } });
    const key = await client.generateKey('AES', { valueLen: 32 });
    const held = await Promise.all([hold(client), hold(client)]);
    for (const { back } of held) await back();
    expectTrue(client, { open: 3, pinned: 1 });
    await expect.poll(() => client.statistics().open).toBe(1);
    expectTrue(client, { open: 1, pinned: 1, closed: 2 });
    await key.destroy();
    await expect.poll(() => client.statistics().open).toBe(0);
    expectTrue(client, { pinned: 0 });
    expect(client.user).toBe('USER'); // the anchor session keeps the login
    expect(await client.random(1)).toHaveLength(1);
  });
});

describe('closing the pool', () => {
  test('waits for operations in flight, fails waiting ones, and leaves no session open', async () => {
    const client = await ground.connect({ sessions: { max: 2 } });
    const held = await Promise.all([hold(client), hold(client)]);
    const waiting = Array.from({ length: 10 }, () => failure(client.random(1)));
    await new Promise(setImmediate);
    const closing = client.close();
    for (const error of await Promise.all(waiting))
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_CLIENT_CLOSED' });
    let isClosed = false;
    closing.then(() => {
      isClosed = true;
    });
    await sleep(20);
    expect([isClosed, ground.sessions()]).toEqual([false, 3]);
    for (const { session, back } of held) {
      expect(await session.random(2)).toHaveLength(2);
      await back();
    }
    await closing;
    expect(ground.sessions()).toBe(0);
    expect(client.statistics()).toMatchObject({ open: 0, waiting: 0 });
  });

  test('waits for a session that is being opened', async () => {
    const client = await ground.connect();
    ground.fault.plan([{ function: 'C_OpenSession', delay: 100 }]);
    const waiting = failure(client.random(1));
    await ground.fault.until(({ delayed }) => delayed === 1);
    await client.close();
    expect(await waiting).toMatchObject({ code: 'ERR_CRYPTOKI_CLIENT_CLOSED' });
    expect(ground.sessions()).toBe(0);
  });
});

test('the statistics match the token whenever a mixed load pauses', async () => {
  const client = await ground.connect({ sessions: { max: 5, idleTimeout: 20, timeout: 200, queue: 50 } });
  const { privateKey, isRight } = await signer(client, true);
  for (let round = 0; round < 15; round++) {
    const signals = [AbortSignal.timeout(1 + (round % 4)), undefined];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 80 }, async (_, i) => {
        if (i % 10 === 3) {
          await using key = await client.generateKey('AES', { valueLen: 16 });
          return !key.isTokenObject;
        }
        if (i % 10 === 4) return client.withSession((session) => session.close().then(() => true));
        if (i % 10 === 5)
          return (await client.random(16, { signal: signals[i % 20 === 5 ? 0 : 1] })).length === 16;
        return isRight(
          await privateKey.sign('ECDSA-SHA256', MESSAGE, { signal: signals[i % 3 === 0 ? 0 : 1] }),
        );
      }),
    );
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') expect(outcome.value).toBe(true);
      else expect(['ERR_CRYPTOKI_POOL_EXHAUSTED', 23]).toContain(outcome.reason.code);
    }
    await expect.poll(() => client.statistics().lent).toBe(0);
    await expect.poll(() => ground.sessions() - 1 - client.statistics().open).toBe(0);
    expectTrue(client, { waiting: 0, pinned: 0, lent: 0 });
  }
  await privateKey.destroy();
});
