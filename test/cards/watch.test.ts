import { Worker } from 'node:worker_threads';
import { Module } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { collect, next } from '../support/events';
import { failure } from '../support/open';
import { type Reader, startReader, whyNoReader } from '../support/reader';

// The polling interval is set far beyond the duration of a test, so only slot events can cause the reports checked here.
const interval = 60_000;
const soon = { timeout: 10_000 };
const INSERTED = 'inserted first 9A';
const REMOVED = 'removed first 9A';

describe.skipIf(whyNoReader !== undefined)(`watching a reader (${whyNoReader ?? 'OpenSC, vpcd'})`, () => {
  let reader: Reader;
  let module: Module;
  beforeAll(async () => {
    reader = await startReader();
  });
  beforeEach(async () => {
    module = await Module.open(reader.module);
  });
  afterEach(async () => {
    await module.close();
    await reader.card.remove();
  });
  afterAll(() => reader?.stop());

  test('reports the card that is present, its removal and its insertion', async () => {
    await reader.card.insert();
    const iterator = module.watch({ interval })[Symbol.asyncIterator]();
    expect(await next(iterator)).toBe(INSERTED);
    await reader.card.remove();
    expect(await next(iterator)).toBe(REMOVED);
    await reader.card.insert();
    expect(await next(iterator)).toBe(INSERTED);
    await iterator.return?.();
  });

  test('reports a card that is inserted after the start, with its token information', async () => {
    const iterator = module.watch({ interval })[Symbol.asyncIterator]();
    const event = iterator.next();
    await reader.card.insert({ card: 'second' });
    const { value } = await event;
    expect(value).toMatchObject({ type: 'inserted', label: 'second 9A', model: 'PKCS#15 emulated' });
    expect(value?.slot.id).toBe(0n);
    await using session = await value?.token.openSession();
    await session?.login('123456');
    expect(session?.state).toBe('RO_USER_FUNCTIONS');
    await iterator.return?.();
  });

  test('reports each insertion and removal of many', async () => {
    using watcher = module.watch({ interval });
    const events = collect(watcher);
    const expected: string[] = [];
    for (let round = 0; round < 5; round++) {
      await reader.card.insert();
      expected.push(INSERTED);
      await expect.poll(() => events, soon).toEqual(expected);
      await reader.card.remove();
      expected.push(REMOVED);
      await expect.poll(() => events, soon).toEqual(expected);
    }
  });

  test('reports both changes when a card replaces another one', async () => {
    await reader.card.insert();
    using watcher = module.watch({ interval });
    const events = collect(watcher);
    await expect.poll(() => events, soon).toEqual([INSERTED]);
    await reader.card.remove();
    await expect.poll(() => module.tokens(), soon).toEqual([]); // OpenSC has noticed the removal
    await reader.card.insert({ card: 'second' });
    await expect.poll(() => events, soon).toEqual([INSERTED, REMOVED, 'inserted second 9A']);
  });

  test('reports the final state when a card is removed and inserted quickly', async () => {
    using watcher = module.watch({ interval });
    const events = collect(watcher);
    for (let round = 0; round < 5; round++) {
      await reader.card.insert({ wait: false });
      await reader.card.remove({ wait: false });
    }
    await reader.card.insert({ wait: false });
    await expect.poll(() => events.at(-1), soon).toBe(INSERTED);
    for (const [index, event] of events.entries()) expect(event).toBe(index % 2 === 0 ? INSERTED : REMOVED);
  });

  test('reports nothing for a card that the module does not recognise', async () => {
    using watcher = module.watch({ interval });
    const events = collect(watcher);
    await reader.card.insert({ card: null });
    const [slot] = await module.slots();
    const code = async () => (await failure(slot?.token() ?? Promise.resolve())).code;
    await expect.poll(code, soon).toBe('CKR_TOKEN_NOT_RECOGNIZED');
    await reader.card.remove();
    await reader.card.insert();
    await expect.poll(() => events, soon).toEqual([INSERTED]);
  });

  test('continues with one watcher after the other has ended', async () => {
    const one = module.watch({ interval });
    using two = module.watch({ interval });
    const iterator = one[Symbol.asyncIterator]();
    const ones = collect(one);
    const twos = collect(two);
    await reader.card.insert();
    await expect.poll(() => [ones, twos], soon).toEqual([[INSERTED], [INSERTED]]);
    expect(await next(iterator)).toBe(INSERTED);
    const waiting = next(iterator);
    one.close();
    expect(await waiting).toBe('done');
    await reader.card.remove();
    await expect.poll(() => twos, soon).toEqual([INSERTED, REMOVED]);
    expect(ones).toEqual([INSERTED]);
  });

  test('continues after another wait for slot events in the same module is aborted', async () => {
    using watcher = module.watch({ interval });
    const events = collect(watcher);
    const wait = failure(module.raw.C_WaitForSlotEvent(0));
    module.raw.cancelWaitForSlotEvent();
    expect(await wait).toMatchObject({ code: 'CKR_FUNCTION_CANCELED' });
    await reader.card.insert();
    await expect.poll(() => events, soon).toEqual([INSERTED]);
  });

  test('continues after a worker that watches the same module is terminated', async () => {
    using watcher = module.watch({ interval });
    const events = collect(watcher);
    const program = new URL('../support/programs/watch.mjs', import.meta.url);
    const worker = new Worker(program, { workerData: { module: reader.module, interval } });
    const seen: unknown[] = [];
    worker.on('message', (message) => seen.push(message));
    await reader.card.insert();
    await expect.poll(() => seen, soon).toContainEqual({ type: 'inserted', label: 'first 9A' });
    await expect.poll(() => events, soon).toEqual([INSERTED]);
    await worker.terminate();
    await reader.card.remove();
    await expect.poll(() => events, soon).toEqual([INSERTED, REMOVED]);
  });

  test('reports a removal when pcscd stops and an insertion when it runs again', async () => {
    await reader.card.insert();
    using watcher = module.watch({ interval });
    const events = collect(watcher);
    await expect.poll(() => events, soon).toEqual([INSERTED]);
    await reader.kill();
    await expect.poll(() => events, soon).toEqual([INSERTED, REMOVED]);
    await reader.start();
    await reader.card.insert();
    await expect.poll(() => events, soon).toEqual([INSERTED, REMOVED, INSERTED]);
    expect(watcher.closed).toBe(false);
  });

  test('ends together with its module during a wait', async () => {
    const iterator = module.watch({ interval })[Symbol.asyncIterator]();
    const waiting = next(iterator);
    await module.slots();
    await module.close();
    expect(await waiting).toBe('done');
  });

  test('starts and ends many times', async () => {
    await reader.card.insert();
    for (let round = 0; round < 20; round++) {
      for await (const { label } of module.watch({ interval })) {
        expect(label).toBe('first 9A');
        break;
      }
    }
  });
});
