import { createECDH, createHash, createHmac, createPublicKey, verify } from 'node:crypto';
import {
  CKA,
  CKD,
  CKF,
  CKK,
  CKM,
  CKO,
  CKS,
  CKU,
  load,
  type RawAttribute,
  type RawModule,
} from 'cryptoki/raw';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { createToken, type TestToken } from '../support/token';

let its: TestToken;
let raw: RawModule;
let slot: bigint;
let session: bigint;

const slotOf = (label: string): bigint =>
  raw.C_GetSlotListSync(true).find((id) => raw.C_GetTokenInfoSync(id).label === label) as bigint;

beforeAll(async () => {
  its = await createToken('raw');
  raw = await load(its.module);
  await raw.C_Initialize();
  slot = slotOf('raw');
});
beforeEach(async () => {
  await raw.C_CloseAllSessions(slot);
  session = await raw.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
  await raw.C_Login(session, CKU.USER, its.pin);
});
afterAll(async () => {
  await raw.C_Finalize();
  its.remove();
});

const secret = (value: Buffer, keyType: number = CKK.GENERIC_SECRET): RawAttribute[] => [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: keyType },
  { type: CKA.SENSITIVE, value: false },
  { type: CKA.EXTRACTABLE, value: true },
  { type: CKA.VALUE, value },
];
const bytesOf = (key: bigint, type: number): Buffer => {
  const [result] = raw.C_GetAttributeValueSync(session, key, [type]);
  return Buffer.isBuffer(result?.value) ? result.value : Buffer.alloc(0);
};

