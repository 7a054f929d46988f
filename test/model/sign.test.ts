import { constants, createHmac, type KeyObject, verify } from 'node:crypto';
import type { KeyPair, MechanismInput, SecretKey, Session } from 'cryptoki';
import { CKG, CKM } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

const HASHES = ['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512'] as const;
const CURVES = ['P-256', 'P-384', 'P-521', 'secp256k1'] as const;
const MESSAGES = {
  empty: Buffer.alloc(0),
  short: Buffer.from('message'),
  'of 1 MiB': Buffer.alloc(2 ** 20, 'abc'),
};

let opened: Opened;
let session: Session;
const pairs = new Map<string, KeyPair>();
const publicKeys = new Map<string, KeyObject>();
let hmac: SecretKey;
const hmacValue = Buffer.alloc(64, 'hmac');

beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
  for (const curve of CURVES) pairs.set(curve, await session.generateKeyPair('EC', { curve }));
  pairs.set('Ed25519', await session.generateKeyPair('EC_EDWARDS', { curve: 'Ed25519' }));
  pairs.set('RSA', await session.generateKeyPair('RSA', { modulusBits: 2048 }));
  for (const [name, { publicKey }] of pairs) publicKeys.set(name, await publicKey.toKeyObject());
  hmac = (await session.createObject({
    class: 'SECRET_KEY',
    keyType: 'GENERIC_SECRET',
    sign: true,
    verify: true,
    value: hmacValue,
  })) as SecretKey;
});
afterAll(() => opened.close());

function shared(bytes: Uint8Array): Uint8Array {
  const view = new Uint8Array(new SharedArrayBuffer(bytes.length));
  view.set(bytes);
  return view;
}

const pair = (name: string): KeyPair => pairs.get(name) as KeyPair;
const judge = (name: string): KeyObject => publicKeys.get(name) as KeyObject;

