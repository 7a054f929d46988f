import {
  constants,
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import type { KeyPair, MechanismInput, PublicKey, SecretKey, Session } from 'cryptoki';
import { CKM } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

let opened: Opened;
let session: Session;
const keys = new Map<number, SecretKey>();
const value = (length: number): Buffer => Buffer.alloc(length, 'key value');

beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
  for (const length of [16, 24, 32]) {
    const template = {
      class: 'SECRET_KEY',
      keyType: 'AES',
      encrypt: true,
      decrypt: true,
      value: value(length),
    } as const;
    keys.set(length, (await session.createObject(template)) as SecretKey);
  }
});
afterAll(() => opened.close());

const aes = (length = 32): SecretKey => keys.get(length) as SecretKey;
const SIZES = [0, 1, 15, 16, 17, 100, 2 ** 20];
const iv = Buffer.from('000102030405060708090a0b', 'hex');
const block = Buffer.from('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'hex');

/** Checks that the token encrypts `data` to `expected` and decrypts that to `data`. */
async function expectCipher(
  length: number,
  algorithm: MechanismInput,
  data: Buffer,
  expected: Buffer,
): Promise<void> {
  const key = aes(length);
  // toEqual compares a mebibyte byte by byte and is too slow.
  expect((await key.encrypt(algorithm, data)).equals(expected)).toBe(true);
  expect(key.encryptSync(algorithm, data).equals(expected)).toBe(true);
  expect((await key.decrypt(algorithm, expected)).equals(data)).toBe(true);
  expect(key.decryptSync(algorithm, expected).equals(data)).toBe(true);
}

describe.each([16, 24, 32])('with an AES key of %i bytes', (length) => {
  const bits = length * 8;
  const gcm = `aes-${bits}-gcm` as 'aes-256-gcm';

  test.each(SIZES)('%i bytes are encrypted with AES-CBC as by node:crypto', async (size) => {
    const data = Buffer.alloc(size, 'plain');
    const cipher = createCipheriv(`aes-${bits}-cbc`, value(length), block);
    await expectCipher(
      length,
      { name: 'AES-CBC', iv: block },
      data,
      Buffer.concat([cipher.update(data), cipher.final()]),
    );
  });

  test.each(SIZES)('%i bytes are encrypted with AES-CTR as by node:crypto', async (size) => {
    const data = Buffer.alloc(size, 'plain');
    const counter = Buffer.from('f0f1f2f3f4f5f6f70000000000000000', 'hex');
    const cipher = createCipheriv(`aes-${bits}-ctr`, value(length), counter);
    const expected = Buffer.concat([cipher.update(data), cipher.final()]);
    await expectCipher(length, { name: 'AES-CTR', counter }, data, expected);
    await expectCipher(length, { name: 'AES-CTR', counter, length: 128 }, data, expected);
  });

  test.each(SIZES)('%i bytes are encrypted with AES-GCM as by node:crypto', async (size) => {
    const data = Buffer.alloc(size, 'plain');
    for (const tagLength of [128, 120, 96]) {
      for (const additionalData of [undefined, Buffer.alloc(0), Buffer.from('additional')]) {
        const cipher = createCipheriv(gcm, value(length), iv, { authTagLength: tagLength / 8 });
        if (additionalData !== undefined) cipher.setAAD(additionalData);
        const expected = Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]);
        await expectCipher(length, { name: 'AES-GCM', iv, additionalData, tagLength }, data, expected);
      }
    }
  });
});

describe('AES-GCM', () => {
  const algorithm = { name: 'AES-GCM', iv, additionalData: Buffer.from('aad') };

  test('fails for a wrong tag, text, IV or additional data, and the session remains usable', async () => {
    const data = Buffer.from('plain text');
    const encrypted = await aes().encrypt(algorithm, data);
    const flip = (position: number): Buffer => {
      const changed = Buffer.from(encrypted);
      changed.writeUInt8(changed.readUInt8(position) ^ 1, position);
      return changed;
    };
    for (const [other, bytes] of [
      [algorithm, flip(0)],
      [algorithm, flip(encrypted.length - 1)],
      [algorithm, encrypted.subarray(0, -1)],
      [algorithm, encrypted.subarray(0, 3)],
      [algorithm, Buffer.alloc(0)],
      [{ ...algorithm, iv: Buffer.alloc(12) }, encrypted],
      [{ ...algorithm, additionalData: Buffer.from('other') }, encrypted],
      [{ name: 'AES-GCM', iv }, encrypted],
    ] as const) {
      for (const attempt of [() => aes().decrypt(other, bytes), () => aes().decryptSync(other, bytes)]) {
        const error = await failure(attempt);
        expect(error).toMatchObject({ function: 'C_Decrypt', code: expect.stringMatching(/^CKR_/) });
        expect(error.message).not.toContain('plain');
        expect(await session.find({ class: 'SECRET_KEY' })).toHaveLength(3);
        expect(await session.digest('SHA-256', data)).toHaveLength(32);
        expect(await aes().decrypt(algorithm, encrypted)).toEqual(data);
      }
    }
  });

  test('agrees with node:crypto for IVs of other lengths', async () => {
    const long = Buffer.alloc(16, 7);
    const encrypted = await aes().encrypt({ name: 'AES-GCM', iv: long }, Buffer.from('text'));
    const decipher = createDecipheriv('aes-256-gcm', value(32), long).setAuthTag(encrypted.subarray(-16));
    expect(Buffer.concat([decipher.update(encrypted.subarray(0, -16)), decipher.final()]).toString()).toBe(
      'text',
    );
  });
});

