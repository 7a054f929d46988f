import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { CKA, CKK, CKM, CKO } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

// Mechanisms are passed to native code in a short form (lib/raw/flat-mechanism.ts). Objects of the caller that run code while
// they are read must cause nothing but results and errors.
let opened: Opened;
let session: bigint;
let key: bigint;
const value = randomBytes(32);
const raw = () => opened.module.raw;

beforeAll(async () => {
  opened = await openToken();
  session = opened.session.handle;
  key = await raw().C_CreateObject(session, [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.AES },
    { type: CKA.VALUE, value },
    { type: CKA.ENCRYPT, value: true },
    { type: CKA.DECRYPT, value: true },
  ]);
});
afterAll(() => opened.close());

const digest = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();

function gcm(iv: Buffer, aad: Buffer | undefined, text: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', value, iv);
  if (aad !== undefined) cipher.setAAD(aad);
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

describe('a mechanism has the same effect', () => {
  const iv = randomBytes(12);
  const text = randomBytes(100);
  const forms: [string, object][] = [
    ['with the structure named', { structure: 'CK_GCM_PARAMS', iv, tagBits: 128 }],
    ['with the usual structure', { iv, tagBits: 128 }],
    ['with fields that are undefined', { iv, aad: undefined, tagBits: 128, ivBits: undefined }],
    ['with numbers as bigint', { iv, tagBits: 128n }],
    ['with inherited fields', Object.create({ iv, tagBits: 128 })],
  ];
  test.each(forms)('%s', async (_, parameter) => {
    const mechanism = { mechanism: CKM.AES_GCM, parameter };
    const wanted = gcm(iv, undefined, text);
    expect(raw().encryptSync(session, mechanism, key, text)).toEqual(wanted);
    expect(await raw().encrypt(session, mechanism, key, text)).toEqual(wanted);
    expect(raw().decryptSync(session, mechanism, key, wanted)).toEqual(text);
    const packed = [text, Uint32Array.of(0, text.length)] as const;
    expect((await raw().encryptMany(session, mechanism, key, ...packed)).data).toEqual(wanted);
    expect((await raw().encryptMany(session, [mechanism], key, ...packed)).data).toEqual(wanted);
  });

  test('with bytes as parameter', async () => {
    const mechanism = { mechanism: CKM.AES_CBC_PAD, parameter: randomBytes(16) };
    const cipher = createCipheriv('aes-256-cbc', value, mechanism.parameter);
    const wanted = Buffer.concat([cipher.update(text), cipher.final()]);
    expect(raw().encryptSync(session, mechanism, key, text)).toEqual(wanted);
    expect(await raw().encrypt(session, mechanism, key, text)).toEqual(wanted);
  });
});

describe('a mechanism whose getters', () => {
  test('use the session is still passed on correctly', () => {
    const iv = randomBytes(12);
    const others: Buffer[] = [];
    const parameter = {
      get iv() {
        others.push(raw().digestSync(session, { mechanism: CKM.SHA256 }, iv));
        return iv;
      },
      tagBits: 128,
    };
    const text = randomBytes(50);
    const sealed = raw().encryptSync(session, { mechanism: CKM.AES_GCM, parameter }, key, text);
    expect(sealed).toEqual(gcm(iv, undefined, text));
    expect(others.length).toBeGreaterThan(0);
    for (const other of others) expect(other).toEqual(digest(iv));
  });

  test('detach the message leaves an empty message', () => {
    const data = new Uint8Array(1000).fill(7);
    const mechanism = {
      get mechanism() {
        if (data.byteLength > 0) structuredClone(data.buffer, { transfer: [data.buffer] });
        return CKM.SHA256;
      },
    };
    expect(raw().digestSync(session, mechanism, data)).toEqual(digest(Buffer.alloc(0)));
  });

  test('throw makes the call fail with that error', async () => {
    const mechanism = {
      mechanism: CKM.AES_GCM,
      parameter: {
        get iv(): Buffer {
          throw new RangeError('not now');
        },
      },
    };
    expect(() => raw().encryptSync(session, mechanism, key, Buffer.alloc(1))).toThrow('not now');
    const call = raw().encrypt(session, mechanism, key, Buffer.alloc(1));
    expect((await failure(call)).message).toBe('not now');
  });
});

test('an argument that is not a mechanism is refused, also in a list', async () => {
  for (const bad of [[], ['x'], [CKM.AES_GCM, 1, {}], [CKM.AES_GCM, 1e9, {}, 1], 'x', null, true, {}]) {
    const mechanism = wrong<{ mechanism: number }>(bad);
    expect(() => raw().encryptSync(session, mechanism, key, Buffer.alloc(1))).toThrow(TypeError);
    expect(await failure(raw().encrypt(session, mechanism, key, Buffer.alloc(1)))).toBeInstanceOf(TypeError);
  }
});
