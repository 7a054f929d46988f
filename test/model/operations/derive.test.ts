import {
  createCipheriv,
  createPublicKey,
  diffieHellman,
  ECDH,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { PrivateKey, SecretKey, type Session } from 'cryptoki';
import { CKM } from 'cryptoki/raw';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { x963 } from '../../support/derivation';
import { type Nss, openNss, whyNoNss } from '../../support/nss';
import { failure, type Opened, openToken, wrong } from '../../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
/** Number of objects that this session sees: derivations must not leave any. */
let before = 0;
afterEach(async () => {
  for (const object of await session.find('all')) await object.destroy();
});
afterAll(() => opened.close());

const EC = { 'P-256': 256, 'P-384': 384, 'P-521': 528, secp256k1: 256, brainpoolP512r1: 512 } as const;
const MONTGOMERY = { X25519: 256, X448: 448 } as const;

/** A key pair of this process on the curve of a key. */
function peerOn(curve: string): { publicKey: KeyObject; privateKey: KeyObject } {
  if (curve === 'X25519') return generateKeyPairSync('x25519');
  if (curve === 'X448') return generateKeyPairSync('x448');
  return generateKeyPairSync('ec', { namedCurve: curve });
}

/** The public key without encoding. */
function pointOf(key: KeyObject): Buffer {
  const { kty, x = '', y = '' } = key.export({ format: 'jwk' });
  const [a, b] = [Buffer.from(String(x), 'base64url'), Buffer.from(String(y), 'base64url')];
  return kty === 'OKP' ? a : Buffer.concat([Buffer.of(4), a, b]);
}

async function pairOn(curve: string) {
  const keyType = curve in MONTGOMERY ? 'EC_EDWARDS' : 'EC'; // SoftHSM has Montgomery keys as CKK_EC_EDWARDS
  const pair = await session.generateKeyPair(keyType, { curve, usage: ['derive'] });
  return { ...pair, publicObject: await pair.publicKey.toKeyObject() };
}

const count = async (): Promise<number> => (await session.find('all')).length;

describe('deriveBits() with ECDH', () => {
  test.each(Object.entries({ ...EC, ...MONTGOMERY }))(
    'agrees with node:crypto on %s, with the public key in each form',
    async (curve, bits) => {
      const { privateKey, publicObject } = await pairOn(curve);
      const peer = peerOn(curve);
      const secret = diffieHellman({ privateKey: peer.privateKey, publicKey: publicObject });
      before = await count();
      for (const publicKey of [
        peer.publicKey,
        ...(curve.startsWith('brain') ? [] : [pointOf(peer.publicKey)]),
      ]) {
        const algorithm = { name: 'ECDH', publicKey };
        expect(await privateKey.deriveBits(algorithm, bits)).toEqual(secret);
        expect(await privateKey.deriveBits(algorithm, null)).toEqual(secret);
        // The first bytes, as WebCrypto and node:crypto; the token alone would return the last ones.
        expect(await privateKey.deriveBits(algorithm, 128)).toEqual(secret.subarray(0, 16));
      }
      expect(await count()).toBe(before);
    },
  );

  test('accepts a compressed point and a public key on the token', async () => {
    const { privateKey, publicObject } = await pairOn('P-256');
    const peer = peerOn('P-256');
    const secret = diffieHellman({ privateKey: peer.privateKey, publicKey: publicObject });
    const compressed = ECDH.convertKey(
      pointOf(peer.publicKey),
      'prime256v1',
      undefined,
      undefined,
      'compressed',
    );
    expect(await privateKey.deriveBits({ name: 'ECDH', publicKey: compressed }, 256)).toEqual(secret);
    const other = await pairOn('P-256');
    const one = await privateKey.deriveBits({ name: 'ECDH', publicKey: other.publicKey }, 256);
    expect(await other.privateKey.deriveBits({ name: 'ECDH', publicKey: publicObject }, 256)).toEqual(one);
  });

  test('refuses a public key on another curve, off the curve, of another kind, and of small order before a call', async () => {
    const { privateKey } = await pairOn('P-256');
    const wrongPoint = pointOf(peerOn('P-256').publicKey);
    wrongPoint.writeUInt8(wrongPoint.readUInt8(40) ^ 1, 40);
    const refused: [unknown, string, RegExp][] = [
      [peerOn('P-384').publicKey, 'ERR_INVALID_ARG_VALUE', /is on P-384, and the private key on P-256/],
      [wrongPoint, 'ERR_INVALID_ARG_VALUE', /not a point on the curve P-256/],
      [Buffer.alloc(0), 'ERR_INVALID_ARG_VALUE', /not a point/],
      [generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey, 'ERR_INVALID_ARG_VALUE', /type rsa/],
      [peerOn('P-256').privateKey, 'ERR_INVALID_ARG_VALUE', /not a private key/],
      [undefined, 'ERR_INVALID_ARG_TYPE', /publicKey of ECDH must be/],
      [privateKey, 'ERR_INVALID_ARG_TYPE', /publicKey of ECDH must be/],
    ];
    for (const [publicKey, code, message] of refused) {
      const error = await failure(privateKey.deriveBits({ name: 'ECDH', publicKey }, 256));
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    }
    const x25519 = (await pairOn('X25519')).privateKey;
    for (const point of [Buffer.alloc(32), Buffer.concat([Buffer.of(1), Buffer.alloc(31)])]) {
      for (const attempt of [
        () => x25519.deriveBits({ name: 'ECDH', publicKey: point }, 256),
        () => x25519.deriveKey({ name: 'ECDH', publicKey: point }),
      ]) {
        expect(await failure(attempt)).toMatchObject({
          code: 'ERR_INVALID_ARG_VALUE',
          message: expect.stringMatching(/small order/),
        });
      }
    }
  });

  test('refuses lengths that the curve does not have, and options that ECDH does not have', async () => {
    const { privateKey } = await pairOn('P-256');
    const { publicKey } = peerOn('P-256');
    for (const length of [0, 7, 12, 264, -8, 1.5]) {
      const error = await failure(privateKey.deriveBits({ name: 'ECDH', publicKey }, length));
      expect(error, String(length)).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    }
    const bits = (algorithm: object) => failure(privateKey.deriveBits(wrong(algorithm), 256));
    expect(await bits({ name: 'ECDH', publicKey, public: 1 })).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    expect(await bits({ name: 'ECDH', publicKey, sharedData: Buffer.alloc(1) })).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
    expect(await bits({ name: 'ECDH', publicKey, kdf: 'SHA256' })).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringMatching(/did you mean "SHA-256"/),
    });
    expect(await bits({ name: 'ecdh', publicKey })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(await failure(privateKey.deriveBits({ name: 'ECDH', publicKey }, wrong(undefined)))).toMatchObject(
      {
        code: 'ERR_INVALID_ARG_TYPE',
      },
    );
  });

  test('refuses a key that cannot agree on a secret before a call', async () => {
    const { privateKey } = await session.generateKeyPair('RSA', { modulusBits: 1024 });
    const error = await failure(
      privateKey.deriveBits({ name: 'ECDH', publicKey: peerOn('P-256').publicKey }, 256),
    );
    expect(error).toMatchObject({ code: 'CKR_KEY_TYPE_INCONSISTENT' });
    const signing = await session.generateKeyPair('EC_EDWARDS', { curve: 'Ed25519' });
    const ed = await failure(
      signing.privateKey.deriveBits({ name: 'ECDH', publicKey: peerOn('X25519').publicKey }, 256),
    );
    expect(ed).toMatchObject({ code: 'CKR_KEY_TYPE_INCONSISTENT' });
  });

  test('leaves nothing on the token if the value of the derived key cannot be read', async () => {
    const { privateKey } = await pairOn('P-256');
    before = await count();
    const { raw } = opened.module;
    const parameter = { kdf: 1, publicData: pointOf(peerOn('P-256').publicKey) };
    const template = [
      { type: 0, value: 4 },
      { type: 0x100, value: 0x10 },
      { type: 0x161, value: 32 },
      { type: 0x103, value: true },
    ];
    for (const form of ['deriveValue', 'deriveValueSync'] as const) {
      const error = await failure(async () =>
        raw[form](session.name, { mechanism: CKM.ECDH1_DERIVE, parameter }, privateKey.handle, template, 0),
      );
      expect(error).toMatchObject({ code: 'CKR_ATTRIBUTE_SENSITIVE', function: 'C_GetAttributeValue' });
    }
    const readable = template.map((entry) => (entry.type === 0x103 ? { ...entry, value: false } : entry));
    readable.push({ type: 0x162, value: true });
    const tooLong = await failure(
      raw.deriveValue(
        session.name,
        { mechanism: CKM.ECDH1_DERIVE, parameter },
        privateKey.handle,
        readable,
        33,
      ),
    );
    expect(tooLong).toMatchObject({ code: 'CKR_GENERAL_ERROR' });
    expect(await count()).toBe(before);
  });
});