describe('RSA', () => {
  let pair: KeyPair;
  let judge: KeyObject;
  const longest = { 'RSA-OAEP-SHA1': 214, 'RSA-PKCS1': 245 } as const;
  const nodes = {
    'RSA-OAEP-SHA1': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
    'RSA-PKCS1': { padding: constants.RSA_PKCS1_PADDING },
  } as const;
  beforeAll(async () => {
    pair = await session.generateKeyPair('RSA', { usage: ['decrypt'] });
    judge = await pair.publicKey.toKeyObject();
  });

  test.each(['RSA-OAEP-SHA1', 'RSA-PKCS1'] as const)(
    '%s: the token decrypts a ciphertext made by node:crypto',
    async (name) => {
      for (const size of [0, 1, 100, longest[name]]) {
        const data = Buffer.alloc(size, 'x');
        const encrypted = publicEncrypt({ key: judge, ...nodes[name] }, data);
        expect(await pair.privateKey.decrypt(name, encrypted)).toEqual(data);
        expect(pair.privateKey.decryptSync(name, encrypted)).toEqual(data);
      }
    },
  );

  test('RSA-OAEP-SHA1: node:crypto decrypts a ciphertext of the token', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n, e } = publicKey.export({ format: 'jwk' });
    const made = await session.createObject({
      class: 'PUBLIC_KEY',
      keyType: 'RSA',
      private: false,
      encrypt: true,
      modulus: Buffer.from(n ?? '', 'base64url'),
      publicExponent: Buffer.from(e ?? '', 'base64url'),
    });
    for (const size of [0, 1, 214]) {
      const data = Buffer.alloc(size, 'x');
      const encrypted = await (made as PublicKey).encrypt('RSA-OAEP-SHA1', data);
      expect(privateDecrypt({ key: privateKey, ...nodes['RSA-OAEP-SHA1'] }, encrypted)).toEqual(data);
    }
  });

  test('RSA-PKCS1: the token decrypts its own ciphertext', async () => {
    const encrypted = await pair.publicKey.encrypt('RSA-PKCS1', Buffer.from('text'));
    expect(encrypted).toHaveLength(256);
    expect((await pair.privateKey.decrypt('RSA-PKCS1', encrypted)).toString()).toBe('text');
  });

  test('long data, broken ciphertexts and unsupported hashes are errors, and the session remains usable', async () => {
    for (const attempt of [
      () => pair.publicKey.encrypt('RSA-OAEP-SHA1', Buffer.alloc(215)),
      () => pair.publicKey.encrypt('RSA-PKCS1', Buffer.alloc(246)),
      () => pair.publicKey.encrypt('RSA-OAEP-SHA256', Buffer.alloc(1)),
      () => pair.privateKey.decrypt('RSA-OAEP-SHA1', Buffer.alloc(256, 1)),
      () => pair.privateKey.decrypt('RSA-OAEP-SHA1', Buffer.alloc(10)),
      () => pair.privateKey.decrypt('RSA-OAEP-SHA1', Buffer.alloc(0)),
    ]) {
      expect((await failure(attempt)).code).toMatch(/^CKR_/);
      expect(await session.find({ class: 'SECRET_KEY' })).toHaveLength(3);
      expect(await session.digest('SHA-256', Buffer.alloc(1))).toHaveLength(32);
    }
  });
});

