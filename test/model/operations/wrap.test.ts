import {
  createCipheriv,
  createPrivateKey,
  generateKeyPairSync,
  privateDecrypt,
  randomBytes,
} from 'node:crypto';
import { PrivateKey, type PublicKey, SecretKey, type Session } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Nss, openNss, whyNoNss } from '../../support/nss';
import { failure, type Opened, openToken, wrong } from '../../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterEach(async () => {
  for (const object of await session.find('all')) await object.destroy();
});
afterAll(() => opened.close());

const KEK = randomBytes(32);

/** A wrapping key with the value {@link KEK}. */
const wrappingKey = async (on: Session, more: object = {}): Promise<SecretKey> =>
  (await on.createObject({
    ...{ class: 'SECRET_KEY', keyType: 'AES', value: KEK, wrap: true, unwrap: true, ...more },
  })) as SecretKey;

/** A key to be wrapped. */
const secret = async (on: Session, value: Buffer): Promise<SecretKey> =>
  (await on.createObject({
    ...{ class: 'SECRET_KEY', keyType: 'GENERIC_SECRET', value, sign: true },
    ...{ sensitive: true, extractable: true },
  })) as SecretKey;

function wrapByNode(name: 'id-aes256-wrap' | 'id-aes256-wrap-pad', value: Buffer): Buffer {
  const iv = Buffer.from(name === 'id-aes256-wrap' ? 'a6a6a6a6a6a6a6a6' : 'a65959a6', 'hex');
  const cipher = createCipheriv(name, KEK, iv);
  return Buffer.concat([cipher.update(value), cipher.final()]);
}

const count = async (on: Session = session): Promise<number> => (await on.find('all')).length;
const readable = { sensitive: false, extractable: true } as const;

/** Tests for each module. */
function wrapping(get: () => Session, lengthForKwp: number): void {
  test.each([
    ['AES-KW', 'id-aes256-wrap', 24],
    ['AES-KWP', 'id-aes256-wrap-pad', lengthForKwp],
  ] as const)('%s agrees with node:crypto in both directions', async (name, node, length) => {
    const [wrapper, value] = [await wrappingKey(get()), randomBytes(length)];
    const wrapped = wrapByNode(node, value);
    expect(await wrapper.wrapKey(name, await secret(get(), value))).toEqual(wrapped);
    const key = await wrapper.unwrapKey(name, wrapped, { keyType: 'GENERIC_SECRET', ...readable });
    expect(await key.attribute('value')).toEqual(value);
  });

  test('an unwrapped key can do what was asked for only, and cannot be read', async () => {
    const wrapper = await wrappingKey(get());
    const wrapped = wrapByNode('id-aes256-wrap', randomBytes(32));
    const key = await wrapper.unwrapKey('AES-KW', wrapped, {
      keyType: 'AES',
      usage: ['encrypt'],
      label: 'w',
    });
    expect(key).toBeInstanceOf(SecretKey);
    expect(key).toMatchObject({ keyType: 'AES', label: 'w', isTokenObject: false, isPrivate: true });
    const names = [
      'sensitive',
      'extractable',
      'encrypt',
      'decrypt',
      'sign',
      'verify',
      'wrap',
      'unwrap',
    ] as const;
    expect(await key.attributes(...names)).toEqual({
      ...{ sensitive: true, extractable: false, encrypt: true, decrypt: true },
      ...{ sign: false, verify: false, wrap: false, unwrap: false },
    });
    expect(await failure(key.attribute('value'))).toMatchObject({ code: 'CKR_ATTRIBUTE_SENSITIVE' });
  });

  test('an RSA private key is wrapped and unwrapped, and signs as before', async () => {
    const wrapper = await wrappingKey(get());
    const { publicKey, privateKey } = await get().generateKeyPair('RSA', {
      modulusBits: 2048,
      extractable: true,
    });
    const wrapped = await wrapper.wrapKey('AES-KWP', privateKey);
    const options = { class: 'PRIVATE_KEY', keyType: 'RSA', usage: ['sign'], label: 'back' } as const;
    const back = await wrapper.unwrapKey('AES-KWP', wrapped, options);
    expect(back).toBeInstanceOf(PrivateKey);
    expect(back).toMatchObject({ keyType: 'RSA', label: 'back', isTokenObject: false });
    expect(await back.attributes('sensitive', 'extractable', 'sign', 'decrypt', 'unwrap')).toEqual({
      ...{ sensitive: true, extractable: false, sign: true, decrypt: false, unwrap: false },
    });
    const signature = await back.sign('RSA-PKCS1-SHA256', Buffer.from('m'));
    expect(await publicKey.verify('RSA-PKCS1-SHA256', Buffer.from('m'), signature)).toBe(true);
  });

  test('RSA wraps: node:crypto unwraps with the private key', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n, e } = pair.publicKey.export({ format: 'jwk' });
    const publicKey = (await get().createObject({
      ...{ class: 'PUBLIC_KEY', keyType: 'RSA', wrap: true, private: false },
      modulus: Buffer.from(String(n), 'base64url'),
      publicExponent: Buffer.from(String(e), 'base64url'),
    })) as PublicKey;
    const value = randomBytes(16);
    const wrapped = await publicKey.wrapKey('RSA-OAEP-SHA1', await secret(get(), value));
    expect(privateDecrypt({ key: pair.privateKey, oaepHash: 'sha1' }, wrapped)).toEqual(value);
  });

  test('RSA unwraps on the token', async () => {
    const { publicKey, privateKey } = await get().generateKeyPair('RSA', {
      modulusBits: 2048,
      usage: ['unwrap'],
    });
    const value = randomBytes(24);
    const wrapped = await publicKey.wrapKey('RSA-OAEP-SHA1', await secret(get(), value));
    const key = await privateKey.unwrapKey('RSA-OAEP-SHA1', wrapped, {
      keyType: 'GENERIC_SECRET',
      ...readable,
    });
    expect(await key.attribute('value')).toEqual(value);
  });

  test('a wrapped key that was changed is refused, and nothing is left on the token', async () => {
    const wrapper = await wrappingKey(get());
    const wrapped = wrapByNode('id-aes256-wrap', randomBytes(32));
    wrapped.writeUInt8(wrapped.readUInt8(3) ^ 1, 3);
    const before = await count(get());
    const error = await failure(wrapper.unwrapKey('AES-KW', wrapped, { keyType: 'AES', token: true }));
    expect(error).toMatchObject({ code: expect.stringMatching(/^CKR_/), function: 'C_UnwrapKey' });
    expect(await count(get())).toBe(before);
  });
}