describe('an operation in parts', () => {
  const parts = [Buffer.from('one '), Buffer.alloc(0), Buffer.from('two '), Buffer.alloc(100_000, 3)];
  const whole = Buffer.concat(parts);

  test('signs and verifies like one in a single call', async () => {
    const value = Buffer.alloc(32, 1);
    const key = await raw.C_CreateObject(session, secret(value));
    await raw.C_SignInit(session, { mechanism: CKM.SHA256_HMAC }, key);
    for (const part of parts) await raw.C_SignUpdate(session, part);
    const mac = await raw.C_SignFinal(session);
    expect(mac).toEqual(createHmac('sha256', value).update(whole).digest());
    expect(await raw.sign(session, { mechanism: CKM.SHA256_HMAC }, key, whole)).toEqual(mac);
    raw.C_VerifyInitSync(session, { mechanism: CKM.SHA256_HMAC }, key);
    for (const part of parts) raw.C_VerifyUpdateSync(session, part);
    raw.C_VerifyFinalSync(session, mac);
    await raw.C_VerifyInit(session, { mechanism: CKM.SHA256_HMAC }, key);
    expect(await failure(raw.C_Verify(session, Buffer.from('other'), mac))).toMatchObject({
      code: 'CKR_SIGNATURE_INVALID',
      function: 'C_Verify',
    });
  });

  test('digests like one in a single call', async () => {
    await raw.C_DigestInit(session, { mechanism: CKM.SHA512 });
    await Promise.all(parts.map((part) => raw.C_DigestUpdate(session, part)));
    expect(await raw.C_DigestFinal(session)).toEqual(createHash('sha512').update(whole).digest());
  });

  test('encrypts and decrypts like one in a single call', async () => {
    const key = await raw.C_CreateObject(session, [
      ...secret(Buffer.alloc(16, 5), CKK.AES),
      { type: CKA.ENCRYPT, value: true },
      { type: CKA.DECRYPT, value: true },
    ]);
    const mechanism = { mechanism: CKM.AES_CBC_PAD, parameter: Buffer.alloc(16, 9) };
    const pieces: Buffer[] = [];
    await raw.C_EncryptInit(session, mechanism, key);
    for (const part of [whole.subarray(0, 5), whole.subarray(5, 40), whole.subarray(40)]) {
      pieces.push(await raw.C_EncryptUpdate(session, part));
    }
    pieces.push(await raw.C_EncryptFinal(session));
    const encrypted = Buffer.concat(pieces);
    expect(encrypted).toEqual(await raw.encrypt(session, mechanism, key, whole));
    raw.C_DecryptInitSync(session, mechanism, key);
    const first = raw.C_DecryptUpdateSync(session, encrypted.subarray(0, 1000));
    const rest = raw.C_DecryptUpdateSync(session, encrypted.subarray(1000));
    expect(Buffer.concat([first, rest, raw.C_DecryptFinalSync(session)])).toEqual(whole);
  });

  test('finds objects like a single call', async () => {
    for (let i = 0; i < 5; i++) await raw.C_CreateObject(session, secret(Buffer.alloc(16, i)));
    await raw.C_FindObjectsInit(session, [{ type: CKA.CLASS, value: CKO.SECRET_KEY }]);
    const found = [await raw.C_FindObjects(session, 2), await raw.C_FindObjects(session, 100)];
    expect(await raw.C_FindObjects(session, 1)).toEqual([]);
    await raw.C_FindObjectsFinal(session);
    const all = await raw.findObjects(
      session,
      [{ type: CKA.CLASS, value: CKO.SECRET_KEY }],
      [CKA.KEY_TYPE],
      0,
    );
    expect(found.map((some) => some.length)).toEqual([2, all.length - 2]);
    expect(all.map(({ handle }) => handle)).toEqual(found.flat());
    expect(all[0]?.attributes).toEqual([{ type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET }]);
  });

  test('that the caller left active does not prevent an operation in one job', async () => {
    const { publicKey, privateKey } = await raw.C_GenerateKeyPair(
      session,
      { mechanism: CKM.RSA_PKCS_KEY_PAIR_GEN },
      [{ type: CKA.MODULUS_BITS, value: 2048 }],
      [{ type: CKA.SIGN, value: true }],
    );
    await raw.C_SignInit(session, { mechanism: CKM.SHA256_RSA_PKCS }, privateKey);
    const error = await failure(raw.sign(session, { mechanism: CKM.SHA256_RSA_PKCS }, privateKey, whole));
    expect(error).toMatchObject({ code: 'CKR_OPERATION_ACTIVE', function: 'C_SignInit' });
    const signature = await raw.C_Sign(session, whole); // the operation of the caller is unchanged
    const jwk = {
      kty: 'RSA',
      n: bytesOf(publicKey, CKA.MODULUS).toString('base64url'),
      e: bytesOf(publicKey, CKA.PUBLIC_EXPONENT).toString('base64url'),
    };
    expect(verify('sha256', whole, createPublicKey({ key: jwk, format: 'jwk' }), signature)).toBe(true);
    expect(await raw.sign(session, { mechanism: CKM.SHA256_RSA_PKCS }, privateKey, whole)).toEqual(signature);
  });

  test('without an Init call is refused by the module', async () => {
    for (const [name, call] of Object.entries({
      C_Sign: () => raw.C_Sign(session, whole),
      C_SignUpdate: () => raw.C_SignUpdate(session, whole),
      C_DigestFinal: () => raw.C_DigestFinal(session),
      C_EncryptFinal: () => raw.C_EncryptFinal(session),
      C_FindObjects: () => raw.C_FindObjects(session, 1),
      C_VerifyFinal: () => raw.C_VerifyFinal(session, whole),
    })) {
      expect(await failure(call)).toMatchObject({
        code: 'CKR_OPERATION_NOT_INITIALIZED',
        rv: 0x91,
        function: name,
      });
    }
  });
});

