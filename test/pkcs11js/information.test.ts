import pkcs11js from 'cryptoki/pkcs11js';
import { FaultModule } from 'cryptoki/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken } from '../support/token';
import { type Opened, open } from './support/open';

let its: Opened;

beforeAll(async () => {
  its = await open();
});
afterAll(() => its.close());

describe('information', () => {
  test('on the module has the members in the order of the structure, and padded texts', () => {
    const info = its.pkcs11.C_GetInfo();
    expect(Object.keys(info)).toEqual([
      'cryptokiVersion',
      'manufacturerID',
      'flags',
      'libraryDescription',
      'libraryVersion',
    ]);
    expect(info.manufacturerID).toBe('SoftHSM'.padEnd(32));
    expect(info.libraryDescription).toHaveLength(32);
    expect(info.cryptokiVersion).toEqual({ major: 2, minor: 40 });
    expect(info.flags).toBe(0);
  });

  test('on a slot has the members of CK_SLOT_INFO', () => {
    const info = its.pkcs11.C_GetSlotInfo(its.slot);
    expect(Object.keys(info)).toEqual([
      'slotDescription',
      'manufacturerID',
      'flags',
      'hardwareVersion',
      'firmwareVersion',
    ]);
    expect(info.slotDescription).toMatch(/^SoftHSM slot ID 0x[0-9a-f]+ *$/);
    expect(info.slotDescription).toHaveLength(64);
    expect(info.manufacturerID).toBe('SoftHSM project'.padEnd(32));
    expect(info.flags & pkcs11js.CKF_TOKEN_PRESENT).toBe(1);
  });

  test('on a token has 4294967295 for unknown values and bigint for sizes of memory', () => {
    const info = its.pkcs11.C_GetTokenInfo(its.slot);
    expect(Object.keys(info)).toEqual([
      ...['label', 'manufacturerID', 'model', 'serialNumber', 'flags', 'maxSessionCount', 'sessionCount'],
      ...[
        'maxRwSessionCount',
        'rwSessionCount',
        'maxPinLen',
        'minPinLen',
        'hardwareVersion',
        'firmwareVersion',
      ],
      ...['utcTime', 'totalPublicMemory', 'freePublicMemory', 'totalPrivateMemory', 'freePrivateMemory'],
    ]);
    expect(info).toMatchObject({
      label: its.token.label.padEnd(32),
      manufacturerID: 'SoftHSM project'.padEnd(32),
      model: 'SoftHSM v2'.padEnd(16),
      serialNumber: expect.stringMatching(/^[0-9a-f]{16}$/),
      maxSessionCount: 0,
      sessionCount: 4294967295,
      rwSessionCount: 4294967295,
      maxPinLen: 255,
      minPinLen: 4,
      utcTime: expect.stringMatching(/^20\d{12}00$/),
      totalPublicMemory: 2n ** 64n - 1n,
      freePublicMemory: 2n ** 64n - 1n,
      totalPrivateMemory: 2n ** 64n - 1n,
      freePrivateMemory: 2n ** 64n - 1n,
    });
    expect(info.flags & pkcs11js.CKF_TOKEN_INITIALIZED).not.toBe(0);
  });

  test('on mechanisms has key sizes and flags', () => {
    const list = its.pkcs11.C_GetMechanismList(its.slot);
    expect(list).toContain(pkcs11js.CKM_RSA_PKCS);
    expect(list.every((one) => typeof one === 'number')).toBe(true);
    const info = its.pkcs11.C_GetMechanismInfo(its.slot, pkcs11js.CKM_RSA_PKCS);
    expect(Object.keys(info)).toEqual(['minKeySize', 'maxKeySize', 'flags']);
    expect(info.flags & pkcs11js.CKF_SIGN).not.toBe(0);
  });

  test('on a session has state and flags', () => {
    expect(its.pkcs11.C_GetSessionInfo(its.session)).toEqual({
      slotID: its.slot,
      state: pkcs11js.CKS_RW_USER_FUNCTIONS,
      flags: pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION,
      deviceError: 0,
    });
  });
});

