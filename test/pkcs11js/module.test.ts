import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import * as named from 'cryptoki/pkcs11js';
import pkcs11js, { CKM_AES_GCM, PKCS11 } from 'cryptoki/pkcs11js';
import * as raw from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { createToken } from '../support/token';

const root = resolve(import.meta.dirname, '..', '..');
const required = createRequire(join(root, 'x.js'))('cryptoki/pkcs11js') as typeof pkcs11js;

describe('the module', () => {
  test('is, when required, a plain object with the constants and three classes as its own properties', () => {
    expect(Object.getPrototypeOf(required)).toBe(Object.prototype);
    const members = Object.entries(Object.getOwnPropertyDescriptors(required));
    expect(
      members.every(([, { enumerable, writable, configurable }]) => enumerable && writable && configurable),
    ).toBe(true);
    const others = members.filter(([, { value }]) => typeof value !== 'number').map(([name]) => name);
    expect(others.sort()).toEqual(['NativeError', 'PKCS11', 'Pkcs11Error']);
    expect(Reflect.has(required, '__esModule')).toBe(false);
  });

  test('can be imported as a default and by names', () => {
    expect(pkcs11js).toBe(required);
    expect(PKCS11).toBe(required.PKCS11);
    expect(CKM_AES_GCM).toBe(0x1087);
    expect(
      Object.keys(named)
        .filter((name) => name !== 'default')
        .sort(),
    ).toEqual(Object.keys(required).sort());
  });
});

describe('the constants', () => {
  test('include all of PKCS#11 3.2 under their full names', () => {
    const families = Object.entries(raw).filter(([name]) => /^C(K[A-Z]*|RYPTOKI)$/.test(name));
    expect(families.length).toBeGreaterThan(15);
    for (const [family, members] of families) {
      for (const [name, value] of Object.entries(members as Record<string, number>)) {
        expect([`${family}_${name}`, Reflect.get(required, `${family}_${name}`)]).toEqual([
          `${family}_${name}`,
          value,
        ]);
      }
    }
  });

  test('include the numbers of parameter types', () => {
    const types = Object.entries(required).filter(([name]) => /^CK_PARAMS?_/.test(name));
    const values = types.map(([, value]) => value);
    expect(values).toEqual(Array.from({ length: 29 }, (_, index) => index));
    expect(required).toMatchObject({
      CK_PARAMS_BUFFER: 0,
      CK_PARAMS_AES_CBC: 1,
      CK_PARAMS_RSA_OAEP: 4,
      CK_PARAMS_AES_GCM_v240: 7,
      CK_PARAMS_X9_42_MQV_DERIVE: 12,
      CK_PARAMS_RC2: 14,
      CK_PARAMS_GCM: 25,
      CK_PARAM_GOSTR3410_DERIVE: 27,
      CK_PARAM_GOSTR3410_KEY_WRAP: 28,
    });
  });
});

