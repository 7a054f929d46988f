import { CKF } from 'cryptoki/raw';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../support/fault';

let its: Faulty;
let slot: bigint;
let handle: bigint;
beforeAll(async () => {
  its = await openFaulty();
  slot = its.token.slot.id;
});
beforeEach(async () => {
  handle = await its.raw.C_OpenSession(slot, CKF.SERIAL_SESSION);
});
afterEach(async () => {
  its.hsm.clear();
  its.hsm.insertToken();
  while ((await code(its.raw.C_WaitForSlotEvent(CKF.DONT_BLOCK))) === 'CKR_OK');
  await its.raw.C_CloseSession(handle).catch(() => {});
  expect(its.hsm.violations).toEqual([]);
});
afterAll(() => its.close());

const code = (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'CKR_OK',
    (error: { code: string }) => error.code,
  );
const random = (session = handle) => code(its.raw.C_GenerateRandom(session, 8));
const open = () => its.raw.C_OpenSession(slot, CKF.SERIAL_SESSION);
const present = async () => (await its.raw.C_GetSlotList(true)).includes(slot);

describe('a lost session', () => {
  test('by a rule makes this call and later ones fail, and the real session is closed', async () => {
    const other = await open();
    const before = its.hsm.counters().openSessions;
    its.hsm.plan([{ function: 'C_GenerateRandom', handle, nth: 2, loseSession: true }]);
    expect([await random(), await random(), await random()]).toEqual([
      'CKR_OK',
      'CKR_SESSION_HANDLE_INVALID',
      'CKR_SESSION_HANDLE_INVALID',
    ]);
    expect(await random(other)).toBe('CKR_OK');
    expect(its.hsm.counters().openSessions).toBe(before - 1);
    expect(await code(its.raw.C_CloseSession(handle))).toBe('CKR_SESSION_HANDLE_INVALID');
    await its.raw.C_CloseSession(other);
  });

  test('can be lost together with all others while calls are in flight', async () => {
    const other = await open();
    its.hsm.plan([{ function: 'C_GenerateRandom', hang: true }]);
    const hanging = random();
    await its.hsm.until(({ hanging: now }) => now === 1);
    its.hsm.loseSessions();
    expect(its.hsm.counters().openSessions).toBe(1); // of the call in flight, until it ends
    its.hsm.release();
    expect(await hanging).toBe('CKR_SESSION_CLOSED');
    expect(its.hsm.counters().openSessions).toBe(0);
    its.hsm.clear();
    expect(await random(other)).toBe('CKR_SESSION_HANDLE_INVALID');
    handle = await open();
    expect(await random()).toBe('CKR_OK');
  });
});

describe('a token', () => {
  test('can be removed and inserted by calls of the test', async () => {
    its.hsm.removeToken({ slot });
    expect((await its.raw.C_GetSlotInfo(slot)).flags & CKF.TOKEN_PRESENT).toBe(0);
    expect(await its.raw.C_GetSlotList(false)).toContain(slot);
    expect(await present()).toBe(false);
    expect(await random()).toBe('CKR_SESSION_HANDLE_INVALID');
    const calls = [
      open(),
      its.raw.C_GetTokenInfo(slot),
      its.raw.C_GetMechanismList(slot),
      its.raw.C_GetMechanismInfo(slot, 0),
      its.raw.C_CloseAllSessions(slot),
    ];
    expect(new Set(await Promise.all(calls.map(code)))).toEqual(new Set(['CKR_TOKEN_NOT_PRESENT']));
    expect(its.hsm.counters().openSessions).toBe(0);

    its.hsm.insertToken(slot);
    expect((await its.raw.C_GetSlotInfo(slot)).flags & CKF.TOKEN_PRESENT).not.toBe(0);
    expect(await present()).toBe(true);
    expect(await random()).toBe('CKR_SESSION_HANDLE_INVALID'); // the old session does not work again
    handle = await open();
    expect(await random()).toBe('CKR_OK');
  });

  test('can be removed by a rule for a time, and the call in flight fails', async () => {
    its.hsm.plan([{ function: 'C_GenerateRandom', nth: 1, removeToken: 100 }]);
    expect(await random()).toBe('CKR_DEVICE_REMOVED');
    expect(await code(open())).toBe('CKR_TOKEN_NOT_PRESENT');
    await its.raw.C_WaitForSlotEvent(0); // removed
    expect(await its.raw.C_WaitForSlotEvent(0)).toBe(slot); // inserted again by the rule
    handle = await open();
    expect(await random()).toBe('CKR_OK');
  });

  test('can be removed while a call hangs on it', async () => {
    its.hsm.plan([{ function: 'C_GenerateRandom', hang: true }]);
    const hanging = random();
    await its.hsm.until(({ hanging: now }) => now === 1);
    its.hsm.removeToken();
    its.hsm.clear();
    expect(await hanging).toBe('CKR_DEVICE_REMOVED');
  });
});

describe('a slot event', () => {
  test('is returned even if the real module does not support slot events', async () => {
    expect(await code(its.raw.C_WaitForSlotEvent(CKF.DONT_BLOCK))).toBe('CKR_NO_EVENT');
    its.hsm.removeToken({ slot });
    its.hsm.insertToken(slot);
    expect(await its.raw.C_WaitForSlotEvent(CKF.DONT_BLOCK)).toBe(slot); // one for each slot, regardless of the number of changes
    expect(await code(its.raw.C_WaitForSlotEvent(CKF.DONT_BLOCK))).toBe('CKR_NO_EVENT');
  });

  test('ends a waiting call', async () => {
    const event = its.raw.C_WaitForSlotEvent(0);
    await its.hsm.until(({ waiting }) => waiting === 1);
    its.hsm.removeToken({ slot });
    expect(await event).toBe(slot);
  });

  test('is no longer waited for after C_Finalize', async () => {
    const own = await openFaulty();
    const event = code(own.raw.C_WaitForSlotEvent(0));
    await own.hsm.until(({ waiting }) => waiting === 1);
    await own.module.close();
    expect(await event).toMatch(/^(CKR_CRYPTOKI_NOT_INITIALIZED|ERR_CRYPTOKI_MODULE_CLOSED)$/);
    expect(own.hsm.counters().waiting).toBe(0);
    expect(own.hsm.violations).toEqual([]);
    await own.close();
  });
});

describe('a lost device', () => {
  test('fails until C_Finalize and C_Initialize', async () => {
    const own = await openFaulty();
    const { raw, hsm } = own;
    const call = () => code(raw.C_GenerateRandom(own.session.handle, 8));
    hsm.plan([{ function: 'C_GenerateRandom', nth: 2, loseDevice: true }]);
    expect([await call(), await call(), await call()]).toEqual([
      'CKR_OK',
      'CKR_DEVICE_ERROR',
      'CKR_DEVICE_ERROR',
    ]);
    expect(await code(raw.C_GetInfo())).toBe('CKR_DEVICE_ERROR');
    expect(await code(raw.C_GetSlotList(true))).toBe('CKR_DEVICE_ERROR');
    expect(hsm.counters().openSessions).toBe(0);
    await raw.C_Finalize();
    await raw.C_Initialize();
    const session = await raw.C_OpenSession(own.token.slot.id, CKF.SERIAL_SESSION);
    expect(await code(raw.C_GenerateRandom(session, 8))).toBe('CKR_OK');
    expect(hsm.violations).toEqual([]);
    await own.close();
  });
});