describe.each(Object.entries(MESSAGES))('a message %s', (_, message) => {
  describe.each(CURVES)('is signed with ECDSA on %s', (curve) => {
    test.each(HASHES)('and %s', async (hash) => {
      const { privateKey } = pair(curve);
      const key = { key: judge(curve), dsaEncoding: 'ieee-p1363' } as const;
      const signatures = [
        await privateKey.sign(`ECDSA-${hash}`, message),
        privateKey.signSync({ name: `ECDSA-${hash}` }, message),
      ];
      for (const signature of signatures) expect(verify(hash, message, key, signature)).toBe(true);
    });
  });

  test.each(HASHES)('is signed with RSA-PKCS1 and %s', async (hash) => {
    const { privateKey } = pair('RSA');
    const signature = await privateKey.sign(`RSA-PKCS1-${hash}`, message);
    expect(verify(hash, message, judge('RSA'), signature)).toBe(true);
    expect(privateKey.signSync(`RSA-PKCS1-${hash}`, message)).toEqual(signature);
  });

  test.each(HASHES)('is signed with RSA-PSS and %s', async (hash) => {
    const { privateKey } = pair('RSA');
    const key = { key: judge('RSA'), padding: constants.RSA_PKCS1_PSS_PADDING };
    const digest = { ...key, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
    expect(verify(hash, message, digest, await privateKey.sign(`RSA-PSS-${hash}`, message))).toBe(true);
    expect(verify(hash, message, digest, privateKey.signSync(`RSA-PSS-${hash}`, message))).toBe(true);
    for (const saltLength of [0, 8, 20]) {
      const signature = await privateKey.sign({ name: `RSA-PSS-${hash}`, saltLength }, message);
      expect(verify(hash, message, { ...key, saltLength }, signature)).toBe(true);
      expect(verify(hash, message, { ...key, saltLength: saltLength + 1 }, signature)).toBe(false);
    }
  });

  test('is signed with Ed25519', async () => {
    const { privateKey } = pair('Ed25519');
    const signature = await privateKey.sign('EdDSA', message);
    expect(verify(null, message, judge('Ed25519'), signature)).toBe(true);
    expect(privateKey.signSync('EdDSA', message)).toEqual(signature);
  });

  test.each(HASHES)('gets an HMAC with %s', async (hash) => {
    const mac = createHmac(hash, hmacValue).update(message).digest();
    expect(await hmac.sign(`HMAC-${hash}`, message)).toEqual(mac);
    expect(hmac.signSync(`HMAC-${hash}`, message)).toEqual(mac);
  });
});

describe('a message', () => {
  test.each<[string, (bytes: Buffer<ArrayBuffer>) => ArrayBufferView | ArrayBuffer]>([
    ['Uint8Array', (bytes) => new Uint8Array(bytes)],
    ['Float64Array', (bytes) => new Float64Array(new Uint8Array(bytes).buffer)],
    [
      'DataView in the middle of a buffer',
      (bytes) => new DataView(new Uint8Array([9, ...bytes, 9]).buffer, 1, 16),
    ],
    ['ArrayBuffer', (bytes) => new Uint8Array(bytes).buffer],
    ['view of shared memory', shared],
  ])('can be a %s', async (_, form) => {
    const message = Buffer.from('0123456789abcdef');
    const mac = createHmac('sha256', hmacValue).update(message).digest();
    expect(await hmac.sign('HMAC-SHA256', form(message))).toEqual(mac);
    expect(hmac.signSync('HMAC-SHA256', form(message))).toEqual(mac);
    const { privateKey } = pair('P-256');
    const key = { key: judge('P-256'), dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', message, key, await privateKey.sign('ECDSA-SHA256', form(message)))).toBe(true);
    expect(verify('sha256', message, key, privateKey.signSync('ECDSA-SHA256', form(message)))).toBe(true);
  });

  test.each(['HMAC-SHA256', 'ECDSA-SHA256'])('is copied before %s returns its promise', async (algorithm) => {
    const message = Buffer.alloc(100_000, 'message');
    const before = Buffer.from(message);
    const signing = algorithm.startsWith('HMAC')
      ? hmac.sign(algorithm, message)
      : pair('P-256').privateKey.sign(algorithm, message);
    message.fill(0);
    const signature = await signing;
    const valid = algorithm.startsWith('HMAC')
      ? signature.equals(createHmac('sha256', hmacValue).update(before).digest())
      : verify('sha256', before, { key: judge('P-256'), dsaEncoding: 'ieee-p1363' }, signature);
    expect(valid).toBe(true);
  });

  // The first signature on a token reads the mechanism list before it uses the message.
  test('is copied before the first signature on a token returns its promise', async () => {
    const fresh = await opened.module.token({ label: opened.test.label });
    await using other = await fresh.openSession();
    const message = Buffer.from('message');
    const [found] = await other.find({ class: 'SECRET_KEY' });
    const signing = (found as SecretKey).sign('HMAC-SHA256', message);
    message.fill(0);
    expect(await signing).toEqual(createHmac('sha256', hmacValue).update('message').digest());
  });

  test.each<[unknown]>([[undefined], [null], ['text'], [5], [5n], [[1, 2]], [{}], [Symbol('x')]])(
    'of type %o is refused',
    async (data) => {
      const wanted = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
      for (const [key, algorithm] of [
        [hmac, 'HMAC-SHA256'],
        [pair('P-256').privateKey, 'ECDSA-SHA256'],
        [pair('Ed25519').privateKey, 'EdDSA'],
        [pair('RSA').privateKey, 'RSA-PSS-SHA256'],
      ] as const) {
        expect(await failure(key.sign(algorithm, wrong(data)))).toMatchObject(wanted);
        expect(await failure(() => key.signSync(algorithm, wrong(data)))).toMatchObject(wanted);
      }
    },
  );
});

describe('a mechanism is passed on unchanged:', () => {
  const digest = Buffer.alloc(32, 7);

  test.each<[string, MechanismInput]>([
    ['by name', { mechanism: 'ECDSA' }],
    ['by name with prefix', { mechanism: 'CKM_ECDSA' }],
    ['by number', { mechanism: CKM.ECDSA }],
    ['with no parameter', { mechanism: 'ECDSA', parameter: undefined }],
    ['with a null parameter', { mechanism: 'ECDSA', parameter: null }],
    ['with an empty parameter', { mechanism: 'ECDSA', parameter: Buffer.alloc(0) }],
  ])('%s', async (_, mechanism) => {
    const { privateKey, publicKey } = pair('P-256');
    const signature = await privateKey.sign(mechanism, digest);
    expect(signature).toHaveLength(64);
    expect(await publicKey.verify(mechanism, digest, signature)).toBe(true);
    expect(await publicKey.verify(mechanism, Buffer.alloc(32, 8), signature)).toBe(false);
  });

  test('with an object of the fields of its structure, or with its bytes', async () => {
    const bytes = Buffer.from(new BigUint64Array([BigInt(CKM.SHA256), BigInt(CKG.MGF1_SHA256), 11n]).buffer);
    for (const parameter of [
      { hashAlg: CKM.SHA256, mgf: CKG.MGF1_SHA256, sLen: 11 },
      { hashAlg: BigInt(CKM.SHA256), mgf: CKG.MGF1_SHA256, sLen: 11n, structure: 'CK_RSA_PKCS_PSS_PARAMS' },
      bytes,
    ]) {
      const signature = await pair('RSA').privateKey.sign(
        { mechanism: 'SHA256_RSA_PKCS_PSS', parameter },
        digest,
      );
      const key = { key: judge('RSA'), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 11 };
      expect(verify('sha256', digest, key, signature)).toBe(true);
    }
  });

  test.each<[string, unknown]>([
    ['text as parameter', 'text'],
    ['true as parameter', true],
    ['an array as parameter', [1]],
    ['a field of the wrong type', { hashAlg: 'SHA256', mgf: CKG.MGF1_SHA256, sLen: 11 }],
    ['a field out of range', { hashAlg: CKM.SHA256, mgf: CKG.MGF1_SHA256, sLen: -1 }],
    ['a misspelt field', { hashAlg: CKM.SHA256, mgf: CKG.MGF1_SHA256, saltLength: 11 }],
    ['an unknown structure', { structure: 'CK_NO_SUCH_PARAMS' }],
  ])('%s is refused', async (_, parameter) => {
    const error = await failure(
      pair('RSA').privateKey.sign(
        { mechanism: 'SHA256_RSA_PKCS_PSS', parameter: wrong<object>(parameter) },
        digest,
      ),
    );
    expect(error.code).toMatch(/^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE)$/);
  });
});

describe('a wrong algorithm is refused before any call:', () => {
  test.each<[string, unknown, string]>([
    ['an unknown name', 'ECDSA-SHA257', 'ERR_INVALID_ARG_VALUE'],
    ['a name in small letters', 'ecdsa-sha256', 'ERR_INVALID_ARG_VALUE'],
    ['an empty name', '', 'ERR_INVALID_ARG_VALUE'],
    ['a name of Object', 'constructor', 'ERR_INVALID_ARG_VALUE'],
    ['one for encryption', 'AES-GCM', 'ERR_INVALID_ARG_VALUE'],
    ['an option it does not have', { name: 'ECDSA-SHA256', saltLength: 1 }, 'ERR_INVALID_ARG_VALUE'],
    ['a misspelt option', { name: 'RSA-PSS-SHA256', saltLen: 1 }, 'ERR_INVALID_ARG_VALUE'],
    ['a negative salt', { name: 'RSA-PSS-SHA256', saltLength: -1 }, 'ERR_OUT_OF_RANGE'],
    ['half a byte of salt', { name: 'RSA-PSS-SHA256', saltLength: 0.5 }, 'ERR_OUT_OF_RANGE'],
    ['an unknown mechanism', { mechanism: 'ECDSA_SHA257' }, 'ERR_INVALID_ARG_VALUE'],
    ['a negative mechanism', { mechanism: -1 }, 'ERR_OUT_OF_RANGE'],
    ['a mechanism of another type', { mechanism: {} }, 'ERR_INVALID_ARG_TYPE'],
    ['undefined', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['null', null, 'ERR_INVALID_ARG_TYPE'],
    ['a number', CKM.ECDSA, 'ERR_INVALID_ARG_TYPE'],
    ['an object without name', {}, 'ERR_INVALID_ARG_TYPE'],
  ])('%s', async (_, algorithm, code) => {
    const { privateKey, publicKey } = pair('P-256');
    const data = Buffer.alloc(1);
    expect(await failure(privateKey.sign(wrong(algorithm), data))).toMatchObject({ code });
    expect(await failure(() => privateKey.signSync(wrong(algorithm), data))).toMatchObject({ code });
    expect(await failure(publicKey.verify(wrong(algorithm), data, data))).toMatchObject({ code });
    expect(await failure(() => publicKey.verifySync(wrong(algorithm), data, data))).toMatchObject({ code });
  });
});

describe('the session remains usable after a failure:', () => {
  const one = Buffer.alloc(1);
  test.each<[string, string, MechanismInput, Buffer, RegExp]>([
    ['RSA data too long', 'RSA', { mechanism: 'RSA_PKCS' }, Buffer.alloc(300), /CKR_/],
    ['a PSS digest of the wrong length', 'RSA', { name: 'RSA-PSS-SHA256', saltLength: 1000 }, one, /CKR_/],
    ['a mechanism for another key type', 'P-256', { mechanism: 'RSA_PKCS' }, one, /CKR_/],
    ['an algorithm for another key type', 'RSA', 'ECDSA-SHA256', one, /CKR_/],
    [
      'a mechanism the token does not have',
      'P-256',
      { mechanism: 'ECDSA_SHA256' },
      one,
      /CKR_MECHANISM_INVALID/,
    ],
    ['a mechanism that does not sign', 'P-256', { mechanism: 'AES_GCM' }, one, /CKR_/],
    ['a vendor mechanism', 'P-256', { mechanism: 0x80001234 }, one, /CKR_MECHANISM_INVALID/],
    [
      'a parameter where none belongs',
      'RSA',
      { mechanism: 'SHA256_RSA_PKCS_PSS', parameter: one },
      one,
      /CKR_/,
    ],
  ])('%s', async (_, name, mechanism, data, code) => {
    const { privateKey } = pair(name);
    for (const attempt of [
      () => privateKey.sign(mechanism, data),
      () => privateKey.signSync(mechanism, data),
    ]) {
      const error = await failure(attempt);
      expect(error.code).toMatch(code);
      expect(error).toMatchObject({ function: expect.stringMatching(/^C_Sign/), rv: expect.any(Number) });
      expect(await session.find({ class: 'PRIVATE_KEY' })).not.toHaveLength(0);
      expect(await session.digest('SHA-256', data)).toHaveLength(32);
      expect(await pair('P-256').privateKey.sign('ECDSA-SHA256', data)).toHaveLength(64);
    }
  });

  test('a key that may not sign', async () => {
    const { privateKey } = await session.generateKeyPair('EC', {
      curve: 'P-256',
      privateKey: { sign: false, derive: true },
    });
    const error = await failure(privateKey.sign('ECDSA-SHA256', one));
    expect(error).toMatchObject({ code: 'CKR_KEY_FUNCTION_NOT_PERMITTED', function: 'C_SignInit' });
    expect(await hmac.sign('HMAC-SHA256', one)).toHaveLength(32);
  });

  // Raw RSA of more bytes than the modulus is not tested: SoftHSM2 calls exit().
  test('an algorithm for a key of another type', async () => {
    const error = await failure(hmac.sign('EdDSA', one));
    expect(error.code).toMatch(/^CKR_/);
    expect(await hmac.sign('HMAC-SHA256', one)).toHaveLength(32);
  });
});
