import { createHmac, diffieHellman, generateKeyPairSync, verify } from 'node:crypto';
import { CURVE_NAMES, type KeyPair, PrivateKey, PublicKey, SecretKey, type Session } from 'cryptoki';
import { CKA, CKD, CKK, CKM, CKO } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

const CURVES = {
  'P-224': 'secp224r1',
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
  secp256k1: 'secp256k1',
  brainpoolP256r1: 'brainpoolP256r1',
  brainpoolP384r1: 'brainpoolP384r1',
  brainpoolP512r1: 'brainpoolP512r1',
} as const;

describe('generateKeyPair()', () => {
  test.each(Object.entries(CURVES))(
    'creates a pair on the curve %s that node:crypto accepts',
    async (curve, node) => {
      const { publicKey, privateKey } = await session.generateKeyPair('EC', { curve });
      const key = await publicKey.toKeyObject();
      expect(key.asymmetricKeyType).toBe('ec');
      expect(key.asymmetricKeyDetails).toEqual({ namedCurve: node });
      const signature = await privateKey.sign('ECDSA-SHA256', Buffer.from('m'));
      expect(verify('sha256', Buffer.from('m'), { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    },
  );

  test('creates Ed25519 pairs that node:crypto accepts', async () => {
    const { publicKey, privateKey } = await session.generateKeyPair('EC_EDWARDS', { curve: 'Ed25519' });
    expect([publicKey.keyType, privateKey.keyType]).toEqual(['EC_EDWARDS', 'EC_EDWARDS']);
    const key = await publicKey.toKeyObject();
    expect(key.asymmetricKeyType).toBe('ed25519');
    expect(verify(null, Buffer.from('m'), key, await privateKey.sign('EdDSA', Buffer.from('m')))).toBe(true);
  });

  test.each([
    [undefined, undefined, 2048, 65537n],
    [1024, 65537n, 1024, 65537n],
    [2048, 3n, 2048, 3n],
    [3072, new Uint8Array([1, 0, 1]), 3072, 65537n],
  ])(
    'creates RSA pairs of %o bits with exponent %o',
    async (modulusBits, publicExponent, modulusLength, exponent) => {
      const { publicKey } = await session.generateKeyPair('RSA', { modulusBits, publicExponent });
      const key = await publicKey.toKeyObject();
      expect(key.asymmetricKeyType).toBe('rsa');
      expect(key.asymmetricKeyDetails).toEqual({ modulusLength, publicExponent: exponent });
    },
  );

  test('creates session objects of both classes with the same id', async () => {
    const pair = await session.generateKeyPair('EC', { curve: 'P-256' });
    expect(pair.publicKey).toBeInstanceOf(PublicKey);
    expect(pair.privateKey).toBeInstanceOf(PrivateKey);
    expect(pair.publicKey).toMatchObject({
      class: 'PUBLIC_KEY',
      keyType: 'EC',
      isTokenObject: false,
      isPrivate: false,
    });
    expect(pair.privateKey).toMatchObject({
      class: 'PRIVATE_KEY',
      keyType: 'EC',
      isTokenObject: false,
      isPrivate: true,
    });
    expect(pair.publicKey.id).toHaveLength(20);
    expect(pair.privateKey.id).toEqual(pair.publicKey.id);
    const other = await session.generateKeyPair('EC', { curve: 'P-256' });
    expect(other.publicKey.id).not.toEqual(pair.publicKey.id);
  });

  test('creates private keys that cannot leave the token', async () => {
    const { privateKey } = await session.generateKeyPair('EC', { curve: 'P-256' });
    expect(
      await privateKey.attributes('sensitive', 'extractable', 'alwaysSensitive', 'neverExtractable', 'local'),
    ).toEqual({
      sensitive: true,
      extractable: false,
      alwaysSensitive: true,
      neverExtractable: true,
      local: true,
    });
    expect(await failure(privateKey.attribute('value'))).toMatchObject({ code: 'CKR_ATTRIBUTE_SENSITIVE' });
  });

  test('accepts label, id, usage and further attributes for each half', async () => {
    const id = Buffer.from('my id');
    const pair = await session.generateKeyPair('RSA', {
      label: 'both',
      id,
      usage: ['sign', 'decrypt'],
      extractable: true,
      publicKey: { label: 'public', verifyRecover: true },
      privateKey: { subject: Buffer.from('subject'), sensitive: false },
    });
    expect([pair.publicKey.label, pair.privateKey.label]).toEqual(['public', 'both']);
    expect([pair.publicKey.id, pair.privateKey.id]).toEqual([id, id]);
    expect(await pair.publicKey.attributes('verify', 'encrypt', 'verifyRecover')).toEqual({
      verify: true,
      encrypt: true,
      verifyRecover: true,
    });
    const read = await pair.privateKey.attributes('sign', 'decrypt', 'subject', 'extractable', 'sensitive');
    expect(read).toEqual({
      sign: true,
      decrypt: true,
      subject: Buffer.from('subject'),
      extractable: true,
      sensitive: false,
    });
  });

  test('stores a pair on the token with token: true', async () => {
    const pair = await session.generateKeyPair('EC', { curve: 'P-256', token: true, label: 'kept' });
    expect([pair.publicKey.isTokenObject, pair.privateKey.isTokenObject]).toEqual([true, true]);
    await using other = await opened.token.openSession();
    const message = Buffer.from('m');
    const signature = await (await other.privateKey({ label: 'kept' })).sign('ECDSA-SHA256', message);
    expect(await (await other.publicKey({ label: 'kept' })).verify('ECDSA-SHA256', message, signature)).toBe(
      true,
    );
    await pair.publicKey.destroy();
    await pair.privateKey.destroy();
  });

  test('accepts a mechanism, and the curve as ecParams', async () => {
    const ecParams = Buffer.from('06082a8648ce3d030107', 'hex');
    for (const keyType of [
      { mechanism: 'EC_KEY_PAIR_GEN' },
      { mechanism: CKM.EC_KEY_PAIR_GEN },
      'EC',
    ] as const) {
      const { publicKey } = await session.generateKeyPair(keyType, { publicKey: { ecParams } });
      expect((await publicKey.toKeyObject()).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    }
  });

  test.each<[string, unknown, unknown, RegExp]>([
    ['a missing curve', 'EC', {}, /ERR_INVALID_ARG_TYPE.*curve/],
    ['no options at all', 'EC', undefined, /ERR_INVALID_ARG_TYPE.*curve/],
    ['an unknown curve', 'EC', { curve: 'P-257' }, /ERR_INVALID_ARG_VALUE.*P-257.*P-256/],
    ['a curve that is no text', 'EC', { curve: 256 }, /ERR_/],
    ['an unknown key type', 'DSS', {}, /ERR_INVALID_ARG_VALUE.*DSS.*RSA/],
    ['a key type of Object', 'constructor', {}, /ERR_INVALID_ARG_VALUE/],
    ['a key type that is a number', 3, {}, /ERR_/],
    ['an unknown usage', 'EC', { curve: 'P-256', usage: ['signs'] }, /ERR_INVALID_ARG_VALUE.*signs/],
    ['a label that is a number', 'EC', { curve: 'P-256', label: 5 }, /ERR_INVALID_ARG_TYPE.*CKA_LABEL/],
    ['an id of text', 'EC', { curve: 'P-256', id: 'text' }, /ERR_INVALID_ARG_TYPE.*CKA_ID/],
    ['a token that is no boolean', 'EC', { curve: 'P-256', token: 1 }, /ERR_INVALID_ARG_TYPE.*CKA_TOKEN/],
    ['bits of text', 'RSA', { modulusBits: '2048' }, /ERR_INVALID_ARG_TYPE.*CKA_MODULUS_BITS/],
    ['negative bits', 'RSA', { modulusBits: -2048 }, /ERR_OUT_OF_RANGE.*CKA_MODULUS_BITS/],
    ['an exponent as number', 'RSA', { publicExponent: 3 }, /ERR_INVALID_ARG_TYPE.*CKA_PUBLIC_EXPONENT/],
    [
      'an unknown attribute',
      'EC',
      { curve: 'P-256', privateKey: { sing: true } },
      /ERR_INVALID_ARG_VALUE.*sing/,
    ],
  ])('refuses %s', async (_, keyType, options, wanted) => {
    const error = await failure(session.generateKeyPair(wrong(keyType), wrong(options)));
    expect(`${error.code} ${error.message}`).toMatch(wanted);
  });

  test('reports the error of the token', async () => {
    for (const [keyType, options] of [
      ['EC', { curve: 'P-256', publicKey: { ecParams: Buffer.from('0500', 'hex') } }],
      ['EC_MONTGOMERY', { curve: 'X25519' }],
      ['RSA', { modulusBits: 5 }],
    ] as const) {
      const error = await failure(session.generateKeyPair(keyType, options));
      expect(error).toMatchObject({ function: 'C_GenerateKeyPair', code: expect.stringMatching(/^CKR_/) });
    }
  });

  test('accepts every curve name that it documents', () => {
    expect(CURVE_NAMES).toEqual(
      expect.arrayContaining([...Object.keys(CURVES), 'Ed25519', 'Ed448', 'X25519', 'X448']),
    );
  });
});

describe('generateKey()', () => {
  test.each([16, 24, 32])('creates AES keys of %i bytes', async (valueLen) => {
    const key = await session.generateKey('AES', { valueLen, extractable: true, sensitive: false });
    expect(key).toBeInstanceOf(SecretKey);
    expect(key).toMatchObject({ class: 'SECRET_KEY', keyType: 'AES', isPrivate: true, isTokenObject: false });
    expect(await key.attribute('value')).toHaveLength(valueLen);
  });

  test('creates keys of 32 bytes when no length is given', async () => {
    const key = await session.generateKey('AES');
    expect(await key.attribute('valueLen')).toBe(32);
  });

  // An undefined option must have the effect of a missing one.
  test('creates keys of 32 bytes when the length is undefined', async () => {
    const key = await session.generateKey('AES', { valueLen: undefined });
    expect(await key.attribute('valueLen')).toBe(32);
  });

  test('creates keys that cannot leave the token', async () => {
    const key = await session.generateKey('AES');
    expect(await key.attributes('sensitive', 'extractable', 'encrypt', 'decrypt', 'value')).toEqual({
      sensitive: true,
      extractable: false,
      encrypt: true,
      decrypt: true,
    });
  });

  test('creates HMAC keys whose MACs equal those of node:crypto', async () => {
    const key = await session.generateKey('GENERIC_SECRET', {
      valueLen: 40,
      sensitive: false,
      extractable: true,
    });
    const mac = await key.sign('HMAC-SHA256', Buffer.from('m'));
    expect(mac).toEqual(
      createHmac('sha256', await key.attribute('value'))
        .update('m')
        .digest(),
    );
  });

  test('accepts a mechanism, label, id, usage and further attributes', async () => {
    const key = await session.generateKey(
      { mechanism: 'AES_KEY_GEN' },
      {
        label: 'wrapping',
        id: Buffer.from('id'),
        usage: ['wrap'],
        valueLen: 16,
        startDate: '2024-01-01',
      },
    );
    expect(key).toMatchObject({ label: 'wrapping', id: Buffer.from('id'), keyType: 'AES' });
    expect(await key.attributes('wrap', 'unwrap')).toEqual({ wrap: true, unwrap: true });
  });

  test.each<[string, unknown, unknown, RegExp]>([
    ['an unknown type', 'AESS', {}, /ERR_INVALID_ARG_VALUE.*AESS/],
    ['undefined', undefined, {}, /ERR_/],
    ['null', null, {}, /ERR_/],
    ['an unknown usage', 'AES', { usage: ['sing'] }, /ERR_INVALID_ARG_VALUE.*sing/],
    ['a length of text', 'AES', { valueLen: '32' }, /ERR_INVALID_ARG_TYPE.*CKA_VALUE_LEN/],
    ['a negative length', 'AES', { valueLen: -1 }, /ERR_OUT_OF_RANGE.*CKA_VALUE_LEN/],
    ['an unknown attribute', 'AES', { lenght: 5 }, /ERR_INVALID_ARG_VALUE.*lenght/],
    ['a length that the token does not have', 'AES', { valueLen: 5 }, /CKR_.*C_GenerateKey/],
  ])('refuses %s', async (_, keyType, options, wanted) => {
    const error = await failure(session.generateKey(wrong(keyType), wrong(options)));
    expect(`${error.code} ${error.message}`).toMatch(wanted);
  });
});

test('a usage that is not a list is refused with a code', async () => {
  for (const usage of ['sign', 5, null]) {
    const error = await failure(session.generateKeyPair('EC', { curve: 'P-256', usage: wrong(usage) }));
    expect(error.code).toMatch(/^ERR_/);
  }
});

test('find() returns a model object for a key that raw calls derived', async () => {
  const { privateKey, publicKey } = await session.generateKeyPair('EC', {
    curve: 'P-256',
    usage: ['derive'],
  });
  const mine = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = mine.publicKey.export({ format: 'jwk' });
  const publicData = Buffer.concat([
    Buffer.from([4]),
    Buffer.from(`${x}`, 'base64url'),
    Buffer.from(`${y}`, 'base64url'),
  ]);
  const handle = await opened.module.raw.C_DeriveKey(
    session.handle,
    { mechanism: CKM.ECDH1_DERIVE, parameter: { kdf: CKD.NULL, publicData } },
    privateKey.handle,
    [
      { type: CKA.CLASS, value: CKO.SECRET_KEY },
      { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
      { type: CKA.LABEL, value: 'derived' },
      { type: CKA.VALUE_LEN, value: 32 },
      { type: CKA.SENSITIVE, value: false },
      { type: CKA.EXTRACTABLE, value: true },
    ],
  );
  const key = await session.secretKey({ label: 'derived' });
  expect(key.handle).toBe(handle);
  const expected = diffieHellman({ privateKey: mine.privateKey, publicKey: await publicKey.toKeyObject() });
  expect(await key.attribute('value')).toEqual(expected);
});

test('the half of a pair is found by the id of the other half', async () => {
  const pair: KeyPair = await session.generateKeyPair('EC', { curve: 'P-256' });
  const found = await session.publicKey({ id: pair.privateKey.id });
  expect(found.handle).toBe(pair.publicKey.handle);
});
