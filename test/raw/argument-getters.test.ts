/** Arguments whose getters run JavaScript while they are read: native code must not read memory that they have freed. */
import { createHash } from 'node:crypto';
import { CKA, CKM, CKO, load, type RawModule } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

let opened: Opened;
let raw: RawModule;
let session: bigint;
beforeAll(async () => {
  opened = await openToken('core arguments');
  raw = opened.module.raw;
  session = opened.session.handle;
});
afterAll(() => opened.close());

const detach = (bytes: Uint8Array): void => {
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
};
const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();

describe('an array that grows while native code reads it', () => {
  test('is read up to its first length, as an array of structures', async () => {
    const grows: unknown[] = [];
    const member = { type: 0, value: Buffer.from('x') };
    for (let i = 0; i < 4; i++) grows.push(member);
    Object.defineProperty(grows, 0, {
      get() {
        for (let i = 0; i < 5000; i++) grows.push(member);
        return member;
      },
    });
    // CK_SP800_108_KDF_PARAMS has an array of structures. The fields of its elements are wrong, so the call must fail.
    const parameter = { structure: 'CK_SP800_108_KDF_PARAMS', prfType: CKM.SHA256_HMAC, dataParams: grows };
    const derive = raw.C_DeriveKey(session, { mechanism: CKM.SP800_108_COUNTER_KDF, parameter }, 1n, []);
    await expect(derive).rejects.toMatchObject({ code: expect.stringMatching(/^(ERR_|CKR_)/) });
  });

  test('is read up to its first length, as a template', async () => {
    const template: { type: number; value: unknown }[] = [
      { type: CKA.CLASS, value: CKO.DATA },
      { type: CKA.LABEL, value: 'grows' },
    ];
    Object.defineProperty(template, 0, {
      get() {
        for (let i = 0; i < 5000; i++) template.push({ type: CKA.LABEL, value: 'another' });
        return { type: CKA.CLASS, value: CKO.DATA };
      },
    });
    const object = await raw.C_CreateObject(session, wrong(template));
    const [label] = await raw.C_GetAttributeValue(session, object, [CKA.LABEL]);
    expect(label).toMatchObject({ value: 'grows' });
  });
});

describe('a getter that detaches the message', () => {
  const nothing = Buffer.alloc(0);

  test.each(['digest', 'digestSync'] as const)('makes %s use an empty message', async (method) => {
    const message = new Uint8Array(4000).fill(7);
    const mechanism = {
      mechanism: CKM.SHA256,
      get parameter() {
        detach(message);
        return undefined;
      },
    };
    expect(await raw[method](session, mechanism, message)).toEqual(sha256(nothing));
    expect(message.byteLength).toBe(0);
  });

  test('makes encryptSync use an empty message, as a member of a mechanism parameter that is a function', async () => {
    const key = await opened.session.generateKey('AES', { valueLen: 16 });
    const iv = Buffer.alloc(12, 1);
    const message = new Uint8Array(1000).fill(7);
    const parameter = Object.assign(() => {}, { tagBits: 128 });
    Object.defineProperty(parameter, 'iv', {
      get() {
        detach(message);
        return iv;
      },
    });
    const encrypted = raw.encryptSync(
      session,
      wrong({ mechanism: CKM.AES_GCM, parameter }),
      key.handle,
      message,
    );
    const right = await key.encrypt({ name: 'AES-GCM', iv }, nothing);
    expect(encrypted).toEqual(right);
  });
});

describe('a getter that ends what the call needs', () => {
  test('makes the call fail without a hang when it finalises the module', async () => {
    const own = await load(opened.test.module);
    own.C_InitializeSync();
    const slot = opened.token.slot.id;
    const handle = await own.C_OpenSession(slot, 4);
    const mechanism = {
      get mechanism() {
        own.C_FinalizeSync();
        return CKM.SHA256;
      },
    };
    await expect(own.digest(handle, mechanism, Buffer.from('x'))).rejects.toMatchObject({
      code: 'CKR_CRYPTOKI_NOT_INITIALIZED',
    });
    expect(() => own.C_GetInfoSync()).toThrow(
      expect.objectContaining({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' }),
    );
  });

  test('makes the call fail when it closes the session', async () => {
    const handle = await raw.C_OpenSession(opened.token.slot.id, 4);
    const mechanism = {
      get mechanism() {
        raw.C_CloseSessionSync(handle);
        return CKM.SHA256;
      },
    };
    expect(() => raw.digestSync(handle, mechanism, Buffer.from('x'))).toThrow(
      expect.objectContaining({ code: 'CKR_SESSION_HANDLE_INVALID' }),
    );
  });
});

describe('an argument that contains itself', () => {
  const itself: { type: number; value: unknown }[] = [];
  itself.push({ type: CKA.WRAP_TEMPLATE, value: itself });
  const mechanism: Record<string, unknown> = { mechanism: CKM.RSA_PKCS_PSS };
  mechanism.parameter = { structure: 'CK_PRF_KDF_PARAMS', prf: mechanism };

  test('is refused as a template', async () => {
    await expect(raw.C_CreateObject(session, wrong(itself))).rejects.toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
      message: expect.stringContaining('32 levels'),
    });
  });

  test('is refused as a template that is 30,000 levels deep', async () => {
    let deep: unknown = [];
    for (let i = 0; i < 30_000; i++) deep = [{ type: CKA.WRAP_TEMPLATE, value: deep }];
    await expect(raw.C_CreateObject(session, wrong(deep))).rejects.toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
    });
  });

  test('is refused as a template of few objects with more elements than memory could hold', async () => {
    let many: unknown = [{ type: CKA.LABEL, value: 'x' }];
    for (let i = 0; i < 12; i++) many = new Array(20).fill({ type: CKA.WRAP_TEMPLATE, value: many });
    await expect(raw.C_CreateObject(session, wrong(many))).rejects.toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
    });
    const sparse = new Array(2 ** 32 - 1);
    await expect(raw.C_CreateObject(session, wrong(sparse))).rejects.toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
    });
  });

  test('is refused as a mechanism', async () => {
    await expect(raw.digest(session, wrong(mechanism), Buffer.alloc(1))).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_/),
    });
  });
});

