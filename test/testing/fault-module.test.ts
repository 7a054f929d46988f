import { createHash, verify } from 'node:crypto';
import { CKA, CKK, CKM, CKS } from 'cryptoki/raw';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../support/fault';
import { failure } from '../support/open';

let its: Faulty;
let handle: bigint;
beforeAll(async () => {
  its = await openFaulty();
});
beforeEach(async () => {
  handle = await its.raw.C_OpenSession(its.token.slot.id, 6);
});
afterEach(async () => {
  its.hsm.clear();
  expect(its.hsm.violations).toEqual([]);
  await its.raw.C_CloseSession(handle).catch(() => {});
});
afterAll(() => its.close());

const random = () => its.raw.C_GenerateRandom(handle, 8);
const code = async (action: Promise<unknown>) =>
  action.then(
    () => 'CKR_OK',
    (error: { code: string }) => error.code,
  );
const message = Buffer.from('message');
const mechanism = { mechanism: CKM.SHA256 };

describe('a fault module without a plan', () => {
  test('passes calls on', async () => {
    const signature = await its.privateKey.sign('ECDSA-SHA256', message);
    const key = await its.publicKey.toKeyObject();
    expect(verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    expect(await its.raw.digest(handle, mechanism, message)).toEqual(
      createHash('sha256').update(message).digest(),
    );
  });

  test('counts calls and sessions', async () => {
    its.hsm.resetCounters();
    const before = its.hsm.counters();
    expect(before).toMatchObject({ calls: {}, rules: [], inFlight: 0, violations: 0 });
    const other = await its.raw.C_OpenSession(its.token.slot.id, 4);
    await Promise.all([random(), random(), its.raw.C_GenerateRandom(other, 1)]);
    expect(its.hsm.counters()).toMatchObject({
      calls: { C_GenerateRandom: 3, C_OpenSession: 1 },
      openSessions: before.openSessions + 1,
      openedSessions: before.openedSessions + 1,
    });
    await its.raw.C_CloseSession(other);
    expect(its.hsm.counters().openSessions).toBe(before.openSessions);
  });

  test('assigns its own session handles and never reuses them', async () => {
    const seen = new Set<bigint>();
    for (let i = 0; i < 50; i++) {
      const other = await its.raw.C_OpenSession(its.token.slot.id, 4);
      seen.add(other);
      await its.raw.C_CloseSession(other);
    }
    expect(seen.size).toBe(50);
  });
});

describe('a planned return code', () => {
  test('can be returned without a call', async () => {
    const objects = async () => (await its.session.find({ label: 'made' })).length;
    its.hsm.plan([{ function: 'C_CreateObject', return: 'CKR_DEVICE_MEMORY' }]);
    const made = its.session.createObject({ class: 'DATA', label: 'made', value: message });
    expect(await code(made)).toBe('CKR_DEVICE_MEMORY');
    expect(await objects()).toBe(0);
  });

  test('can be returned after the call was made', async () => {
    its.hsm.plan([{ function: 'C_CreateObject', callReturn: 'CKR_DEVICE_ERROR' }]);
    const made = its.session.createObject({ class: 'DATA', label: 'happened', value: message });
    expect(await code(made)).toBe('CKR_DEVICE_ERROR');
    expect(await its.session.find({ label: 'happened' })).toHaveLength(1);
  });

  test('can be a number of a vendor', async () => {
    its.hsm.plan([{ function: 'C_GenerateRandom', return: 0x80000321 }]);
    expect(await failure(random())).toMatchObject({ rv: 0x80000321, function: 'C_GenerateRandom' });
  });
});

describe('a planned call', () => {
  test('can be delayed, before or after', async () => {
    its.hsm.plan([{ function: 'C_GenerateRandom', delay: 30.5, delayAfter: 20 }]);
    const start = performance.now();
    await random();
    expect(performance.now() - start).toBeGreaterThanOrEqual(50);
  });

  test('can hang until it is released, while other calls continue', async () => {
    its.hsm.plan([{ function: 'C_GenerateRandom', handle, hang: true }]);
    let ended = false;
    const hanging = random().then(() => {
      ended = true;
    });
    await its.hsm.until(({ hanging: now }) => now === 1);
    await its.raw.C_GenerateRandom(its.session.handle, 8);
    await its.raw.digest(its.session.handle, mechanism, message);
    expect(ended).toBe(false);
    expect(its.hsm.release()).toBe(1);
    await hanging;
    expect(its.hsm.counters().hanging).toBe(0);
  });

  test('can return a result with one inverted bit', async () => {
    its.hsm.plan([{ function: 'C_Digest', nth: 1, flipBit: 9 }]);
    const wrong = await its.raw.digest(handle, mechanism, message);
    const right = createHash('sha256').update(message).digest();
    expect(wrong).not.toEqual(right);
    right[1] = (right[1] as number) ^ 2;
    expect(wrong).toEqual(right);
    expect(await its.raw.digest(handle, mechanism, message)).toEqual(
      createHash('sha256').update(message).digest(),
    );
  });

  test('can return a wrong signature, which the public key refuses', async () => {
    its.hsm.plan([{ function: 'C_Sign', flipBit: 100 }]);
    const signature = await its.privateKey.sign('ECDSA-SHA256', message);
    const key = await its.publicKey.toKeyObject();
    expect(verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(false);
  });
});

describe('a planned length', () => {
  test.each([-1, -50, 5])('of a list can be wrong by %i, and the list is still read', async (size) => {
    const whole = await its.raw.C_GetMechanismList(its.token.slot.id);
    its.hsm.plan([{ function: 'C_GetMechanismList', nth: 1, size }]);
    expect(await its.raw.C_GetMechanismList(its.token.slot.id)).toEqual(whole);
    expect(its.hsm.counters().rules).toEqual([{ matches: expect.any(Number), injected: 1 }]);
  });

  test('can grow between query and fetch', async () => {
    its.hsm.plan([{ function: 'C_Digest', nth: 1, grown: 500 }]);
    expect(await its.raw.digest(handle, mechanism, message)).toHaveLength(32);
    expect(its.hsm.counters().rules[0]).toEqual({ matches: 2, injected: 1 });
  });

  test.each([
    { nth: 1, size: -1 },
    { nth: 1, size: 9 },
    { nth: 1, grown: 5 },
    { from: 1, count: 1, grown: 5 },
  ])('of an attribute can differ from the query (%j), and the value is still read', async (rule) => {
    its.hsm.plan([{ function: 'C_GetAttributeValue', ...rule }]);
    const values = await its.raw.C_GetAttributeValue(handle, its.privateKey.handle, [
      CKA.LABEL,
      CKA.KEY_TYPE,
    ]);
    expect(values.map(({ value }) => value)).toEqual(['signing', CKK.EC]);
    expect(its.hsm.counters().rules[0]?.injected).toBe(1);
  });

  test('of an attribute that is always wrong leaves the attribute without a value', async () => {
    its.hsm.plan([{ function: 'C_GetAttributeValue', size: -1 }]);
    const [label] = await its.raw.C_GetAttributeValue(handle, its.privateKey.handle, [CKA.LABEL]);
    expect(label).toEqual({ type: CKA.LABEL, reason: 'unavailable' });
  });
});

describe('a planned logout', () => {
  test('happens without the knowledge of the program, by a rule or by a call of the test', async () => {
    const state = () => its.raw.C_GetSessionInfoSync(handle).state;
    expect(state()).toBe(CKS.RW_USER_FUNCTIONS);
    its.hsm.plan([{ function: 'C_GenerateRandom', logout: true }]);
    await random();
    expect(state()).toBe(CKS.RW_PUBLIC_SESSION);
    its.hsm.clear();
    await its.raw.C_Login(handle, 1, its.soft.pin);
    expect(state()).toBe(CKS.RW_USER_FUNCTIONS);
    its.hsm.logout();
    expect(state()).toBe(CKS.RW_PUBLIC_SESSION);
    await its.raw.C_Login(handle, 1, its.soft.pin);
  });
});

describe('64 sessions of a fault module', () => {
  test('wait at the same time, because no lock is held during a delay', async () => {
    const sessions = await Promise.all(
      Array.from({ length: 64 }, () => its.raw.C_OpenSession(its.token.slot.id, 4)),
    );
    its.hsm.resetCounters();
    its.hsm.plan([{ function: 'C_GenerateRandom', delay: 50 }]);
    const calls = sessions.flatMap((session) =>
      Array.from({ length: 3 }, () => its.raw.C_GenerateRandom(session, 8)),
    );
    await Promise.all(calls);
    expect(its.hsm.counters()).toMatchObject({
      calls: { C_GenerateRandom: 192 },
      rules: [{ injected: 192 }],
    });
    expect(its.hsm.counters().mostDelayed).toBeGreaterThan(32);

    its.hsm.plan([{ function: 'C_GenerateRandom', hang: true }]);
    const hanging = sessions.map((session) => its.raw.C_GenerateRandom(session, 8));
    await its.hsm.until((counters) => counters.hanging === 64);
    expect(its.hsm.counters().inFlight).toBe(64);
    its.hsm.clear();
    await Promise.all(hanging);
    await Promise.all(sessions.map((session) => its.raw.C_CloseSession(session)));
  });
});
