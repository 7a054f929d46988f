import { Module, type PrivateKey, type Session } from 'cryptoki';
import { createSoftToken, FaultModule, type SoftToken } from 'cryptoki/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';

const MESSAGE = Buffer.from('message');

let soft: SoftToken;
let hsm: FaultModule;
let module: Module;
let session: Session;
let key: PrivateKey;

beforeAll(async () => {
  soft = await createSoftToken({ module: await ensureSoftHSM() });
  hsm = await FaultModule.create({ module: soft.module, environment: soft.environment });
  module = await Module.open(hsm.path);
  session = await (await module.token({ label: soft.label })).openSession();
  await session.login(soft.pin);
  ({ privateKey: key } = await session.generateKeyPair('EC', { curve: 'P-256' }));
});
afterEach(() => hsm.clear());
afterAll(async () => {
  await module.close();
  await hsm[Symbol.asyncDispose]();
  soft.remove();
});

/** Makes `count` signatures on the one session and records which have a result. */
function signMany(count: number): { readonly done: boolean[]; readonly all: Promise<unknown> } {
  const done = Array.from({ length: count }, () => false);
  const one = async (index: number): Promise<void> => {
    expect(await key.sign('ECDSA-SHA256', MESSAGE)).toHaveLength(64);
    done[index] = true;
  };
  return { done, all: Promise.all(done.map((_, index) => one(index))) };
}

// The results of a session with a long queue are delivered together.
describe('results that are delivered together', () => {
  test('are all delivered', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { done, all } = signMany(1 + round * 25);
      await all;
      expect(done.every(Boolean)).toBe(true);
    }
  });

  test.each([2, 7, 40, 99])('are delivered when call %i of the session does not return', async (nth) => {
    await signMany(100).all; // afterwards the pool is awake, or has just stopped waiting
    hsm.plan([{ function: 'C_Sign', nth, hang: true }]);
    const { done, all } = signMany(100);
    await hsm.until(({ hanging }) => hanging === 1);
    await expect.poll(() => done.filter(Boolean).length, { timeout: 2000, interval: 5 }).toBe(nth - 1);
    hsm.clear();
    await all;
  });
});