describe('on SoftHSM2', () => {
  // SoftHSM2 pads keys with zeros to whole blocks before it wraps them with AES-KWP.
  wrapping(() => session, 24);

  test('a key that is not extractable is refused', async () => {
    const wrapper = await wrappingKey(session);
    const key = await session.generateKey('AES');
    expect(await failure(wrapper.wrapKey('AES-KW', key))).toMatchObject({ code: 'CKR_KEY_UNEXTRACTABLE' });
  });

  test('a key found on another session is wrapped', async () => {
    const wrapper = await wrappingKey(session);
    const other = await opened.token.openSession();
    const value = randomBytes(16);
    const key = (await secret(session, value)).on(other);
    expect(await wrapper.wrapKey('AES-KW', key)).toEqual(wrapByNode('id-aes256-wrap', value));
    expect(await wrapper.on(other).wrapKey('AES-KW', key.on(session))).toHaveLength(24);
    await other.close();
  });

  test('wrong arguments are refused before a call', async () => {
    const wrapper = await wrappingKey(session);
    const key = await secret(session, randomBytes(16));
    const { publicKey, privateKey } = await session.generateKeyPair('RSA', {
      modulusBits: 1024,
      usage: ['unwrap'],
    });
    const wrapped = Buffer.alloc(24);
    const attempts: [() => Promise<unknown>, string, RegExp?][] = [
      [() => wrapper.wrapKey('AES-WK', key), 'ERR_INVALID_ARG_VALUE', /Unknown wrapping algorithm/],
      [() => wrapper.wrapKey({ name: 'AES-KW', iv: wrapped }, key), 'ERR_INVALID_ARG_VALUE'],
      [() => wrapper.wrapKey('AES-CTR', key), 'ERR_INVALID_ARG_VALUE'],
      [() => wrapper.wrapKey({ name: 'AES-GCM', iv: Buffer.alloc(0) }, key), 'ERR_INVALID_ARG_VALUE'],
      [() => wrapper.wrapKey('AES-KW', publicKey), 'ERR_INVALID_ARG_VALUE', /PUBLIC_KEY cannot be wrapped/],
      [() => wrapper.wrapKey('AES-KW', wrong(undefined)), 'ERR_INVALID_ARG_TYPE'],
      [() => wrapper.wrapKey('AES-KW', wrong(wrapped)), 'ERR_INVALID_ARG_TYPE'],
      [() => wrapper.wrapKey('RSA-OAEP-SHA1', key), 'CKR_KEY_TYPE_INCONSISTENT', /AES-KW/],
      [() => publicKey.wrapKey('AES-KW', key), 'CKR_KEY_TYPE_INCONSISTENT', /RSA-OAEP/],
      [() => privateKey.unwrapKey('AES-KW', wrapped, { keyType: 'AES' }), 'CKR_KEY_TYPE_INCONSISTENT'],
      [() => wrapper.unwrapKey('AES-KW', wrapped, wrong({})), 'ERR_INVALID_ARG_TYPE', /keyType/],
      [() => wrapper.unwrapKey('AES-KW', wrapped, wrong(undefined)), 'ERR_INVALID_ARG_TYPE'],
      [() => wrapper.unwrapKey('AES-KW', Buffer.alloc(0), { keyType: 'AES' }), 'ERR_INVALID_ARG_VALUE'],
      [() => wrapper.unwrapKey('AES-KW', wrong('text'), { keyType: 'AES' }), 'ERR_INVALID_ARG_TYPE'],
      [
        () => wrapper.unwrapKey('AES-KW', wrapped, wrong({ keyType: 'AES', lable: 'x' })),
        'ERR_INVALID_ARG_VALUE',
      ],
      [
        () => wrapper.unwrapKey('AES-KW', wrapped, wrong({ keyType: 'AES', class: 'DATA' })),
        'ERR_INVALID_ARG_VALUE',
      ],
      [
        () =>
          wrapper.unwrapKey(
            'AES-KW',
            wrapped,
            wrong({ class: 'PRIVATE_KEY', keyType: 'RSA', usage: ['wrap'] }),
          ),
        'ERR_INVALID_ARG_VALUE',
      ],
      [() => publicKey.encapsulate('ML-KEM'), 'ERR_CRYPTOKI_UNSUPPORTED'],
      [() => publicKey.encapsulate('ML-KEN'), 'ERR_INVALID_ARG_VALUE'],
      [() => publicKey.encapsulate({ mechanism: 'ML_KEM' }), 'CKR_FUNCTION_NOT_SUPPORTED'],
      [() => privateKey.decapsulate('ML-KEM', wrapped), 'ERR_CRYPTOKI_UNSUPPORTED'],
      [() => privateKey.decapsulate('ML-KEM', Buffer.alloc(0)), 'ERR_INVALID_ARG_VALUE'],
      [() => wrapper.wrapKeyAuthenticated('AES-KW', key, Buffer.alloc(1)), 'CKR_FUNCTION_NOT_SUPPORTED'],
    ];
    const before = await count();
    for (const [attempt, code, message = /./] of attempts) {
      const error = await failure(attempt);
      expect(error, String(attempt)).toMatchObject({ code, message: expect.stringMatching(message) });
    }
    expect(await count()).toBe(before);
    const readOnly = await opened.token.openSession();
    const there = wrapper.on(readOnly);
    expect(await failure(there.unwrapKey('AES-KW', wrapped, { keyType: 'AES', token: true }))).toMatchObject({
      code: 'ERR_CRYPTOKI_SESSION_READ_ONLY',
    });
    await readOnly.close();
  });
});

