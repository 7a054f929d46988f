import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectOptions } from 'cryptoki';
import { CKM, type RawModule } from 'cryptoki/raw';
import { afterEach, describe, expect, test } from 'vitest';
import { connectFaulty, type FaultyClient } from '../support/faulty-client';
import { noOutcome, type Outcome, signOne } from '../support/load';
import { failure } from '../support/open';

const MESSAGE = Buffer.from('message');
const MANY = 40;

let its: FaultyClient;
afterEach(async () => {
  const { violations } = its.hsm;
  await its.close();
  expect(violations).toEqual([]);
});

const start = async (options: ConnectOptions = {}): Promise<void> => {
  its = await connectFaulty({ sessions: { max: 2 }, ...options });
};
const sign = () => its.key.sign('ECDSA-SHA256', MESSAGE);

/** Starts `count` signatures at the same time. */
function begin(outcome: Outcome = noOutcome()): {
  readonly outcome: Outcome;
  readonly ended: Promise<unknown>;
} {
  const all = Array.from({ length: MANY }, () => signOne(outcome, its.key, its.publicKey, MESSAGE));
  return { outcome, ended: Promise.all(all) };
}

/** Signs until the client has measured that signatures are short and shares its sessions. */
async function untilShared(): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    const { ended } = begin();
    await new Promise(setImmediate);
    const { waiting, max } = its.client.statistics();
    await ended;
    if (waiting < MANY - max) return;
  }
  throw new Error('the sessions were not shared');
}

describe('short operations', () => {
  test('share the sessions when no further session can be opened', async () => {
    await start();
    await untilShared();
    const { outcome, ended } = begin();
    expect(its.client.statistics()).toMatchObject({ open: 2, lent: 2 });
    await ended;
    expect(outcome).toEqual({ valid: MANY, invalid: 0, errors: {}, strange: [] });
    expect(its.client.statistics()).toMatchObject({ open: 2, idle: 2, lent: 0, waiting: 0 });
  });

  test('do not share a session that one operation has exclusively', async () => {
    await start({ sessions: { max: 1 } });
    await untilShared();
    const before = begin();
    const mechanism = { mechanism: CKM.ECDSA };
    const alone = its.client.withSession(async (session) => {
      const { raw } = session.token.slot.module;
      const { handle } = await session.privateKey({ label: 'signing' });
      await raw.C_SignInit(session.handle, mechanism, handle);
      await sleep(20); // a second C_SignInit on this session would be refused
      return raw.C_Sign(session.handle, Buffer.alloc(32, 1));
    });
    const after = begin();
    expect(await alone).toHaveLength(64);
    await Promise.all([before.ended, after.ended]);
    for (const { outcome } of [before, after]) {
      expect(outcome).toEqual({ valid: MANY, invalid: 0, errors: {}, strange: [] });
    }
  });

  test('stop sharing a session once they take longer', async () => {
    await start();
    await untilShared();
    its.hsm.plan([{ function: 'C_Sign', delay: 8 }]);
    await begin().ended;
    const { ended } = begin();
    await new Promise(setImmediate);
    expect(its.client.statistics()).toMatchObject({ lent: 2, waiting: MANY - 2 });
    await ended;
  });

  test('do not wait behind a call that hangs', async () => {
    await start({ operationTimeout: 1000 });
    await untilShared();
    its.hsm.plan([{ function: 'C_Sign', nth: 1, hang: true }]);
    const { outcome, ended } = begin();
    await ended;
    expect(outcome).toEqual({
      ...{ valid: MANY - 1, invalid: 0, strange: [] },
      errors: { ERR_CRYPTOKI_TIMEOUT: 1 },
    });
    expect(its.client.statistics().lent).toBe(1);
    its.hsm.clear();
    await expect.poll(() => its.client.statistics().lent).toBe(0);
    await untilShared();
  });

  test('that share a session are all repeated when the session is lost', async () => {
    await start({ sessions: { max: 1 } });
    await untilShared();
    its.hsm.plan([{ function: 'C_Sign', nth: 3, loseSession: true }]);
    const { outcome, ended } = begin();
    await ended;
    expect(outcome).toEqual({ valid: MANY, invalid: 0, errors: {}, strange: [] });
    expect(its.hsm.counters().openSessions).toBe(2); // includes the anchor session, which keeps the login
  });
});

describe('the parts of a batch', () => {
  test('do not wait behind a call that hangs', async () => {
    await start();
    const messages = Array.from({ length: 3000 }, () => MESSAGE);
    await its.key.signMany('ECDSA-SHA256', messages); // the client now has the number of messages in a part
    its.hsm.plan([{ function: 'C_Sign', nth: 200, hang: true }]);
    let [done, largest] = [0, 0];
    const onProgress = (now: number): void => {
      largest = Math.max(largest, now - done);
      done = now;
    };
    const batch = its.key.signMany('ECDSA-SHA256', messages, { onProgress });
    await its.hsm.until(({ hanging }) => hanging === 1);
    // All other parts finish. A part that is smaller than the largest may still start when few messages are left.
    await expect
      .poll(() => its.client.statistics(), { timeout: 10_000 })
      .toMatchObject({ lent: 1, waiting: 0 });
    await expect.poll(() => messages.length - done).toBeLessThanOrEqual(largest);
    its.hsm.clear();
    const results = await batch;
    expect(results.failures.size).toBe(0);
    expect(results.toArray().every((signature) => signature.length === 64)).toBe(true);
  });
});

describe('refuseWaiting()', () => {
  const withRaw = (work: (raw: RawModule, session: bigint, key: bigint) => Promise<void>): Promise<void> =>
    its.client.withSession(async (session) => {
      const { handle } = await session.privateKey({ label: 'signing' });
      await work(session.token.slot.module.raw, session.handle, handle);
    });

  test('refuses only operations that have not begun', async () => {
    await start();
    await withRaw(async (raw, session, key) => {
      const signRaw = () => raw.sign(session, { mechanism: CKM.ECDSA }, key, Buffer.alloc(32, 1));
      its.hsm.plan([{ function: 'C_Sign', nth: 1, hang: true }]);
      const hung = signRaw();
      await its.hsm.until(({ hanging }) => hanging === 1);
      const waiting = [signRaw(), signRaw()].map((each) => failure(each));
      const random = raw.C_GenerateRandom(session, 8);
      expect(raw.refuseWaiting(session)).toBe(2);
      for (const each of waiting) {
        expect(await each).toMatchObject({ code: 'ERR_CRYPTOKI_NOT_BEGUN', function: undefined });
      }
      expect(raw.refuseWaiting(session)).toBe(0);
      its.hsm.clear();
      expect(await hung).toHaveLength(64);
      expect(await random).toHaveLength(8);
      expect(await signRaw()).toHaveLength(64);
    });
    expect(await sign()).toHaveLength(64);
  });

  test('refuses nothing for an unknown session, and rejects a handle that is not a session handle', async () => {
    await start();
    await withRaw(async (raw) => {
      expect(raw.refuseWaiting(987_654_321n)).toBe(0);
      for (const wrong of ['1', null, -1n, {}]) {
        expect(() => raw.refuseWaiting(wrong as unknown as bigint)).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/) }),
        );
      }
    });
  });
});