describe('deriveKey() with ECDH', () => {
  test('makes an AES key that is the shared secret, with the usages that were asked for only', async () => {
    const { privateKey, publicObject } = await pairOn('P-256');
    const peer = peerOn('P-256');
    const secret = diffieHellman({ privateKey: peer.privateKey, publicKey: publicObject });
    const algorithm = { name: 'ECDH', publicKey: peer.publicKey };
    const key = await privateKey.deriveKey(algorithm, {
      keyType: 'AES',
      usage: ['encrypt'],
      label: 'agreed',
    });
    expect(key).toBeInstanceOf(SecretKey);
    expect(key).toMatchObject({ keyType: 'AES', label: 'agreed', isTokenObject: false, isPrivate: true });
    const read = await key.attributes(
      'sensitive',
      'extractable',
      'encrypt',
      'decrypt',
      'sign',
      'wrap',
      'derive',
    );
    expect(read).toEqual({
      ...{ sensitive: true, extractable: false, encrypt: true, decrypt: true },
      ...{ sign: false, wrap: false, derive: false },
    });
    const twin = (await session.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'AES', value: secret, decrypt: true },
    })) as SecretKey;
    const iv = randomBytes(16);
    const ciphertext = await key.encrypt({ name: 'AES-CBC', iv }, Buffer.from('m'));
    expect(await twin.decrypt({ name: 'AES-CBC', iv }, ciphertext)).toEqual(Buffer.from('m'));
    const shown = await privateKey.deriveKey(algorithm, { sensitive: false, extractable: true });
    expect(await shown.attribute('value')).toEqual(secret);
    expect(await shown.attributes('encrypt', 'sign', 'derive', 'wrap', 'unwrap', 'verify')).toEqual({
      ...{ encrypt: false, sign: false, derive: false, wrap: false, unwrap: false, verify: false },
    });
  });

  test('makes a token object on request', async () => {
    const { privateKey } = await pairOn('P-256');
    const algorithm = { name: 'ECDH', publicKey: peerOn('P-256').publicKey };
    await privateKey.deriveKey(algorithm, { keyType: 'AES', token: true, label: 'kept', usage: ['encrypt'] });
    expect((await session.secretKey({ label: 'kept' })).isTokenObject).toBe(true);
  });

  test('refuses a key that is shorter than the shared secret, because implementations differ in the bytes that are kept', async () => {
    const { privateKey } = await pairOn('P-384');
    const algorithm = { name: 'ECDH', publicKey: peerOn('P-384').publicKey };
    before = await count();
    for (const options of [{ keyType: 'AES' }, { keyType: 'AES', valueLen: 16 }, { valueLen: 47 }] as const) {
      const error = await failure(privateKey.deriveKey(algorithm, options));
      expect(error).toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
        message: expect.stringMatching(/48 bytes/),
      });
    }
    expect(await count()).toBe(before);
  });

  test('refuses wrong options and a read-only session before a call', async () => {
    const { privateKey } = await pairOn('P-256');
    const algorithm = { name: 'ECDH', publicKey: peerOn('P-256').publicKey };
    const keyOf = (options: object) => failure(privateKey.deriveKey(algorithm, wrong(options)));
    expect(await keyOf({ lable: 'x' })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(await keyOf({ usage: ['decypt'] })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(await keyOf({ usage: 'encrypt' })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    const readOnly = await opened.token.openSession();
    const there = privateKey.on(readOnly);
    expect(await failure(there.deriveKey(algorithm, { token: true }))).toMatchObject({
      code: 'ERR_CRYPTOKI_SESSION_READ_ONLY',
    });
    expect(await there.deriveKey(algorithm)).toBeInstanceOf(SecretKey);
    await readOnly.close();
  });
});

describe('derivation by a mechanism', () => {
  test('gives the same as the algorithm by name', async () => {
    const { privateKey } = await pairOn('P-256');
    const { publicKey } = peerOn('P-256');
    const mechanism = {
      mechanism: 'ECDH1_DERIVE',
      parameter: { kdf: 1, publicData: pointOf(publicKey) },
    } as const;
    const bits = await privateKey.deriveBits(mechanism, 256);
    expect(bits).toEqual(await privateKey.deriveBits({ name: 'ECDH', publicKey }, 256));
    const key = await privateKey.deriveKey(mechanism, { valueLen: 32, sensitive: false, extractable: true });
    expect(await key.attribute('value')).toEqual(bits);
  });

  test('derives from a secret key', async () => {
    const value = randomBytes(16);
    const base = (await session.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'AES', value, derive: true },
      ...{ sensitive: false, extractable: true },
    })) as SecretKey;
    const data = randomBytes(32);
    const algorithm = { mechanism: 'AES_ECB_ENCRYPT_DATA', parameter: { data } } as const;
    const cipher = createCipheriv('aes-128-ecb', value, null).setAutoPadding(false);
    const wanted = Buffer.concat([cipher.update(data), cipher.final()]);
    expect(await base.deriveBits(algorithm, 256)).toEqual(wanted);
  });

  test('reports an algorithm that the token does not have', async () => {
    const base = await session.generateKey('GENERIC_SECRET', { usage: ['derive'] });
    const error = await failure(base.deriveBits({ name: 'HKDF', hash: 'SHA-256' }, 256));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_UNSUPPORTED' });
  });
});