describe('PKCS11', () => {
  const SYNC = [
    ...[
      'Initialize',
      'Finalize',
      'GetInfo',
      'GetSlotList',
      'GetSlotInfo',
      'GetTokenInfo',
      'GetMechanismList',
    ],
    ...[
      'GetMechanismInfo',
      'InitToken',
      'InitPIN',
      'SetPIN',
      'OpenSession',
      'CloseSession',
      'CloseAllSessions',
    ],
    ...[
      'GetSessionInfo',
      'GetOperationState',
      'SetOperationState',
      'Login',
      'Logout',
      'SeedRandom',
      'GenerateRandom',
    ],
    ...[
      'DestroyObject',
      'GetObjectSize',
      'GetAttributeValue',
      'FindObjectsInit',
      'FindObjects',
      'FindObjectsFinal',
    ],
    ...['DigestInit', 'DigestUpdate', 'DigestKey', 'SignInit', 'SignUpdate', 'VerifyInit', 'VerifyUpdate'],
    ...['EncryptInit', 'EncryptUpdate', 'DecryptInit', 'DecryptUpdate', 'SignRecoverInit', 'SignRecover'],
    ...['VerifyRecoverInit', 'VerifyRecover', 'WaitForSlotEvent'],
  ];
  const ASYNC = [
    ...[
      'Digest',
      'DigestFinal',
      'GenerateKey',
      'GenerateKeyPair',
      'Sign',
      'SignFinal',
      'Verify',
      'VerifyFinal',
    ],
    ...['Encrypt', 'EncryptFinal', 'Decrypt', 'DecryptFinal', 'DeriveKey', 'WrapKey', 'UnwrapKey'],
    ...['DigestEncryptUpdate', 'DecryptDigestUpdate', 'SignEncryptUpdate', 'DecryptVerifyUpdate'],
  ];

  test('has each function as an enumerable property of its own, and some as methods', () => {
    expect([SYNC.length, ASYNC.length]).toEqual([43, 19]);
    const pkcs11 = new PKCS11();
    const wanted = [...SYNC, ...ASYNC.flatMap((name) => [name, `${name}Callback`, `${name}Async`])];
    const functions = Object.entries(pkcs11).filter(([, value]) => typeof value === 'function');
    const names = functions.map(([name]) => name);
    expect(names).toEqual(expect.arrayContaining(wanted.map((name) => `C_${name}`)));
    const methods = ['C_CreateObject', 'C_CopyObject', 'C_SetAttributeValue', 'load', 'close'];
    for (const name of methods) expect(typeof Reflect.get(PKCS11.prototype, name)).toBe('function');
    expect('libPath' in pkcs11).toBe(false);
  });

  test('has the functions of 3.0 and 3.2, too', () => {
    const pkcs11 = new PKCS11();
    for (const name of [
      'C_LoginUser',
      'C_SessionCancel',
      'C_EncryptMessage',
      'C_EncapsulateKeyAsync',
      'C_AsyncJoin',
    ]) {
      expect(typeof Reflect.get(pkcs11, name)).toBe('function');
    }
  });

  test('is a class', () => {
    expect(() => (PKCS11 as unknown as () => void)()).toThrow(TypeError);
  });

  test('loads a library once or several times and unloads it', async () => {
    const token = await createToken();
    const one = new PKCS11(token.module);
    expect(one.libPath).toBe(token.module);
    const other = new PKCS11();
    expect(other.load(token.module)).toBeUndefined();
    // As in C: a library is initialised once, and finalised for all users.
    one.C_Initialize();
    expect(() => other.C_Initialize()).toThrow('CKR_CRYPTOKI_ALREADY_INITIALIZED');
    expect(other.C_GetSlotList()).toHaveLength(2);
    one.load(token.module); // a second load has no effect
    expect(one.C_GetSlotList()).toHaveLength(2);
    other.C_Finalize();
    expect(() => one.C_GetSlotList()).toThrow('CKR_CRYPTOKI_NOT_INITIALIZED');
    one.C_Initialize();
    other.close();
    other.close();
    expect(() => other.C_GetInfo()).toThrow('PKCS11 module not loaded yet');
    expect(one.C_GetInfo().manufacturerID.trim()).toBe('SoftHSM');
    // The last close() discards the state of the library, even without C_Finalize.
    one.close();
    one.load(token.module);
    expect(() => one.C_GetInfo()).toThrow('CKR_CRYPTOKI_NOT_INITIALIZED');
    one.C_Initialize(null);
    one.C_Finalize();
    one.close();
    token.remove();
  });

  test('reports why a library cannot be loaded, and remains usable', async () => {
    for (const path of ['/nope.so', 'nope.so', process.execPath, import.meta.filename]) {
      const pkcs11 = new PKCS11();
      expect(() => pkcs11.load(path)).toThrow(pkcs11js.NativeError);
      expect(() => new PKCS11(path)).toThrow(pkcs11js.NativeError);
      expect(() => pkcs11.C_GetInfo()).toThrow('PKCS11 module not loaded yet');
      expect(pkcs11.close()).toBeUndefined();
    }
    const load = (...values: unknown[]): void => Reflect.apply(new PKCS11().load, new PKCS11(), values);
    expect(() => load()).toThrow('Parameters are required. Expected 1 arguments, but received 0.');
    expect(() => load(1)).toThrow(new TypeError('Argument 0 has wrong type. Should be a String'));
  });

  test('refuses all functions before load()', () => {
    const pkcs11 = new PKCS11();
    for (const name of [
      'C_Initialize',
      'C_Finalize',
      'C_GetInfo',
      'C_Sign',
      'C_CreateObject',
      'C_SignCallback',
    ]) {
      expect(() => Reflect.get(pkcs11, name).call(pkcs11)).toThrow(pkcs11js.NativeError);
      expect(() => Reflect.get(pkcs11, name).call(pkcs11)).toThrow('PKCS11 module not loaded yet');
    }
  });
});