describe.skipIf(whyNoNss !== undefined)('on NSS', () => {
  let nss: Nss;
  beforeAll(async () => {
    nss = await openNss();
  });
  afterAll(() => nss.close());
  wrapping(() => nss.session, 21);

  test('AES-CBC wraps what node:crypto would encrypt', async () => {
    const wrapper = await wrappingKey(nss.session);
    const [value, iv] = [randomBytes(20), randomBytes(16)];
    const cipher = createCipheriv('aes-256-cbc', KEK, iv);
    const wanted = Buffer.concat([cipher.update(value), cipher.final()]);
    const algorithm = { name: 'AES-CBC', iv };
    expect(await wrapper.wrapKey(algorithm, await secret(nss.session, value))).toEqual(wanted);
    const key = await wrapper.unwrapKey(algorithm, wanted, { keyType: 'GENERIC_SECRET', ...readable });
    expect(await key.attribute('value')).toEqual(value);
  });
});

test('an EC private key of node:crypto is unwrapped', async () => {
  const wrapper = await wrappingKey(session);
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pkcs8 = createPrivateKey(pair.privateKey.export({ format: 'pem', type: 'pkcs8' })).export({
    format: 'der',
    type: 'pkcs8',
  });
  const options = { class: 'PRIVATE_KEY', keyType: 'EC', usage: ['derive'] } as const;
  const key = await wrapper.unwrapKey('AES-KWP', wrapByNode('id-aes256-wrap-pad', pkcs8), options);
  const one = await key.deriveBits({ name: 'ECDH', publicKey: pair.publicKey }, 256);
  expect(one).toHaveLength(32);
});