describe.skipIf(whyNoNss !== undefined)('on NSS', () => {
  let nss: Nss;
  beforeAll(async () => {
    nss = await openNss();
  });
  afterAll(() => nss.close());

  test('ECDH agrees with node:crypto, with and without a KDF', async () => {
    const pair = await nss.session.generateKeyPair('EC', { curve: 'P-256', usage: ['derive'] });
    expect(pair.privateKey).toBeInstanceOf(PrivateKey);
    const peer = peerOn('P-256');
    const secret = diffieHellman({
      privateKey: peer.privateKey,
      publicKey: await pair.publicKey.toKeyObject(),
    });
    const { publicKey } = peer;
    expect(await pair.privateKey.deriveBits({ name: 'ECDH', publicKey }, 256)).toEqual(secret);
    expect(await pair.privateKey.deriveBits({ name: 'ECDH', publicKey }, 64)).toEqual(secret.subarray(0, 8));
    const sharedData = Buffer.from('shared');
    for (const [kdf, hash] of [
      ['SHA-256', 'sha256'],
      ['SHA-384', 'sha384'],
    ] as const) {
      const algorithm = { name: 'ECDH', publicKey, kdf, sharedData };
      expect(await pair.privateKey.deriveBits(algorithm, 800)).toEqual(x963(hash, secret, sharedData, 100));
      const key = await pair.privateKey.deriveKey(algorithm, {
        valueLen: 16,
        sensitive: false,
        extractable: true,
      });
      expect(await key.attribute('value')).toEqual(x963(hash, secret, sharedData, 16));
    }
  });

  test('CONCATENATE_BASE_AND_DATA derives; a sensitive result is reported, and nothing is left', async () => {
    const value = randomBytes(32);
    const baseOf = async (sensitive: boolean): Promise<SecretKey> =>
      (await nss.session.createObject({
        ...{ class: 'SECRET_KEY', keyType: 'GENERIC_SECRET', value, derive: true },
        ...{ sensitive, extractable: !sensitive },
      })) as SecretKey;
    const data = randomBytes(16);
    const algorithm = { mechanism: 'CONCATENATE_BASE_AND_DATA', parameter: { data } } as const;
    expect(await (await baseOf(false)).deriveBits(algorithm, null)).toEqual(Buffer.concat([value, data]));
    const hidden = await baseOf(true);
    const before = (await nss.session.find('all')).length;
    expect(await failure(hidden.deriveBits(algorithm, null))).toMatchObject({
      code: expect.stringMatching(/^CKR_/),
    });
    expect((await nss.session.find('all')).length).toBe(before);
  });

  test('HKDF agrees with node:crypto, from keys whose value cannot be read', async () => {
    const value = randomBytes(40);
    const base = (await nss.session.createObject({
      ...{
        class: 'SECRET_KEY',
        keyType: 'GENERIC_SECRET',
        value,
        derive: true,
        sensitive: true,
        extractable: false,
      },
    })) as SecretKey;
    const [salt, info] = [randomBytes(16), Buffer.from('info')];
    for (const options of [{}, { salt }, { info }, { salt, info }, { salt: Buffer.alloc(0), info }]) {
      const { salt: itsSalt = Buffer.alloc(0), info: itsInfo = Buffer.alloc(0) } = options as Record<
        string,
        Buffer
      >;
      for (const bits of [8, 256, 1000]) {
        const wanted = Buffer.from(hkdfSync('sha384', value, itsSalt, itsInfo, bits / 8));
        const before = (await nss.session.find('all')).length;
        expect(await base.deriveBits({ name: 'HKDF', hash: 'SHA-384', ...options }, bits)).toEqual(wanted);
        expect((await nss.session.find('all')).length).toBe(before);
      }
    }
    const key = await base.deriveKey(
      { name: 'HKDF', hash: 'SHA-256', salt, info },
      { keyType: 'AES', usage: ['encrypt'] },
    );
    const twin = (await nss.session.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'AES', decrypt: true },
      value: Buffer.from(hkdfSync('sha256', value, salt, info, 32)),
    })) as SecretKey;
    const iv = randomBytes(12);
    const ciphertext = await key.encrypt({ name: 'AES-GCM', iv }, Buffer.from('m'));
    expect(await twin.decrypt({ name: 'AES-GCM', iv }, ciphertext)).toEqual(Buffer.from('m'));
    const tooLong = await failure(base.deriveBits({ name: 'HKDF', hash: 'SHA-256' }, 255 * 256 + 8));
    expect(tooLong).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });
});

test('a KeyObject with a compressed point is accepted', async () => {
  const { privateKey, publicObject } = await pairOn('P-256');
  const peer = peerOn('P-256');
  const point = ECDH.convertKey(
    pointOf(peer.publicKey),
    'prime256v1',
    undefined,
    undefined,
    'compressed',
  ) as Buffer;
  const prefix = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
  const publicKey = createPublicKey({ key: Buffer.concat([prefix, point]), format: 'der', type: 'spki' });
  const secret = diffieHellman({ privateKey: peer.privateKey, publicKey: publicObject });
  expect(await privateKey.deriveBits({ name: 'ECDH', publicKey }, 256)).toEqual(secret);
});
