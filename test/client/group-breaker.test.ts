/** A group of tokens: when a member is left out for a while, and which failures are not retried on another member. */
import { describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { ecKey, isGood, MESSAGE, PIN, pairOf, QUICK, signAll, until } from './group-support';

const signing = ecKey('signing');
const careful = ecKey('careful', { alwaysAuthenticate: true });
const its = pairOf([signing, careful]);

describe('the circuit breaker of a group', () => {
  test('opens after consecutive failures, refuses operations, makes a trial and closes', async () => {
    const hsms = await its.join({ breaker: { ...QUICK, failures: 2 } });
    const key = await hsms.privateKey({ label: 'signing' });
    const [first] = hsms.members;
    const states = new Set<string>();
    const watch = setInterval(() => states.add(first?.state ?? ''), 1);
    // Only the signatures of this member fail.
    its.a.fault.plan([
      { function: 'C_SignInit', return: 'CKR_FUNCTION_FAILED' },
      { function: 'C_GetSessionInfo', delay: 30 },
    ]);
    try {
      for (let i = 0; i < 4; i += 1) {
        expect(isGood(signing.key, await key.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
      }
      expect(its.told).toEqual(['a down']);
      expect(first?.state).not.toBe('closed');
      expect(hsms.statistics().members[0]).toMatchObject({ failures: 2, opened: 1 });
      const before = its.a.calls('C_Sign');
      await signAll(key, 20);
      expect(its.a.calls('C_Sign')).toBe(before);
      await until(() => states.has('halfOpen'), 'a trial is made');
      its.a.fault.clear();
      await until(() => its.told.includes('a up'), 'the breaker closes');
      expect(states).toContain('open');
      await signAll(key, 2);
      // One signature, and another one where the client proves its key after a recovery.
      expect([before + 1, before + 2]).toContain(its.a.calls('C_Sign'));
      expect(hsms.members[0]?.error).toBeUndefined();
    } finally {
      clearInterval(watch);
    }
  });

  test('sends trials to a failed member at the set rate only, however many operations run', async () => {
    const hsms = await its.join({
      breaker: { openTime: 100, maxOpenTime: 100 },
      recovery: { reinitialise: false },
    });
    const key = await hsms.privateKey({ label: 'signing' });
    its.a.fault.removeToken();
    await signAll(key, 4);
    await until(() => its.told.includes('a down'), 'the member is down');
    const before = its.a.calls('C_GetSlotList');
    const end = performance.now() + 1_000;
    while (performance.now() < end) await signAll(key, 4);
    expect(its.a.calls('C_GetSlotList') - before).toBeGreaterThan(2);
    expect(its.a.calls('C_GetSlotList') - before).toBeLessThan(16);
  });

  test('doubles the pause after each failed trial', async () => {
    const hsms = await its.join({ breaker: { openTime: 50, maxOpenTime: 10_000 } });
    its.a.fault.plan([{ function: 'C_GetSlotList', delay: 20 }]); // slow enough that the test can observe a trial
    its.a.fault.removeToken();
    await Promise.all(Array.from({ length: 4 }, () => hsms.random(4)));
    await until(() => its.told.includes('a down'), 'the member is down');
    const begun = performance.now();
    const trials: number[] = [];
    let last = '';
    while (trials.length < 5 && performance.now() - begun < 10_000) {
      const state = hsms.members[0]?.state ?? '';
      if (state === 'halfOpen' && last !== state) trials.push(performance.now() - begun);
      last = state;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const pauses = trials.slice(1).map((time, index) => time - (trials[index] as number));
    expect(pauses).toHaveLength(4);
    // Pauses of 100, 200, 400 and 800 ms, each at most a fifth shorter, and the duration of the trials.
    for (const [index, pause] of pauses.entries()) expect(pause).toBeGreaterThan(80 * 2 ** index - 5);
  });

  test('sends nothing when all members are open, and the error lists each member with its code', async () => {
    const hsms = await its.join({ recovery: { timeout: 1 } });
    const key = await hsms.privateKey({ label: 'signing' });
    its.a.fault.removeToken();
    its.b.fault.loseDevice();
    its.b.fault.plan([{ function: ['C_Initialize', 'C_OpenSession'], return: 'CKR_DEVICE_ERROR' }]);
    const first = await failure(key.sign('ECDSA-SHA256', MESSAGE));
    expect(first.code).toBe('ERR_CRYPTOKI_NO_MEMBER');
    await until(() => hsms.members.every(({ state }) => state !== 'closed'), 'both are open');
    const error = await failure(key.sign('ECDSA-SHA256', MESSAGE));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_NO_MEMBER', action: 'retry' });
    expect(error.message).toMatch(/"a": (CKR|ERR)_\w+, "b": (CKR|ERR)_\w+/);
    expect(error.message).not.toContain(PIN);
    expect((await failure(hsms.random(8))).code).toBe('ERR_CRYPTOKI_NO_MEMBER');
    expect((await failure(hsms.privateKey({ label: 'signing' }))).code).toBe('ERR_CRYPTOKI_NO_MEMBER');
    expect(await hsms.health()).toMatchObject({ ok: false, members: [{ ok: false }, { ok: false }] });
    expect(hsms.statistics().operations).toBe(0);
    for (const hsm of [its.a, its.b]) {
      hsm.fault.clear();
      hsm.fault.insertToken();
    }
    await until(() => hsms.members.every(({ isWell }) => isWell), 'both are well again');
    expect(isGood(signing.key, await key.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
  });
});

describe('a group does not retry on another member', () => {
  test.each(['CKR_DATA_LEN_RANGE', 'CKR_KEY_FUNCTION_NOT_PERMITTED', 'CKR_MECHANISM_INVALID'] as const)(
    'a failure that the operation itself causes: %s',
    async (code) => {
      const hsms = await its.join({ strategy: 'primary' });
      const key = await hsms.privateKey({ label: 'signing' });
      its.a.fault.plan([{ function: 'C_Sign', return: code }]);
      const before = its.b.calls('C_Sign');
      for (let i = 0; i < 5; i += 1) {
        expect((await failure(key.sign('ECDSA-SHA256', MESSAGE))).code).toBe(code);
      }
      expect(its.b.calls('C_Sign')).toBe(before);
      expect(its.told).toEqual([]);
      expect(hsms.statistics()).toMatchObject({ errors: 5, failovers: 0 });
    },
  );

  test('an operation that fails in the same way on all members', async () => {
    const hsms = await its.join();
    const key = await hsms.privateKey({ label: 'signing' });
    for (const { fault } of [its.a, its.b]) fault.plan([{ function: 'C_Sign', return: 'CKR_GENERAL_ERROR' }]);
    for (let i = 0; i < 5; i += 1) {
      expect((await failure(key.sign('ECDSA-SHA256', MESSAGE))).code).toBe('CKR_GENERAL_ERROR');
    }
    expect(its.told).toEqual([]); // the members are not to blame
  });

  test('an operation with a key that always authenticates', async () => {
    let asked = 0;
    const pin = (): string => {
      asked += 1;
      return PIN;
    };
    const hsms = await its.join({ strategy: 'primary', pin });
    const key = await hsms.privateKey({ label: 'careful' });
    expect(isGood(careful.key, await key.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    const before = [its.b.calls('C_Sign'), asked];
    its.a.fault.plan([{ function: 'C_Sign', count: 1, return: 'CKR_DEVICE_REMOVED' }]);
    expect((await failure(key.sign('ECDSA-SHA256', MESSAGE))).code).toBe('CKR_DEVICE_REMOVED');
    expect([its.b.calls('C_Sign'), asked]).toEqual([before[0], (before[1] as number) + 1]);
    await until(() => !(hsms.members[0]?.isRecovering ?? true), 'the member has recovered');
    expect(isGood(careful.key, await key.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
  });

  test('an operation that its caller has aborted', async () => {
    const hsms = await its.join({ strategy: 'primary' });
    const key = await hsms.privateKey({ label: 'signing' });
    its.a.fault.plan([{ function: 'C_Sign', hang: true }]);
    const before = its.b.calls('C_Sign');
    const given = new AbortController();
    const signature = failure(key.sign('ECDSA-SHA256', MESSAGE, { signal: given.signal }));
    await its.a.fault.until(({ hanging }) => hanging === 1);
    given.abort(new Error('enough'));
    expect((await signature).message).toBe('enough');
    expect(its.b.calls('C_Sign')).toBe(before);
    expect((await failure(hsms.random(4, { signal: given.signal }))).message).toBe('enough');
    expect(its.told).toEqual([]);
  });
});
