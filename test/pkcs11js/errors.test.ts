import pkcs11js from 'cryptoki/pkcs11js';
import { FaultModule } from 'cryptoki/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';
import { thrown } from './support/open';

const { NativeError, Pkcs11Error } = pkcs11js;

describe('the error classes', () => {
  test('have the properties of pkcs11js', () => {
    const native = new NativeError('message', 'C_X');
    expect(native).toBeInstanceOf(Error);
    expect(JSON.parse(JSON.stringify(native))).toEqual({
      name: 'NativeError',
      method: 'C_X',
      nativeStack: '',
      code: 0,
    });
    const error = new Pkcs11Error('CKR_X', 5, 'C_Y');
    expect(error).toBeInstanceOf(NativeError);
    expect(String(error)).toBe('Pkcs11Error: CKR_X');
    expect(Object.entries(error)).toEqual([
      ['name', 'Pkcs11Error'],
      ['method', 'C_Y'],
      ['nativeStack', ''],
      ['code', 5],
    ]);
    expect(new Pkcs11Error()).toMatchObject({ message: '', code: 0, method: '' });
  });
});

describe('errors of a module', () => {
  let token: TestToken;
  let hsm: FaultModule;
  const pkcs11 = new pkcs11js.PKCS11();

  beforeAll(async () => {
    token = await createToken();
    hsm = await FaultModule.create({ module: token.module, environment: token.environment });
    pkcs11.load(hsm.path);
    pkcs11.C_Initialize();
  });
  afterAll(async () => {
    hsm.clear();
    pkcs11.C_Finalize();
    pkcs11.close();
    await hsm[Symbol.asyncDispose]();
    token.remove();
  });

  test('are Pkcs11Errors with name, number and function', () => {
    const [slot] = pkcs11.C_GetSlotList(true) as [Buffer];
    const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION);
    for (const call of [
      () => pkcs11.C_CreateObject(session, []),
      () => pkcs11.C_CopyObject(session, slot, []),
      () => pkcs11.C_SetAttributeValue(session, slot, []),
      () => pkcs11.C_FindObjects(session, 1),
      () => pkcs11.C_Sign(session, slot, slot),
      () => pkcs11.C_Login(session, 9, 'x'),
    ]) {
      const error = thrown(call);
      expect(error).toBeInstanceOf(Pkcs11Error);
      expect(error.message).toMatch(/^CKR_[A-Z_]+$/);
      expect(error.code).toBe(Reflect.get(pkcs11js, error.message));
      expect(error.method).toMatch(/^C_(CreateObject|CopyObject|SetAttributeValue|FindObjects|Sign|Login)$/);
      expect((error as Error).cause).toMatchObject({ name: 'CryptokiError', code: error.message });
      expect(Reflect.get(error, 'nativeStack')).toMatch(/^ {4}at /);
    }
    pkcs11.C_CloseSession(session);
  });

  test.each([
    [0x80001234, 'CKR_VENDOR_DEFINED', 0x80001234],
    [0x0000fff0, 'CKR_VENDOR_DEFINED', 0xfff0],
    [0x80000000, 'CKR_VENDOR_DEFINED', 0x80000000],
    [0x30, 'CKR_DEVICE_ERROR', 0x30],
    [0x204, 'CKR_PENDING', 0x204],
  ])('with the number %i are %s', (rv, message, code) => {
    hsm.plan([{ function: 'C_GetInfo', return: rv }]);
    expect(thrown(() => pkcs11.C_GetInfo())).toMatchObject({ name: 'Pkcs11Error', message, code });
    hsm.clear();
  });
});

describe('C_Initialize', () => {
  test('accepts no argument, null and options', async () => {
    const token = await createToken();
    const pkcs11 = new pkcs11js.PKCS11(token.module);
    for (const options of [undefined, null, {}, { flags: 0 }, { flags: 2 }]) {
      expect(pkcs11.C_Initialize(options as object)).toBeUndefined();
      expect(thrown(() => pkcs11.C_Initialize())).toMatchObject({
        message: 'CKR_CRYPTOKI_ALREADY_INITIALIZED',
        code: pkcs11js.CKR_CRYPTOKI_ALREADY_INITIALIZED,
        method: 'C_Initialize',
      });
      expect(pkcs11.C_Finalize()).toBeUndefined();
    }
    // SoftHSM2 ignores the string, which must still be passed on.
    expect(() => pkcs11.C_Initialize({ libraryParameters: 'abc' })).toThrow('CKR_ARGUMENTS_BAD');
    const wrong: unknown = { libraryParameters: 1 };
    expect(() => pkcs11.C_Initialize(wrong as object)).toThrow(
      new TypeError("Argument 0 has wrong type. Property 'libraryParameters' should be a String"),
    );
    expect(() => pkcs11.C_GetInfo()).toThrow('CKR_CRYPTOKI_NOT_INITIALIZED');
    expect(() => pkcs11.C_Finalize()).toThrow('CKR_CRYPTOKI_NOT_INITIALIZED');
    pkcs11.close();
    token.remove();
  });
});