describe('a wrong algorithm is refused before any call:', () => {
  test.each<[string, unknown, string]>([
    ['no iv', 'AES-GCM', 'ERR_INVALID_ARG_TYPE'],
    ['an iv of text', { name: 'AES-GCM', iv: 'text' }, 'ERR_INVALID_ARG_TYPE'],
    ['additional data of text', { name: 'AES-GCM', iv, additionalData: 'text' }, 'ERR_INVALID_ARG_TYPE'],
    ['a tag in bytes and a half', { name: 'AES-GCM', iv, tagLength: 12.5 }, 'ERR_OUT_OF_RANGE'],
    ['no tag', { name: 'AES-GCM', iv, tagLength: 0 }, 'ERR_OUT_OF_RANGE'],
    ['a tag too long', { name: 'AES-GCM', iv, tagLength: 136 }, 'ERR_OUT_OF_RANGE'],
    ['a tag of text', { name: 'AES-GCM', iv, tagLength: '128' }, 'ERR_INVALID_ARG_TYPE'],
    ['a misspelt option', { name: 'AES-GCM', iv, aad: iv }, 'ERR_INVALID_ARG_VALUE'],
    ['a short iv for CBC', { name: 'AES-CBC', iv }, 'ERR_OUT_OF_RANGE'],
    ['no counter', { name: 'AES-CTR' }, 'ERR_INVALID_ARG_TYPE'],
    ['a short counter', { name: 'AES-CTR', counter: iv }, 'ERR_OUT_OF_RANGE'],
    ['a counter of no bits', { name: 'AES-CTR', counter: block, length: 0 }, 'ERR_OUT_OF_RANGE'],
    ['a counter of 129 bits', { name: 'AES-CTR', counter: block, length: 129 }, 'ERR_OUT_OF_RANGE'],
    ['an unknown name', { name: 'AES-XYZ', iv }, 'ERR_INVALID_ARG_VALUE'],
    ['one for signing', 'ECDSA-SHA256', 'ERR_INVALID_ARG_VALUE'],
    ['null', null, 'ERR_INVALID_ARG_TYPE'],
    ['undefined', undefined, 'ERR_INVALID_ARG_TYPE'],
  ])('%s', async (_, algorithm, code) => {
    const data = Buffer.alloc(16);
    expect(await failure(aes().encrypt(wrong(algorithm), data))).toMatchObject({ code });
    expect(await failure(() => aes().encryptSync(wrong(algorithm), data))).toMatchObject({ code });
    expect(await failure(aes().decrypt(wrong(algorithm), data))).toMatchObject({ code });
    expect(await failure(() => aes().decryptSync(wrong(algorithm), data))).toMatchObject({ code });
  });

  test.each<[unknown]>([[undefined], [null], ['text'], [5], [[1]], [{}]])(
    '%o is refused as data',
    async (data) => {
      const wanted = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
      const algorithm = { name: 'AES-CBC', iv: block };
      expect(await failure(aes().encrypt(algorithm, wrong(data)))).toMatchObject(wanted);
      expect(await failure(() => aes().decryptSync(algorithm, wrong(data)))).toMatchObject(wanted);
    },
  );
});

describe('mechanisms', () => {
  test('are passed on unchanged: AES_ECB, AES_CBC without padding', async () => {
    const data = Buffer.alloc(32, 'block');
    const cipher = createCipheriv('aes-256-ecb', value(32), null).setAutoPadding(false);
    expect(await aes().encrypt({ mechanism: 'AES_ECB' }, data)).toEqual(cipher.update(data));
    const cbc = createCipheriv('aes-256-cbc', value(32), block).setAutoPadding(false);
    expect(await aes().encrypt({ mechanism: CKM.AES_CBC, parameter: block }, data)).toEqual(cbc.update(data));
  });

  test('without padding refuse partial blocks, and the session remains usable', async () => {
    for (const mechanism of ['AES_ECB', 'AES_CBC'] as const) {
      const parameter = mechanism === 'AES_CBC' ? block : undefined;
      const error = await failure(aes().encrypt({ mechanism, parameter }, Buffer.alloc(17)));
      expect(error).toMatchObject({ code: 'CKR_DATA_LEN_RANGE' });
      expect(await session.find({ class: 'SECRET_KEY' })).toHaveLength(3);
    }
  });

  test('without a required parameter are refused by the token', async () => {
    for (const mechanism of ['AES_CBC', 'AES_GCM', 'AES_CTR'] as const) {
      expect((await failure(aes().encrypt({ mechanism }, block))).code).toMatch(/^CKR_/);
      expect(await session.find({ class: 'SECRET_KEY' })).toHaveLength(3);
    }
  });
});
