import pkcs11js, { type PKCS11 } from 'cryptoki/pkcs11js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Opened, open, thrown } from './support/open';

let its: Opened;
let session: Buffer;

beforeAll(async () => {
  its = await open();
  session = its.session;
});
afterAll(() => its.close());

/** Calls a function with arguments of any type. */
const call = (name: keyof PKCS11, ...values: unknown[]): unknown =>
  Reflect.apply(its.pkcs11[name] as () => unknown, its.pkcs11, values);
const typeError = (message: string): TypeError => new TypeError(message);
const required = (expected: number, received: number): TypeError =>
  typeError(`Parameters are required. Expected ${expected} arguments, but received ${received}.`);

describe('the number of arguments', () => {
  test('is checked, with the error text of pkcs11js', () => {
    expect(() => call('C_GetSlotInfo')).toThrow(required(1, 0));
    expect(() => call('C_Login', session, 1)).toThrow(required(3, 2));
    expect(() => call('C_InitToken', its.slot, 'x')).toThrow(required(3, 2));
    expect(() => call('C_FindObjectsInit', session)).toThrow(required(2, 1));
    expect(() => call('C_FindObjects', session, 1, 2)).toThrow(required(2, 3));
    expect(() => call('C_GetAttributeValue', session, session)).toThrow(required(3, 2));
    expect(() => call('C_WaitForSlotEvent')).toThrow(required(1, 0));
    expect(() => call('C_EncryptUpdate', session, session, session, () => {})).toThrow(required(3, 4));
    expect(() => call('C_Digest', session, session)).toThrow(required(3, 2));
    expect(() => call('C_Digest', session, session, session, () => {}, 1)).toThrow(required(4, 5));
    expect(() => call('C_DigestCallback', session, session, session)).toThrow(required(4, 3));
  });

  test('is not checked when no argument is needed or when the types show the error', () => {
    expect(call('C_GetInfo', 1)).toMatchObject({ flags: 0 });
    expect(() => call('C_CreateObject', session)).toThrow(
      typeError('Argument 1 has wrong type. Should be an Array'),
    );
    expect(() => call('C_CopyObject', session, session)).toThrow(
      typeError('Argument 2 has wrong type. Should be an Array'),
    );
  });
});

describe('arguments', () => {
  test('are reported by number and expected type', () => {
    const wrong = (index: number, what: string): TypeError =>
      typeError(`Argument ${index} has wrong type. Should be ${what}`);
    expect(() => call('C_GetSlotList', 1)).toThrow(wrong(0, 'a Boolean'));
    expect(() => call('C_GetSlotList', undefined)).toThrow(wrong(0, 'a Boolean'));
    expect(() => call('C_OpenSession', its.slot, 'x')).toThrow(wrong(1, 'a Number'));
    expect(() => call('C_FindObjects', session, undefined)).toThrow(wrong(1, 'a Number'));
    expect(() => call('C_Login', session, 1, Buffer.from('1234'))).toThrow(wrong(2, 'a String'));
    expect(() => call('C_InitToken', its.slot, 'x', 5)).toThrow(wrong(2, 'a String'));
    expect(() => call('C_Digest', session, 'abc', Buffer.alloc(9))).toThrow(wrong(1, 'a Buffer'));
    expect(() => call('C_Digest', session, new ArrayBuffer(3), Buffer.alloc(9))).toThrow(
      wrong(1, 'a Buffer'),
    );
    expect(() => call('C_Digest', session, session, 'x')).toThrow(wrong(2, 'a Buffer'));
    expect(() => call('C_Digest', session, session, session, undefined)).toThrow(wrong(3, 'a Function'));
    expect(() => call('C_FindObjectsInit', session, null)).toThrow(wrong(1, 'an Array'));
    expect(() => call('C_DigestInit', session, 5)).toThrow(wrong(1, 'an Object'));
    expect(() => call('C_DigestInit', session, null)).toThrow(wrong(1, 'an Object'));
    expect(() => call('C_Initialize', 'x')).toThrow(wrong(0, 'an Object'));
    expect(() => call('C_GenerateRandom', session, 3)).toThrow(wrong(1, 'a Buffer'));
  });

  test('that are handles can be any view of sizeof(CK_ULONG) bytes', () => {
    const size = its.slot.length;
    expect(size).toBe(process.platform === 'win32' ? 4 : 8);
    const copy = new Uint8Array(its.slot);
    const info = its.pkcs11.C_GetSlotInfo(its.slot);
    for (const view of [copy, new DataView(copy.buffer), new Uint32Array(copy.buffer)]) {
      expect(call('C_GetSlotInfo', view)).toEqual(info);
    }
    for (const no of [undefined, null, 1, 1n, 'x', {}, [], copy.buffer]) {
      expect(() => call('C_GetSlotInfo', no)).toThrow(
        typeError('Argument 0 has wrong type. Should be a Buffer'),
      );
    }
    for (const length of [0, size - 1, size + 1]) {
      expect(() => call('C_GetSlotInfo', Buffer.alloc(length))).toThrow(
        typeError(`Argument 0 has wrong length. Should be ${size} bytes.`),
      );
    }
  });

  test('of wrong types never reach the module in any function', () => {
    const nonsense = [
      undefined,
      null,
      true,
      -1,
      1.5,
      2n ** 70n,
      'x',
      Symbol('x'),
      {},
      [],
      () => {},
      Buffer.alloc(3),
    ];
    for (const [name, value] of Object.entries(its.pkcs11)) {
      if (
        typeof value !== 'function' ||
        /^C_(Initialize|Finalize|GetInfo|GetSlotList|WaitForSlotEvent|\w+Async)$/.test(name)
      )
        continue;
      for (const one of nonsense) {
        for (let count = 0; count <= 7; count += 1) {
          const error = thrown(() => call(name as keyof PKCS11, ...Array.from({ length: count }, () => one)));
          expect(`${name}: ${error.name}`).toMatch(/: (TypeError|RangeError)$/);
        }
      }
    }
    expect(its.pkcs11.C_GetSessionInfo(session).state).toBe(pkcs11js.CKS_RW_USER_FUNCTIONS);
  });
});

describe('numbers', () => {
  test('can be bigint and can exceed 32 bits without truncation', () => {
    const info = its.pkcs11.C_GetMechanismInfo(its.slot, pkcs11js.CKM_RSA_PKCS);
    expect(call('C_GetMechanismInfo', its.slot, 1n)).toEqual(info);
    expect(() => call('C_GetMechanismInfo', its.slot, 2 ** 32 + 1)).toThrow('CKR_MECHANISM_INVALID');
    const template = (length: number): unknown => [{ type: pkcs11js.CKA_VALUE_LEN, value: length }];
    const mechanism = { mechanism: pkcs11js.CKM_AES_KEY_GEN };
    expect(() => call('C_GenerateKey', session, mechanism, template(2 ** 32 + 16))).toThrow(
      pkcs11js.Pkcs11Error,
    );
    expect(call('C_GenerateKey', session, mechanism, template(16))).toBeInstanceOf(Buffer);
  });

  test('from 0x80000000 can be negative, as results of JavaScript bit operations are', () => {
    const vendor = 0x80000000 | 5;
    expect(vendor).toBeLessThan(0);
    expect(() => call('C_GetMechanismInfo', its.slot, vendor)).toThrow('CKR_MECHANISM_INVALID');
  });

  test('must be integers in range', () => {
    for (const no of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, -(2 ** 40), -1n, 2n ** 64n]) {
      expect(() => call('C_GetMechanismInfo', its.slot, no)).toThrow(RangeError);
    }
  });
});