describe('a member that a program adds to Object.prototype', () => {
  test('does not change how mechanisms and templates are read', async () => {
    const polluted = Object.prototype as unknown as Record<string, unknown>;
    polluted.surprise = 1;
    polluted.bytes = 'surprise';
    try {
      const key = await opened.session.generateKey('AES', { valueLen: 16 });
      const iv = Buffer.alloc(12, 1);
      const parameter = { iv, tagBits: 128 };
      const mechanism = { mechanism: CKM.AES_GCM, parameter };
      const message = Buffer.from('message');
      const encrypted = await raw.encrypt(session, mechanism, key.handle, message);
      expect(raw.encryptSync(session, mechanism, key.handle, message)).toEqual(encrypted);
      expect(await raw.decrypt(session, mechanism, key.handle, encrypted)).toEqual(message);
      expect(await raw.digest(session, { mechanism: CKM.SHA256 }, message)).toEqual(sha256(message));
    } finally {
      delete polluted.surprise;
      delete polluted.bytes;
    }
  });
});

describe('big integers', () => {
  test('encode 0n as one zero byte', async () => {
    const template = [
      { type: CKA.CLASS, value: CKO.PUBLIC_KEY },
      { type: CKA.KEY_TYPE, value: 0 },
      { type: CKA.MODULUS, value: 0n },
      { type: CKA.PUBLIC_EXPONENT, value: 65537n },
    ];
    const object = await raw.C_CreateObject(session, template);
    const [modulus, exponent] = await raw.C_GetAttributeValue(session, object, [
      CKA.MODULUS,
      CKA.PUBLIC_EXPONENT,
    ]);
    expect(modulus?.value).toEqual(Buffer.of(0));
    expect(exponent?.value).toEqual(Buffer.of(1, 0, 1));
  });
});

test('a method refuses a receiver that is not a module', () => {
  const method = Object.getPrototypeOf(Object.getPrototypeOf(Object.getPrototypeOf(raw)))
    .C_GetInfoSync as () => void;
  for (const self of [{}, undefined, new Uint8Array(8), new AbortController(), Object.create(raw)]) {
    expect(() => method.call(self)).toThrow(TypeError);
  }
});

/** SoftHSM2 2.6.1 crashes or exits for these calls, and NSS for a MAC with an RSA key (see key_check.h). */
describe('a key that does not fit the mechanism', () => {
  const data = Buffer.alloc(20);
  const none = Buffer.alloc(0);
  let keys: bigint[];
  beforeAll(async () => {
    const aes = await opened.session.generateKey('AES', { valueLen: 32, sign: true, verify: true });
    const ec = await opened.session.generateKeyPair('EC', { curve: 'P-256' });
    keys = [aes.handle, ec.privateKey.handle, ec.publicKey.handle];
  });
  const refused = (action: () => unknown) => failure(async () => action());

  test.each([CKM.DSA, CKM.DSA_SHA1, CKM.DSA_SHA256])('cannot sign with DSA (%i)', async (mechanism) => {
    for (const key of keys.slice(0, 2)) {
      const codes = [
        refused(() => raw.sign(session, { mechanism }, key, data)),
        refused(() => raw.signSync(session, { mechanism }, key, data)),
        refused(() => raw.C_SignInit(session, { mechanism }, key)),
      ];
      for (const error of await Promise.all(codes)) expect(error.code).toBe('CKR_KEY_TYPE_INCONSISTENT');
      const batch = raw.signManySync(session, { mechanism }, key, data, Uint32Array.of(0, data.length));
      expect(batch.failures.map(({ error }) => error)).toEqual([
        expect.objectContaining({ code: 'CKR_KEY_TYPE_INCONSISTENT' }),
      ]);
    }
  });

  test.each([CKM.RSA_PKCS, CKM.RSA_X_509, CKM.SHA256_RSA_PKCS])(
    'cannot verify with RSA (%i), even an empty signature',
    async (mechanism) => {
      for (const key of [keys[0], keys[2]] as bigint[]) {
        const codes = [
          refused(() => raw.verify(session, { mechanism }, key, data, none)),
          refused(() => raw.verifySync(session, { mechanism }, key, data, none)),
          refused(() => raw.C_VerifyInit(session, { mechanism }, key)),
        ];
        for (const error of await Promise.all(codes)) expect(error.code).toBe('CKR_KEY_TYPE_INCONSISTENT');
      }
    },
  );
});