describe('slots and sessions', () => {
  test('are buffers, each with its own memory', () => {
    const [one, other] = [its.pkcs11.C_GetSlotList(true), its.pkcs11.C_GetSlotList(true)];
    expect(one).toEqual(other);
    expect(one.every((slot) => Buffer.isBuffer(slot) && slot.length === its.slot.length)).toBe(true);
    expect(one[0]).not.toBe(other[0]);
    expect(its.pkcs11.C_GetSlotList()).toEqual(its.pkcs11.C_GetSlotList(false));
  });

  test('can be closed', () => {
    const [one, other] = [its.open(), its.open()];
    expect(one.equals(other)).toBe(false);
    expect(its.pkcs11.C_CloseSession(one)).toBeUndefined();
    expect(() => its.pkcs11.C_GetSessionInfo(one)).toThrow('CKR_SESSION_HANDLE_INVALID');
    expect(its.pkcs11.C_GetSessionInfo(other).state).toBe(pkcs11js.CKS_RW_USER_FUNCTIONS);
    its.pkcs11.C_CloseSession(other);
  });
});

describe('a token', () => {
  test('is initialised with a label shorter than 32 bytes, and gets PINs', () => {
    const { pkcs11 } = its;
    const slot = pkcs11.C_GetSlotList(true).at(-1) as Buffer;
    expect(pkcs11.C_InitToken(slot, 'so-pin', 'lbl')).toBeUndefined();
    expect(pkcs11.C_GetTokenInfo(slot).label).toBe('lbl'.padEnd(32));
    // A longer label is cut after at most 32 bytes, between characters: U+20AC has three bytes.
    pkcs11.C_InitToken(slot, 'so-pin', '€'.repeat(20));
    expect(pkcs11.C_GetTokenInfo(slot).label).toBe(`${'€'.repeat(10)}  `);
    const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
    pkcs11.C_Login(session, pkcs11js.CKU_SO, 'so-pin');
    pkcs11.C_InitPIN(session, 'user-pin');
    pkcs11.C_Logout(session);
    pkcs11.C_Login(session, pkcs11js.CKU_USER, 'user-pin');
    pkcs11.C_SetPIN(session, 'user-pin', 'another');
    pkcs11.C_Logout(session);
    expect(() => pkcs11.C_Login(session, pkcs11js.CKU_USER, 'user-pin')).toThrow('CKR_PIN_INCORRECT');
    pkcs11.C_Login(session, pkcs11js.CKU_USER, 'another');
    pkcs11.C_CloseAllSessions(slot);
    expect(() => pkcs11.C_GetSessionInfo(session)).toThrow('CKR_SESSION_HANDLE_INVALID');
  });

  test('without a PIN in the call is asked to use its PIN pad', () => {
    const session = its.pkcs11.C_OpenSession(its.slot, pkcs11js.CKF_SERIAL_SESSION);
    for (const none of [null, undefined]) {
      // SoftHSM2 has no PIN pad and reports an error.
      expect(() => its.pkcs11.C_Login(session, pkcs11js.CKU_USER, none)).toThrow('CKR_ARGUMENTS_BAD');
    }
    its.pkcs11.C_CloseSession(session);
  });
});

test('C_GenerateRandom fills the given buffer', () => {
  const bytes = new Uint8Array(40);
  expect(its.pkcs11.C_GenerateRandom(its.session, bytes.subarray(4, 36) as Buffer)).toHaveLength(32);
  expect(bytes.subarray(4, 36).some((byte) => byte !== 0)).toBe(true);
  expect([...bytes.subarray(0, 4), ...bytes.subarray(36)].every((byte) => byte === 0)).toBe(true);
  const buffer = Buffer.alloc(16);
  expect(its.pkcs11.C_GenerateRandom(its.session, buffer)).toBe(buffer);
  expect(its.pkcs11.C_SeedRandom(its.session, Buffer.from('seed'))).toBeUndefined();
});

test('C_WaitForSlotEvent reports slot events with and without a wait', async () => {
  const token = await createToken();
  const hsm = await FaultModule.create({ module: token.module, environment: token.environment });
  const pkcs11 = new pkcs11js.PKCS11(hsm.path);
  pkcs11.C_Initialize();
  const [slot] = pkcs11.C_GetSlotList(true);
  expect(pkcs11.C_WaitForSlotEvent(pkcs11js.CKF_DONT_BLOCK)).toBeNull();
  hsm.removeToken({ for: 50 });
  expect(pkcs11.C_WaitForSlotEvent(0)).toEqual(slot);
  pkcs11.C_Finalize();
  pkcs11.close();
  await hsm[Symbol.asyncDispose]();
  token.remove();
});
