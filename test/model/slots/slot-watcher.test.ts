import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Module, SlotWatcher } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { collect, next } from '../../support/events';
import { failure, wrong } from '../../support/open';
import { createToken, type TestToken } from '../../support/token';

// SoftHSM2 has no C_WaitForSlotEvent, and always one more slot with an uninitialised token.
const FREE = 'inserted ';
const interval = 50;

let token: TestToken;
let module: Module;
beforeAll(async () => {
  token = await createToken('first');
});
beforeEach(async () => {
  module = await Module.open(token.module);
});
afterEach(() => module.close());
afterAll(() => token.remove());

describe('a slot watcher', () => {
  test('first reports the present tokens', async () => {
    const labels: string[] = [];
    for await (const event of module.watch()) {
      expect(event.type).toBe('inserted');
      expect(event.token.slot).toBe(event.slot);
      expect(event.serialNumber).toBe(event.token.serialNumber);
      expect(event).toMatchObject({ model: 'SoftHSM v2', manufacturer: 'SoftHSM project' });
      labels.push(event.label);
      if (labels.length === 2) break;
    }
    expect(labels.sort()).toEqual(['', 'first']);
  });

  test('returns tokens that can be used', async () => {
    using watcher = module.watch();
    const found = await new Promise<string>((resolve, reject) => {
      watcher.on('inserted', async (event) => {
        if (event.label === '') return;
        await using session = await event.token.openSession();
        await session.login(token.pin).then(() => resolve(session.state), reject);
      });
    });
    expect(found).toBe('RO_USER_FUNCTIONS');
  });

  test('reports a token when it is initialised', async () => {
    using watcher = module.watch({ interval });
    const events = collect(watcher);
    await expect.poll(() => events.length).toBe(2);
    await token.addToken('second');
    await expect.poll(() => events.slice(2)).toContain('inserted second');
    expect(events.slice(2).filter((event) => event === 'removed ')).toHaveLength(1);
    await expect.poll(() => events.slice(2)).toContain(FREE); // the next free slot
    expect(events).toHaveLength(5);
  });

  test('reports nothing while nothing changes', async () => {
    using watcher = module.watch({ interval: 5 });
    const events = collect(watcher);
    const { length } = await module.tokens();
    await expect.poll(() => events.length).toBe(length);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(events).toHaveLength(length);
  });

  test('refuses wrong options', () => {
    const watch = (options: unknown) => () => module.watch(wrong(options));
    expect(watch(null)).toThrow(TypeError);
    expect(watch({ intervall: 1 })).toThrow(/intervall/);
    expect(watch({ interval: '5' })).toThrow(TypeError);
    expect(watch({ interval: 0 })).toThrow(RangeError);
    expect(watch({ interval: Number.NaN })).toThrow(RangeError);
    expect(watch({ interval: 2 ** 31 })).toThrow(RangeError);
    expect(watch({ signal: {} })).toThrow(TypeError);
  });
});

