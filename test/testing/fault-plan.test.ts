import { FaultModule, type FaultRule, planText } from 'cryptoki/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../support/fault';
import { wrong } from '../support/open';

let its: Faulty;
beforeAll(async () => {
  its = await openFaulty();
});
afterEach(() => its.hsm.clear());
afterAll(() => its.close());

/** Calls C_GenerateRandom under this rule and returns the numbers of the calls that failed. */
async function spoiled(rule: Omit<FaultRule, 'function'>, calls = 10, handle = its.session.handle) {
  its.hsm.plan([{ function: 'C_GenerateRandom', return: 'CKR_DEVICE_ERROR', ...rule }]);
  const numbers: number[] = [];
  for (let number = 1; number <= calls; number++) {
    await its.raw.C_GenerateRandom(handle, 1).catch((error: { code: string }) => {
      expect(error.code).toBe('CKR_DEVICE_ERROR');
      numbers.push(number);
    });
  }
  return numbers;
}

describe('a rule of a plan', () => {
  test.each<[Omit<FaultRule, 'function'>, number[]]>([
    [{}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    [{ nth: 3 }, [3]],
    [{ every: 4 }, [4, 8]],
    [{ from: 9 }, [9, 10]],
    [{ from: 2, count: 3 }, [2, 3, 4]],
    [{ count: 2 }, [1, 2]],
    [{ from: 3, every: 2 }, [4, 6, 8, 10]],
    [{ nth: 11 }, []],
  ])('with the conditions %j acts on the expected calls', async (rule, expected) => {
    expect(await spoiled(rule)).toEqual(expected);
    expect(its.hsm.counters().rules).toEqual([{ matches: 10, injected: expected.length }]);
  });

  test('counts the calls of one session, given by ordinal or handle', async () => {
    const other = await its.raw.C_OpenSession(its.token.slot.id, 4);
    const session = its.hsm.counters().openedSessions;
    expect(await spoiled({ session, nth: 2 }, 3)).toEqual([]);
    expect(await spoiled({ session, nth: 2 }, 3, other)).toEqual([2]);
    expect(await spoiled({ handle: other, nth: 1 }, 3)).toEqual([]);
    expect(await spoiled({ handle: other, nth: 1 }, 3, other)).toEqual([1]);
    expect(its.hsm.counters().rules).toEqual([{ matches: 3, injected: 1 }]);
    await its.raw.C_CloseSession(other);
  });

  test('with a probability selects that part of the calls, and the same ones for the same seed', async () => {
    const first = await spoiled({ probability: 0.2, seed: 7 }, 1000);
    expect(first.length).toBeGreaterThan(140);
    expect(first.length).toBeLessThan(260);
    expect(await spoiled({ probability: 0.2, seed: 7 }, 1000)).toEqual(first);
    expect(await spoiled({ probability: 0.2, seed: 8 }, 1000)).not.toEqual(first);
    expect(await spoiled({ probability: 0 }, 20)).toEqual([]);
    expect(await spoiled({ probability: 1 }, 20)).toHaveLength(20);
  });

  test('applies to one function, several or all', async () => {
    const { slot } = its.token;
    const codes = async () => [
      await its.raw.C_GenerateRandom(its.session.handle, 1).catch((error) => error.code),
      await its.raw.C_GetSessionInfo(its.session.handle).catch((error) => error.code),
      await its.raw.C_GetTokenInfo(slot.id).catch((error) => error.code),
    ];
    const failed = (text: unknown) => text === 'CKR_HOST_MEMORY';
    its.hsm.plan([{ function: ['C_GenerateRandom', 'C_GetTokenInfo'], return: 'CKR_HOST_MEMORY' }]);
    expect((await codes()).map(failed)).toEqual([true, false, true]);
    its.hsm.plan([{ function: '*', return: 'CKR_HOST_MEMORY' }]);
    expect((await codes()).map(failed)).toEqual([true, true, true]);
  });

  test('is overridden by an earlier rule with a return code', async () => {
    its.hsm.plan([
      { function: 'C_GenerateRandom', nth: 2, return: 'CKR_HOST_MEMORY' },
      { function: 'C_GenerateRandom', return: 'CKR_DEVICE_MEMORY' },
    ]);
    const code = () => its.raw.C_GenerateRandom(its.session.handle, 1).catch((error) => error.code);
    expect([await code(), await code()]).toEqual(['CKR_DEVICE_MEMORY', 'CKR_HOST_MEMORY']);
    expect(its.hsm.counters().rules).toEqual([
      { matches: 2, injected: 1 },
      { matches: 2, injected: 2 },
    ]);
  });
});

describe('the text form of a plan', () => {
  test('has one rule per line', () => {
    const text = planText([
      { function: ['C_Sign', 'C_SignFinal'], every: 10, delay: 1e-7, delayAfter: 2.5 },
      { function: '*', handle: 2n ** 63n, hang: true, logout: false, removeToken: 500 },
    ]);
    expect(text).toBe(
      'C_Sign,C_SignFinal every=10 delay=0.000000100 delay-after=2.5\n* handle=9223372036854775808 hang remove-token=500',
    );
    its.hsm.plan([{ function: 'C_Sign', delay: 1e-7 }]);
  });

  test.each<[object, string, string]>([
    [
      { function: 'C_Sing', return: 1 },
      'ERR_INVALID_ARG_VALUE',
      'rule in line 1: "C_Sing" is not a function of PKCS#11',
    ],
    [{ function: 'C_Sign' }, 'ERR_INVALID_ARG_VALUE', 'the rule has no action'],
    [{ function: 'C_Sign', return: 'CKR_NO' }, 'ERR_INVALID_ARG_VALUE', 'CKR_NO'],
    [{ function: 'C_Sign', nth: 0, return: 1 }, 'ERR_OUT_OF_RANGE', 'nth takes a whole number from 1'],
    [{ function: 'C_Sign', nth: 1.5, return: 1 }, 'ERR_OUT_OF_RANGE', '1.5'],
    [{ function: 'C_Sign', delay: -1 }, 'ERR_OUT_OF_RANGE', 'delay takes a number from 0 to 86400000'],
    [{ function: 'C_Sign', delay: 'long time' }, 'ERR_INVALID_ARG_VALUE', 'long time'],
    [{ function: 'C_Sign', probability: 2, hang: true }, 'ERR_OUT_OF_RANGE', 'from 0 to 1'],
    [
      { function: 'C_OpenSession', session: 1, hang: true },
      'ERR_INVALID_ARG_VALUE',
      'is not called on a session',
    ],
    [{ function: 'C_Verify', flipBit: 1 }, 'ERR_INVALID_ARG_VALUE', 'returns no bytes'],
    [{ function: 'C_SignInit', size: 1 }, 'ERR_INVALID_ARG_VALUE', 'length'],
    [{ function: 'C_Sign', size: 1, grown: 1 }, 'ERR_INVALID_ARG_VALUE', 'make two rules'],
    [{ function: 'C_Sign', delayed: 1 }, 'ERR_INVALID_ARG_VALUE', '"delayed"'],
    [{ function: 'C_Sign return=1', hang: true }, 'ERR_INVALID_ARG_VALUE', '"C_Sign return=1"'],
    [{ function: [], hang: true }, 'ERR_INVALID_ARG_VALUE', 'empty'],
    [{ return: 1 }, 'ERR_INVALID_ARG_TYPE', 'function'],
  ])('refuses %j', (rule, code, message) => {
    expect(() => its.hsm.plan([wrong<FaultRule>(rule)])).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  test('that is refused leaves the earlier plan active', async () => {
    its.hsm.plan([{ function: 'C_GenerateRandom', return: 'CKR_HOST_MEMORY' }]);
    expect(() => its.hsm.plan([{ function: 'C_Sign' }])).toThrow();
    await expect(its.raw.C_GenerateRandom(its.session.handle, 1)).rejects.toMatchObject({
      code: 'CKR_HOST_MEMORY',
    });
  });
});

describe('FaultModule.create()', () => {
  test.each([
    ['/does/not/exist.so', 'ERR_CRYPTOKI_MODULE_NOT_FOUND'],
    [process.execPath, 'ERR_CRYPTOKI_MODULE_LOAD'],
  ])('refuses %s as real module', async (module, code) => {
    await expect(FaultModule.create({ module })).rejects.toMatchObject({ name: 'CryptokiError', code });
  });

  test('refuses unknown options and plans that are not possible', async () => {
    const { module } = its.soft;
    const options = wrong<{ module: string }>({ module, plans: [] });
    await expect(FaultModule.create(options)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(FaultModule.create({ module, plan: [{ function: 'C_Sign' }] })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
});