describe('keys', () => {
  test('can be wrapped and unwrapped', async () => {
    const wrapping = await raw.C_CreateObject(session, [
      ...secret(Buffer.alloc(32, 1), CKK.AES),
      { type: CKA.WRAP, value: true },
      { type: CKA.UNWRAP, value: true },
    ]);
    const value = Buffer.alloc(32, 'wrapped');
    const key = await raw.C_CreateObject(session, secret(value));
    const wrapped = await raw.C_WrapKey(session, { mechanism: CKM.AES_KEY_WRAP }, wrapping, key);
    expect(wrapped).toHaveLength(40);
    const template = secret(value).slice(0, 4);
    const back = await raw.C_UnwrapKey(session, { mechanism: CKM.AES_KEY_WRAP }, wrapping, wrapped, template);
    expect(bytesOf(back, CKA.VALUE)).toEqual(value);
    wrapped[3] = (wrapped[3] ?? 0) ^ 1;
    const error = await failure(
      raw.C_UnwrapKey(session, { mechanism: CKM.AES_KEY_WRAP }, wrapping, wrapped, template),
    );
    expect(error).toMatchObject({ function: 'C_UnwrapKey', code: expect.stringMatching(/^CKR_/) });
  });

  test('can be derived by ECDH, as with node:crypto', async () => {
    const { publicKey, privateKey } = await raw.C_GenerateKeyPair(
      session,
      { mechanism: CKM.EC_KEY_PAIR_GEN },
      [{ type: CKA.EC_PARAMS, value: Buffer.from('06082a8648ce3d030107', 'hex') }],
      [{ type: CKA.DERIVE, value: true }],
    );
    const other = createECDH('prime256v1');
    other.generateKeys();
    const expected = other.computeSecret(bytesOf(publicKey, CKA.EC_POINT).subarray(2));
    const parameter = { kdf: CKD.NULL, publicData: other.getPublicKey() };
    const template = [...secret(Buffer.alloc(0)).slice(0, 4), { type: CKA.VALUE_LEN, value: 32 }];
    const derived = await raw.C_DeriveKey(
      session,
      { mechanism: CKM.ECDH1_DERIVE, parameter },
      privateKey,
      template,
    );
    expect(bytesOf(derived, CKA.VALUE)).toEqual(expected);
  });

  test('can be copied with changes, measured and destroyed', async () => {
    const key = await raw.C_CreateObject(session, [
      ...secret(Buffer.alloc(16, 2)),
      { type: CKA.LABEL, value: 'a' },
    ]);
    const copy = await raw.C_CopyObject(session, key, [{ type: CKA.LABEL, value: 'b' }]);
    const labels = [key, copy].map((it) => raw.C_GetAttributeValueSync(session, it, [CKA.LABEL])[0]?.value);
    expect(labels).toEqual(['a', 'b']);
    expect(bytesOf(copy, CKA.VALUE)).toEqual(Buffer.alloc(16, 2));
    expect(await raw.C_GetObjectSize(session, copy)).toBeUndefined(); // SoftHSM2 returns CK_UNAVAILABLE_INFORMATION
    await raw.C_DestroyObject(session, copy);
    expect(await failure(raw.C_GetObjectSize(session, copy))).toMatchObject({
      code: 'CKR_OBJECT_HANDLE_INVALID',
    });
  });

  test('have attributes, each with its own reason if it cannot be read', async () => {
    const key = await raw.C_GenerateKey(session, { mechanism: CKM.AES_KEY_GEN }, [
      { type: CKA.VALUE_LEN, value: 16 },
    ]);
    const types = [CKA.VALUE, CKA.MODULUS, CKA.CLASS, 0x8000_1234, CKA.VALUE_LEN];
    expect(await raw.C_GetAttributeValue(session, key, types)).toEqual([
      { type: CKA.VALUE, reason: 'sensitive' },
      { type: CKA.MODULUS, reason: 'invalid' },
      { type: CKA.CLASS, value: CKO.SECRET_KEY },
      { type: 0x8000_1234, reason: 'invalid' },
      { type: CKA.VALUE_LEN, value: 16 },
    ]);
    expect(await raw.C_GetAttributeValue(session, key, [])).toEqual([]);
  });
});

describe('a function that the module lacks', () => {
  test('fails with CKR_FUNCTION_NOT_SUPPORTED: operation state', async () => {
    const wanted = { code: 'CKR_FUNCTION_NOT_SUPPORTED', rv: 0x54 };
    expect(await failure(raw.C_GetOperationState(session))).toMatchObject(wanted);
    expect(await failure(raw.C_SetOperationState(session, Buffer.alloc(4), 0n, 0n))).toMatchObject(wanted);
    expect(await failure(raw.C_WaitForSlotEvent(0))).toMatchObject(wanted);
  });

  test('fails with CKR_FUNCTION_NOT_SUPPORTED: all of 3.0 and 3.2', async () => {
    const mechanism = { mechanism: CKM.SHA256_HMAC };
    for (const [name, call] of Object.entries({
      C_LoginUser: () => raw.C_LoginUser(session, CKU.USER, its.pin, 'name'),
      C_SessionCancel: () => raw.C_SessionCancel(session, CKF.SIGN),
      C_MessageSignInit: () => raw.C_MessageSignInit(session, mechanism, 1n),
      C_MessageEncryptFinal: () => raw.C_MessageEncryptFinal(session),
      C_EncapsulateKey: () => raw.C_EncapsulateKey(session, mechanism, 1n, []),
      C_VerifySignatureInit: () => raw.C_VerifySignatureInitSync(session, mechanism, 1n, Buffer.alloc(1)),
      C_GetSessionValidationFlags: () => raw.C_GetSessionValidationFlags(session, 1),
      C_WrapKeyAuthenticated: () => raw.C_WrapKeyAuthenticated(session, mechanism, 1n, 1n, Buffer.alloc(1)),
    })) {
      expect(await failure(call)).toMatchObject({ code: 'CKR_FUNCTION_NOT_SUPPORTED', function: name });
    }
  });
});

