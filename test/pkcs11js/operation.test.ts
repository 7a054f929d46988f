import { createHash } from 'node:crypto';
import pkcs11js, { type Handle } from 'cryptoki/pkcs11js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aesKey, ecKeys, type Opened, open, template, thrown } from './support/open';

let its: Opened;
let session: Handle;
let aes: Handle;
let ec: { publicKey: Handle; privateKey: Handle };

const SHA256 = { mechanism: pkcs11js.CKM_SHA256 };
const ECDSA = { mechanism: pkcs11js.CKM_ECDSA };
const CBC = { mechanism: pkcs11js.CKM_AES_CBC, parameter: Buffer.alloc(16) };
const WRAP = { mechanism: pkcs11js.CKM_AES_KEY_WRAP };
const message = Buffer.from('message');
const digest = createHash('sha256').update(message).digest();

beforeAll(async () => {
  its = await open();
  aes = its.pkcs11.C_CreateObject(its.session, aesKey());
  ec = its.pkcs11.C_GenerateKeyPair(its.session, { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN }, ...ecKeys());
});
beforeEach(() => {
  session = its.open();
});
afterAll(() => its.close());

describe('the output of an operation', () => {
  const digestInto = <Output extends NodeJS.ArrayBufferView>(output: Output): Buffer => {
    its.pkcs11.C_DigestInit(session, SHA256);
    return its.pkcs11.C_Digest(session, message, output as unknown as Buffer);
  };

  test('is the part of the buffer that the result fills, as an instance of the same class', () => {
    const buffer = Buffer.alloc(50);
    const result = digestInto(buffer.subarray(5));
    expect(result).toEqual(digest);
    expect([result.buffer === buffer.buffer, result.byteOffset - buffer.byteOffset]).toEqual([true, 5]);
    expect(
      [buffer.subarray(0, 5), buffer.subarray(37)].every((part) => part.every((byte) => byte === 0)),
    ).toBe(true);
    expect(digestInto(Buffer.alloc(32))).toEqual(digest);
    const array = digestInto(new Uint8Array(40));
    expect(array.constructor).toBe(Uint8Array);
    expect(Buffer.from(array)).toEqual(digest);
    const words: unknown = digestInto(new Uint16Array(40));
    expect(words).toBeInstanceOf(Uint16Array);
    expect((words as Uint16Array).byteLength).toBe(32);
    const view: unknown = digestInto(new DataView(new ArrayBuffer(40)));
    expect((view as DataView).byteLength).toBe(32);
  });

  test('can overwrite the input', () => {
    its.pkcs11.C_EncryptInit(session, CBC, aes);
    const buffer = Buffer.alloc(32, 1);
    const encrypted = Buffer.from(its.pkcs11.C_Encrypt(session, buffer, buffer));
    its.pkcs11.C_DecryptInit(session, CBC, aes);
    expect(its.pkcs11.C_Decrypt(session, encrypted, encrypted)).toEqual(Buffer.alloc(32, 1));
  });

  test('that is too small leaves the operation active, and the error contains the required size', () => {
    expect(thrown(() => digestInto(Buffer.alloc(31)))).toMatchObject({
      name: 'Pkcs11Error',
      message: 'CKR_BUFFER_TOO_SMALL',
      code: pkcs11js.CKR_BUFFER_TOO_SMALL,
      method: 'C_Digest',
      neededLength: 32,
    });
    expect(() => its.pkcs11.C_DigestInit(session, SHA256)).toThrow('CKR_OPERATION_ACTIVE');
    expect(() => its.pkcs11.C_Digest(session, message, Buffer.alloc(5))).toThrow('CKR_BUFFER_TOO_SMALL');
    expect(its.pkcs11.C_Digest(session, message, Buffer.alloc(32))).toEqual(digest);
    expect(() => its.pkcs11.C_Digest(session, message, Buffer.alloc(32))).toThrow(
      'CKR_OPERATION_NOT_INITIALIZED',
    );
    its.pkcs11.C_SignInit(session, ECDSA, ec.privateKey);
    expect(() => its.pkcs11.C_Sign(session, digest, Buffer.alloc(10))).toThrow('CKR_BUFFER_TOO_SMALL');
    expect(its.pkcs11.C_Sign(session, digest, Buffer.alloc(64))).toHaveLength(64);
  });

  test('that is too small for a part of a message leaves the operation active, too', () => {
    const { pkcs11 } = its;
    pkcs11.C_EncryptInit(session, CBC, aes);
    const part = Buffer.alloc(32, 5);
    expect(() => pkcs11.C_EncryptUpdate(session, part, Buffer.alloc(16))).toThrow('CKR_BUFFER_TOO_SMALL');
    const parts = [pkcs11.C_EncryptUpdate(session, part, Buffer.alloc(32))];
    parts.push(pkcs11.C_EncryptUpdate(session, part, Buffer.alloc(32)));
    expect(pkcs11.C_EncryptFinal(session, Buffer.alloc(16))).toHaveLength(0);
    pkcs11.C_EncryptInit(session, CBC, aes);
    expect(Buffer.concat(parts)).toEqual(pkcs11.C_Encrypt(session, Buffer.alloc(64, 5), Buffer.alloc(64)));
    pkcs11.C_DigestInit(session, SHA256);
    pkcs11.C_DigestUpdate(session, message);
    expect(() => pkcs11.C_DigestFinal(session, Buffer.alloc(8))).toThrow('CKR_BUFFER_TOO_SMALL');
    expect(pkcs11.C_DigestFinal(session, Buffer.alloc(32))).toEqual(digest);
  });

  test('without room makes the call return the size only, for any input, and the operation stays active', () => {
    expect(digestInto(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
    expect(its.pkcs11.C_Digest(session, message, Buffer.alloc(32))).toEqual(digest);
    its.pkcs11.C_DigestInit(session, SHA256);
    its.pkcs11.C_Digest(session, Buffer.from('another'), Buffer.alloc(0));
    expect(its.pkcs11.C_Digest(session, message, Buffer.alloc(32))).toEqual(digest);
    expect(its.pkcs11.C_WrapKey(session, WRAP, aes, aes, Buffer.alloc(0))).toHaveLength(0);
    its.pkcs11.C_CloseSession(session);
    expect(() => its.pkcs11.C_Digest(session, message, Buffer.alloc(0))).toThrow(
      'CKR_SESSION_HANDLE_INVALID',
    );
  });

  test('of one session does not affect another session that gets the same handle', () => {
    expect(() => digestInto(Buffer.alloc(8))).toThrow('CKR_BUFFER_TOO_SMALL');
    its.pkcs11.C_CloseSession(session);
    session = its.open();
    expect(() => its.pkcs11.C_Digest(session, message, Buffer.alloc(32))).toThrow(
      'CKR_OPERATION_NOT_INITIALIZED',
    );
    expect(digestInto(Buffer.alloc(32))).toEqual(digest);
  });
});

describe('an operation', () => {
  test('digests data and a key', () => {
    its.pkcs11.C_DigestInit(session, SHA256);
    expect(its.pkcs11.C_DigestUpdate(session, message)).toBeUndefined();
    expect(its.pkcs11.C_DigestKey(session, aes)).toBeUndefined();
    const wanted = createHash('sha256').update(message).update(Buffer.alloc(16, 1)).digest();
    expect(its.pkcs11.C_DigestFinal(session, Buffer.alloc(32))).toEqual(wanted);
  });

  test('verifies and returns true, or throws', () => {
    const { pkcs11 } = its;
    pkcs11.C_SignInit(session, ECDSA, ec.privateKey);
    const signature = pkcs11.C_Sign(session, digest, Buffer.alloc(200));
    const verify = (...values: [Buffer, Buffer]): boolean => {
      pkcs11.C_VerifyInit(session, ECDSA, ec.publicKey);
      return pkcs11.C_Verify(session, ...values);
    };
    expect(verify(digest, signature)).toBe(true);
    expect(() => verify(digest, Buffer.alloc(64))).toThrow('CKR_SIGNATURE_INVALID');
    expect(() => verify(digest, Buffer.alloc(63))).toThrow('CKR_SIGNATURE_LEN_RANGE');
  });

  test('signs and verifies in parts', () => {
    const { pkcs11 } = its;
    const rsa = pkcs11.C_GenerateKeyPair(
      session,
      { mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN },
      template([pkcs11js.CKA_MODULUS_BITS, 2048], [pkcs11js.CKA_VERIFY, true]),
      template([pkcs11js.CKA_SIGN, true]),
    );
    const mechanism = { mechanism: pkcs11js.CKM_SHA256_RSA_PKCS };
    pkcs11.C_SignInit(session, mechanism, rsa.privateKey);
    pkcs11.C_SignUpdate(session, message);
    pkcs11.C_SignUpdate(session, message);
    const signature = pkcs11.C_SignFinal(session, Buffer.alloc(256));
    pkcs11.C_VerifyInit(session, mechanism, rsa.publicKey);
    pkcs11.C_VerifyUpdate(session, Buffer.concat([message, message]));
    expect(pkcs11.C_VerifyFinal(session, signature)).toBe(true);
  });

  test('with a mechanism that the module lacks is refused by the module', () => {
    const { pkcs11 } = its;
    const refused = 'CKR_FUNCTION_NOT_SUPPORTED';
    const none = Buffer.alloc(its.slot.length);
    expect(() => pkcs11.C_GetOperationState(session)).toThrow(refused);
    expect(() => pkcs11.C_SetOperationState(session, message, none, none)).toThrow(refused);
    expect(() => pkcs11.C_SignRecoverInit(session, ECDSA, ec.privateKey)).toThrow(refused);
    expect(() => pkcs11.C_VerifyRecover(session, message, Buffer.alloc(9))).toThrow(refused);
    expect(() => pkcs11.C_DigestEncryptUpdate(session, message, Buffer.alloc(9))).toThrow(refused);
    expect(() => pkcs11.C_MessageEncryptInit(session, CBC, aes)).toThrow(refused);
    expect(() => pkcs11.C_SessionCancel(session, pkcs11js.CKF_SIGN)).toThrow(refused);
    expect(() => pkcs11.C_EncapsulateKey(session, CBC, aes, [], Buffer.alloc(9))).toThrow(refused);
    expect(() => pkcs11.C_LoginUser(session, 1, null, 'name')).toThrow(refused);
  });
});

describe('the asynchronous forms', () => {
  /** Arguments that a function passes to its callback. */
  const told = (begin: (callback: (...values: unknown[]) => void) => unknown): Promise<unknown[]> =>
    new Promise((resolve) => {
      expect(begin((...values) => resolve(values))).toBeUndefined();
    });

  test('call a callback with an error or null, and the result or null', async () => {
    const { pkcs11 } = its;
    const output = Buffer.alloc(40);
    pkcs11.C_DigestInit(session, SHA256);
    expect(await told((callback) => pkcs11.C_Digest(session, message, output, callback))).toEqual([
      null,
      digest,
    ]);
    expect(output.subarray(0, 32)).toEqual(digest);
    const failed = await told((callback) => pkcs11.C_DigestCallback(session, message, output, callback));
    expect(failed).toEqual([expect.any(pkcs11js.Pkcs11Error), null]);
    expect(failed[0]).toMatchObject({
      message: 'CKR_OPERATION_NOT_INITIALIZED',
      code: 145,
      method: 'C_Digest',
    });
  });

  test('throw at once for wrong arguments, or reject', async () => {
    const { pkcs11 } = its;
    const wrong = 'Argument 0 has wrong type. Should be a Buffer';
    const digestWith = (
      name: 'C_Digest' | 'C_DigestCallback' | 'C_DigestAsync',
      ...values: unknown[]
    ): unknown => Reflect.apply(pkcs11[name], pkcs11, values);
    expect(() => digestWith('C_Digest', 1, message, message, () => {})).toThrow(wrong);
    expect(() => digestWith('C_DigestCallback', 1, message, message, () => {})).toThrow(wrong);
    await expect(digestWith('C_DigestAsync', 1, message, message)).rejects.toThrow(new TypeError(wrong));
    await expect(digestWith('C_DigestAsync', session, message)).rejects.toThrow(
      new TypeError('Parameters are required. Expected 4 arguments, but received 3.'),
    );
    await expect(new pkcs11js.PKCS11().C_DigestAsync(session, message, message)).rejects.toThrow(
      'not loaded',
    );
  });

  test('return promises', async () => {
    const { pkcs11 } = its;
    pkcs11.C_SignInit(session, ECDSA, ec.privateKey);
    const signature = await pkcs11.C_SignAsync(session, digest, Buffer.alloc(100));
    pkcs11.C_VerifyInit(session, ECDSA, ec.publicKey);
    expect(await pkcs11.C_VerifyAsync(session, digest, signature)).toBe(true);
    pkcs11.C_VerifyInit(session, ECDSA, ec.publicKey);
    await expect(pkcs11.C_VerifyAsync(session, digest, Buffer.alloc(64))).rejects.toMatchObject({
      message: 'CKR_SIGNATURE_INVALID',
      code: pkcs11js.CKR_SIGNATURE_INVALID,
    });
    pkcs11.C_EncryptInit(session, CBC, aes);
    const encrypted = await pkcs11.C_EncryptAsync(session, Buffer.alloc(32, 3), Buffer.alloc(100));
    pkcs11.C_DecryptInit(session, CBC, aes);
    const small = pkcs11.C_DecryptAsync(session, encrypted, Buffer.alloc(31));
    await expect(small).rejects.toMatchObject({ message: 'CKR_BUFFER_TOO_SMALL', neededLength: 32 });
    expect(await pkcs11.C_DecryptAsync(session, encrypted, Buffer.alloc(32))).toEqual(Buffer.alloc(32, 3));
  });

  test('generate keys', async () => {
    const { pkcs11 } = its;
    const length = template([pkcs11js.CKA_VALUE_LEN, 32]);
    const key = await pkcs11.C_GenerateKeyAsync(session, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, length);
    expect(key).toHaveLength(its.slot.length);
    const pair = await pkcs11.C_GenerateKeyPairAsync(
      session,
      { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN },
      ...ecKeys(),
    );
    expect(Object.keys(pair).sort()).toEqual(['privateKey', 'publicKey']);
    const wrapped = await pkcs11.C_WrapKeyAsync(session, WRAP, aes, aes, Buffer.alloc(100));
    expect(wrapped).toHaveLength(24);
    await expect(pkcs11.C_WrapKeyAsync(session, WRAP, aes, aes, Buffer.alloc(3))).rejects.toThrow(
      'TOO_SMALL',
    );
    const unwrapped = await pkcs11.C_UnwrapKeyAsync(session, WRAP, aes, wrapped, aesKey().slice(0, 4));
    const [value] = pkcs11.C_GetAttributeValue(session, unwrapped, [{ type: pkcs11js.CKA_VALUE }]);
    expect(value?.value).toEqual(Buffer.alloc(16, 1));
    await expect(
      pkcs11.C_GenerateKeyAsync(
        session,
        { mechanism: pkcs11js.CKM_AES_KEY_GEN },
        template([pkcs11js.CKA_VALUE_LEN, 17]),
      ),
    ).rejects.toMatchObject({ message: 'CKR_ATTRIBUTE_VALUE_INVALID', method: 'C_GenerateKey' });
  });

  test('leave an exception in a callback to the process', async () => {
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const caught = new Promise((resolve) => process.once('uncaughtException', resolve));
    its.pkcs11.C_DigestInit(session, SHA256);
    its.pkcs11.C_Digest(session, message, Buffer.alloc(32), () => {
      throw new Error('in a callback');
    });
    expect(await caught).toMatchObject({ message: 'in a callback' });
    for (const listener of listeners) process.on('uncaughtException', listener);
  });
});
