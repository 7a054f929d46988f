import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CKA } from 'cryptoki/raw';
import { FaultModule, type FaultRule, ODDITIES, type Oddity, planText } from 'cryptoki/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../support/fault';
import { wrong } from '../support/open';

let its: Faulty;
beforeAll(async () => {
  its = await openFaulty();
});
afterEach(() => its.hsm.clear());
afterAll(() => its.close());

const flags = async () => BigInt((await its.raw.C_GetTokenInfo(its.token.slot.id)).flags);
const isInitialised = async () => ((await flags()) & 0x400n) !== 0n;

describe('ODDITIES', () => {
  test('describes each oddity and the functions to which it applies', () => {
    expect(ODDITIES['lengths-ignored'].functions).toEqual(['C_GetAttributeValue']);
    expect(ODDITIES['too-small-for-ever'].functions).toEqual(
      expect.arrayContaining(['C_Sign', 'C_GetSlotList']),
    );
    expect(ODDITIES['one-session'].code).toBe('CKR_SESSION_COUNT');
    for (const { subject, functions, does, follows } of Object.values(ODDITIES)) {
      expect(functions.length).toBeGreaterThan(0);
      for (const text of [subject, does, follows]) expect(text).toMatch(/\w/);
    }
  });

  test('has only oddities that can be planned for each of their functions and for all', () => {
    for (const [name, { functions }] of Object.entries(ODDITIES)) {
      if (name === 'keeps-signal-handlers' && process.platform === 'win32') continue;
      const oddity = name as Oddity;
      its.hsm.plan([{ function: '*', oddity }, ...functions.map((each) => ({ function: each, oddity }))]);
    }
  });

  test('has only oddities that a test names', () => {
    const files = ['oddities.test.ts', 'oddities-values.test.ts'];
    const text = files.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8')).join();
    expect(Object.keys(ODDITIES).filter((name) => !text.includes(`'${name}'`))).toEqual([]);
  });
});

describe('a rule with an oddity', () => {
  test('has a text form', () => {
    const text = planText([
      { function: 'C_GetAttributeValue', nth: 2, oddity: 'refuses-all', return: 'CKR_DEVICE_ERROR' },
    ]);
    expect(text).toBe('C_GetAttributeValue nth=2 return=CKR_DEVICE_ERROR oddity=refuses-all');
  });

  test('acts under its conditions only', async () => {
    its.hsm.plan([{ function: 'C_GetTokenInfo', from: 2, count: 2, oddity: 'token-not-initialised' }]);
    const seen: boolean[] = [];
    for (let call = 0; call < 4; call++) seen.push(await isInitialised());
    expect(seen).toEqual([true, false, false, true]);
    expect(its.hsm.counters().rules).toEqual([{ matches: 4, injected: 2 }]);
  });

  test('acts on one session only if it names one', async () => {
    const other = await its.raw.C_OpenSession(its.token.slot.id, 4);
    const length = async (session: bigint) => {
      const [result] = await its.raw.C_GetAttributeValue(session, its.publicKey.handle, [CKA.KEY_TYPE]);
      const value = result?.value;
      return value instanceof Uint8Array ? value.length : 'a number';
    };
    its.hsm.plan([{ function: '*', handle: other, oddity: 'ulong-4-bytes' }]);
    const first = await length(its.session.handle);
    expect(first).toBe('a number');
    await length(other);
    const [{ matches, injected } = { matches: 0, injected: 0 }] = its.hsm.counters().rules;
    expect(matches).toBeGreaterThan(0);
    expect(injected).toBe(matches);
    await its.raw.C_CloseSession(other);
  });

  test('for all functions counts only the calls to which the oddity applies', async () => {
    its.hsm.plan([{ function: '*', oddity: 'size-call-says-too-few', nth: 1000 }]);
    await its.raw.C_GenerateRandom(its.session.handle, 8);
    await its.raw.C_GetMechanismList(its.token.slot.id); // one query and one fetch
    expect(its.hsm.counters().rules).toEqual([{ matches: 1, injected: 0 }]);
  });

  test('acts together with another oddity and with other actions', async () => {
    its.hsm.plan([
      { function: '*', oddity: 'token-not-initialised' },
      { function: 'C_GetTokenInfo', oddity: 'token-flags-large', delay: 1 },
    ]);
    expect(await isInitialised()).toBe(false);
    expect((await flags()) >> 31n).toBeGreaterThan(0n);
    expect(its.hsm.counters().mostDelayed).toBe(1);
  });

  test('returns the return code of the rule', async () => {
    const { id } = its.token.slot;
    const code = () => its.raw.C_OpenSession(id, 4).catch((error: { code: string }) => error.code);
    its.hsm.plan([{ function: 'C_OpenSession', oddity: 'one-session' }]);
    expect(await code()).toBe('CKR_SESSION_COUNT');
    its.hsm.plan([{ function: 'C_OpenSession', oddity: 'one-session', return: 'CKR_DEVICE_MEMORY' }]);
    expect(await code()).toBe('CKR_DEVICE_MEMORY');
  });

  test('does not hide the loss of a device', async () => {
    const own = await openFaulty();
    own.hsm.loseDevice();
    own.hsm.plan([{ function: '*', oddity: 'token-flags-large' }]);
    await expect(own.raw.C_GetTokenInfo(own.token.slot.id)).rejects.toMatchObject({
      code: 'CKR_DEVICE_ERROR',
    });
    await own.close();
  });

  test('hides the manufacturer of SoftHSM2, as rules without an oddity do', async () => {
    its.hsm.plan([{ function: '*', oddity: 'lengths-unwritten' }]);
    expect((await its.raw.C_GetInfo()).manufacturerID).toBe('fault module');
  });
});

describe('a plan with oddities is refused', () => {
  test.each<[object, string]>([
    [
      { function: 'C_GetAttributeValue', oddity: 'lengths-ignord' },
      'rule in line 1: unknown oddity "lengths-ignord"; did you mean "lengths-ignored"?',
    ],
    [
      { function: ['C_GetAttributeValue', 'C_Sign'], oddity: 'lengths-ignored' },
      'the oddity lengths-ignored does not apply to C_Sign; it applies to C_GetAttributeValue',
    ],
    [{ function: 'C_Sign', oddity: 'length-unwritten', return: 1 }, 'return replaces the call'],
    [{ function: 'C_Sign', oddity: 'length-unwritten', grown: 1 }, 'grown replaces the call'],
    [{ function: 'C_GetFunctionList', return: 1 }, 'C_GetFunctionList accepts only rules with an oddity'],
    [{ function: 'C_OpenSession', session: 1, oddity: 'one-session' }, 'is not called on a session'],
  ])('%j', (rule, message) => {
    expect(() => its.hsm.plan([wrong<FaultRule>(rule)])).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE', message: expect.stringContaining(message) }),
    );
  });

  test('by FaultModule.create(), too', async () => {
    const plan = [{ function: '*' as const, oddity: wrong<Oddity>('odd') }];
    await expect(FaultModule.create({ module: its.soft.module, plan })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
});