describe('the token', () => {
  test('accepts a new PIN from the user and from the security officer', async () => {
    await raw.C_SetPIN(session, its.pin, 'another');
    await raw.C_Logout(session);
    expect(await failure(raw.C_Login(session, CKU.USER, its.pin))).toMatchObject({
      code: 'CKR_PIN_INCORRECT',
    });
    await raw.C_Login(session, CKU.SO, Buffer.from(its.soPin));
    expect(raw.sessionState(session)).toBe(CKS.RW_SO_FUNCTIONS);
    await raw.C_InitPIN(session, its.pin);
    await raw.C_Logout(session);
    await raw.C_Login(session, CKU.USER, its.pin);
    expect(raw.sessionState(session)).toBe(CKS.RW_USER_FUNCTIONS);
    expect(await failure(raw.C_SetPIN(session, 'wrong', 'another'))).toMatchObject({
      code: 'CKR_PIN_INCORRECT',
    });
    expect(await failure(raw.C_SetPIN(session, its.pin, '1'))).toMatchObject({ code: 'CKR_PIN_LEN_RANGE' });
  });

  test('can be initialised again, with a label of any text up to 32 bytes', async () => {
    expect(await failure(raw.C_InitToken(slot, its.soPin, 'busy'))).toMatchObject({
      code: 'CKR_SESSION_EXISTS',
    });
    for (const label of ['ä'.repeat(17), 'x'.repeat(33)]) {
      expect(await failure(raw.C_InitToken(slot, its.soPin, label))).toMatchObject({
        code: 'ERR_OUT_OF_RANGE',
      });
    }
    const free = slotOf('');
    await raw.C_InitToken(free, 'so-pin-1', 'ä'.repeat(16));
    expect(raw.C_GetTokenInfoSync(free).label).toBe('ä'.repeat(16));
    expect(await failure(raw.C_InitToken(free, 'wrong-pin', 'x'))).toMatchObject({
      code: 'CKR_PIN_INCORRECT',
    });
  });
});

test('functions of a raw module can be detached, and are callable on that module only', async () => {
  const { C_GetInfo } = raw;
  expect(await C_GetInfo.call(raw)).toMatchObject({ manufacturerID: 'SoftHSM' });
});

describe('attributes as bytes', () => {
  test('are written and read unchanged', async () => {
    const [label, application] = [Buffer.from([0xff, 0x00, 0x41]), Buffer.from('text')];
    const object = await raw.C_CreateObject(session, [
      { type: CKA.CLASS, value: CKO.DATA },
      { type: CKA.TOKEN, bytes: Buffer.from([0]) },
      { type: CKA.PRIVATE, value: false },
      { type: CKA.LABEL, bytes: label },
      { type: CKA.APPLICATION, value: application },
    ]);
    const types = [CKA.LABEL, CKA.TOKEN, CKA.APPLICATION, CKA.MODULUS];
    expect(await raw.C_GetAttributeValue(session, object, types, true)).toEqual([
      { type: CKA.LABEL, value: label },
      { type: CKA.TOKEN, value: Buffer.from([0]) },
      { type: CKA.APPLICATION, value: application },
      { type: CKA.MODULUS, reason: 'invalid' },
    ]);
    await raw.C_DestroyObject(session, object);
  });

  test('of a wrong length are refused by the module', async () => {
    const template = [
      { type: CKA.CLASS, value: CKO.DATA },
      { type: CKA.TOKEN, bytes: Buffer.from([0, 0, 0]) },
    ];
    const error = await failure(raw.C_CreateObject(session, template));
    expect(error).toMatchObject({ code: 'CKR_ATTRIBUTE_VALUE_INVALID' });
  });
});