describe('a slot watcher ends', () => {
  test('when its loop is left', async () => {
    const watcher = module.watch();
    for await (const _ of watcher) break;
    expect(watcher.closed).toBe(true);
  });

  test('when its iterator returns, also during the wait for the next event', async () => {
    const watcher = module.watch({ interval });
    const iterator = watcher[Symbol.asyncIterator]();
    const { length } = await module.tokens();
    for (let i = 0; i < length; i++) expect(await next(iterator)).toMatch('inserted');
    const waiting = [next(iterator), next(iterator)];
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true });
    expect(await Promise.all(waiting)).toEqual(['done', 'done']);
    expect(await next(iterator)).toBe('done');
    expect(watcher.closed).toBe(true);
  });

  test('when its iterator throws', async () => {
    const watcher = module.watch({ interval });
    const iterator = watcher[Symbol.asyncIterator]();
    const waiting = next(iterator);
    const error = new Error('of the caller');
    expect(await failure(iterator.throw?.(error) ?? Promise.resolve())).toBe(error);
    expect(await waiting).toBe('done');
    expect(watcher.closed).toBe(true);
  });

  test("when it is closed, with one 'close' event", async () => {
    let closed = 0;
    const watcher = module.watch().on('close', () => {
      closed += 1;
    });
    const events = collect(watcher);
    const iterator = watcher[Symbol.asyncIterator]();
    watcher.close();
    watcher.close();
    expect(await next(iterator)).toBe('done');
    expect(await next(watcher[Symbol.asyncIterator]())).toBe('done');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([closed, events]).toEqual([1, []]);
  });

  test('when it is disposed', async () => {
    const kept: SlotWatcher[] = [];
    {
      using watcher = module.watch();
      await using other = module.watch();
      kept.push(watcher, other);
      expect(watcher).toBeInstanceOf(SlotWatcher);
      expect(kept.map(({ closed }) => closed)).toEqual([false, false]);
    }
    expect(kept.map(({ closed }) => closed)).toEqual([true, true]);
  });

  test('when its signal is aborted, with the reason of the signal', async () => {
    const controller = new AbortController();
    const watcher = module.watch({ signal: controller.signal });
    const reason = new Error('enough');
    const events: string[] = [];
    const ended = failure(async () => {
      for await (const { type } of watcher) {
        events.push(type);
        controller.abort(reason);
      }
    });
    expect(await ended).toBe(reason);
    expect(events).not.toHaveLength(0);
    expect(watcher.closed).toBe(true);
    expect(() => module.watch({ signal: controller.signal })).toThrow(reason);
  });

  test('together with its module', async () => {
    const watcher = module.watch({ interval });
    const ended = once(watcher, 'close');
    const iterator = watcher[Symbol.asyncIterator]();
    const { length } = await module.tokens();
    for (let i = 0; i < length; i++) await next(iterator);
    const waiting = next(iterator);
    await module.close();
    await ended;
    expect(await waiting).toBe('done');
    expect(watcher.closed).toBe(true);
    expect(await failure(() => module.watch())).toMatchObject({ code: 'ERR_CRYPTOKI_MODULE_CLOSED' });
  });

  test('with a module that is closed during a poll, many times', async () => {
    for (let round = 0; round < 50; round++) {
      const other = await Module.open(token.module);
      const iterator = other.watch({ interval: 1 })[Symbol.asyncIterator]();
      const first = next(iterator);
      if (round % 2 === 0) await first;
      await other.close();
      let event = await first;
      while (event !== 'done') event = await next(iterator);
    }
  });

  test('with an error when the module is lost', async () => {
    const other = await Module.open(token.module);
    const watcher = other.watch({ interval: 1 });
    const iterating = failure(async () => {
      for await (const _ of watcher);
    });
    await other.raw.C_Finalize(); // without the knowledge of this module
    expect(await iterating).toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });
    expect(watcher.closed).toBe(true);
  });

  test("with an 'error' event when there is no iterator", async () => {
    const other = await Module.open(token.module);
    const watcher = other.watch({ interval: 1 });
    const lost = once(watcher, 'error').catch((error) => [error]);
    await other.raw.C_Finalize();
    const [error] = await lost;
    expect(error).toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });
  });

  test('only for lasting reasons: it continues when the module is reinitialised', async () => {
    const other = await Module.open(token.module);
    using watcher = other.watch({ interval });
    const events = collect(watcher);
    await expect.poll(() => events).toContain('inserted first');
    await other.reinitialise();
    const { length } = events;
    await token.addToken('after that');
    await expect.poll(() => events.slice(length)).toContain('inserted after that');
    expect(watcher.closed).toBe(false);
    await other.close();
  });
});

describe('several watchers', () => {
  test('first report the present tokens and end independently', async () => {
    const one = module.watch({ interval });
    const ones = collect(one);
    await expect.poll(() => ones).toContain('inserted first');
    using two = module.watch({ interval });
    const twos = collect(two);
    await expect.poll(() => twos.length).toBe(ones.length);
    one.close();
    await token.addToken('third');
    await expect.poll(() => twos).toContain('inserted third');
    expect(ones).not.toContain('inserted third');
  });

  test('see the same events by iterator and by listener', async () => {
    using watcher = module.watch({ interval });
    const heard = collect(watcher);
    await expect.poll(() => heard.length).toBeGreaterThan(1);
    const late = watcher[Symbol.asyncIterator]();
    const read: string[] = [];
    while (read.length < heard.length) read.push(await next(late));
    expect(read).toEqual(heard);
  });

  test('in other threads see the same events, and end without an effect on others', async () => {
    using watcher = module.watch({ interval });
    const events = collect(watcher);
    const program = new URL('../../support/programs/watch.mjs', import.meta.url);
    const workers = [1, 2].map(() => new Worker(program, { workerData: { module: token.module, interval } }));
    const seen = workers.map((worker) => {
      const messages: { type: string; label: string }[] = [];
      worker.on('message', (message) => messages.push(message));
      return messages;
    });
    for (const messages of seen) {
      await expect.poll(() => messages).toContainEqual({ type: 'inserted', label: 'first' });
    }
    await workers[0]?.terminate();
    workers[1]?.postMessage('close');
    await expect.poll(() => seen[1]).toContain('ended');
    await token.addToken('fourth');
    await expect.poll(() => events).toContain('inserted fourth');
  });
});
