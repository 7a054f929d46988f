import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { PrivateKey, PublicKey, SecretKey, type Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GROUNDS } from './grounds';

const PASSPHRASE = 'correct horse';
const MESSAGE = Buffer.from('a message');
const P1363 = { dsaEncoding: 'ieee-p1363' } as const;

interface Kind {
  readonly name: string;
  readonly keyType: string;
  readonly hasJwk: boolean;
  readonly pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
}

const elliptic = (name: string, namedCurve: string, hasJwk: boolean): Kind => ({
  name,
  keyType: 'EC',
  hasJwk,
  pair: generateKeyPairSync('ec', { namedCurve }),
});
const OKP: readonly Kind[] = [
  { name: 'Ed25519', keyType: 'EC_EDWARDS', hasJwk: true, pair: generateKeyPairSync('ed25519') },
  { name: 'Ed448', keyType: 'EC_EDWARDS', hasJwk: true, pair: generateKeyPairSync('ed448') },
  { name: 'X25519', keyType: 'EC_MONTGOMERY', hasJwk: true, pair: generateKeyPairSync('x25519') },
  { name: 'X448', keyType: 'EC_MONTGOMERY', hasJwk: true, pair: generateKeyPairSync('x448') },
];
const KINDS: readonly Kind[] = [
  { name: 'RSA', keyType: 'RSA', hasJwk: true, pair: generateKeyPairSync('rsa', { modulusLength: 2048 }) },
  elliptic('P-256', 'prime256v1', true),
  elliptic('P-384', 'secp384r1', true),
  elliptic('P-521', 'secp521r1', true),
  elliptic('P-224', 'secp224r1', false),
  elliptic('secp256k1', 'secp256k1', true),
  elliptic('brainpoolP256r1', 'brainpoolP256r1', false),
  ...OKP,
];

type Form = readonly [string, string | Buffer | KeyObject | object, { passphrase?: string | Buffer }?];

function privateForms({ pair: { privateKey }, keyType, hasJwk }: Kind): readonly Form[] {
  const encrypted = { cipher: 'aes-256-cbc', passphrase: PASSPHRASE } as const;
  const der = (type: 'pkcs8' | 'sec1' | 'pkcs1') =>
    privateKey.export({ type, format: 'der' } as never) as Buffer;
  const pem = (type: 'pkcs8' | 'sec1' | 'pkcs1', more = {}) =>
    privateKey.export({ type, format: 'pem', ...more } as never) as unknown as string;
  const old = keyType === 'EC' ? 'sec1' : keyType === 'RSA' ? 'pkcs1' : undefined;
  return [
    ['PKCS#8 in PEM', pem('pkcs8')],
    ['PKCS#8 in PEM, as bytes', Buffer.from(pem('pkcs8'))],
    ['PKCS#8 in DER', der('pkcs8')],
    ['a KeyObject', privateKey],
    ['encrypted PKCS#8 in PEM', pem('pkcs8', encrypted), { passphrase: PASSPHRASE }],
    [
      'encrypted PKCS#8 in DER',
      privateKey.export({ type: 'pkcs8', format: 'der', ...encrypted } as never) as unknown as Buffer,
      { passphrase: Buffer.from(PASSPHRASE) },
    ],
    ...(hasJwk ? [['a JSON web key', privateKey.export({ format: 'jwk' })] as const] : []),
    ...(old === undefined
      ? []
      : ([
          [`${old} in PEM`, `text before\n${pem(old)}text behind`],
          [`${old} in DER`, der(old)],
          [`encrypted ${old} in PEM`, pem(old, encrypted), { passphrase: PASSPHRASE }],
        ] as const)),
  ];
}

function publicForms({ pair: { publicKey }, keyType, hasJwk }: Kind): readonly Form[] {
  return [
    ['SPKI in PEM', publicKey.export({ type: 'spki', format: 'pem' }) as string],
    ['SPKI in DER', publicKey.export({ type: 'spki', format: 'der' })],
    ['a KeyObject', publicKey],
    ...(hasJwk ? [['a JSON web key', publicKey.export({ format: 'jwk' })] as const] : []),
    ...(keyType === 'RSA'
      ? ([
          ['PKCS#1 in PEM', publicKey.export({ type: 'pkcs1', format: 'pem' }) as string],
          ['PKCS#1 in DER', publicKey.export({ type: 'pkcs1', format: 'der' })],
        ] as const)
      : []),
  ];
}

const algorithmOf = ({ keyType }: Kind): string | undefined =>
  ({ RSA: 'RSA-PKCS1-SHA256', EC: 'ECDSA-SHA256', EC_EDWARDS: 'EdDSA' })[keyType];
const digestOf = ({ keyType }: Kind) => (keyType === 'EC_EDWARDS' ? null : 'sha256');
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).toString('hex');

describe.each(GROUNDS)('importKey() on $name', ({ whyNot, kinds, exportsTokenObjects, open }) => {
  let session: Session;
  let close: () => Promise<void>;
  beforeAll(async () => {
    if (whyNot === undefined) ({ session, close } = await open());
  });
  afterAll(() => close?.());
  const supported = whyNot === undefined ? KINDS.filter(({ name }) => kinds.test(name)) : [];
  const privateCases = supported.flatMap((kind) =>
    privateForms(kind).map(([form, input, options]) => ({ kind, form, input, options })),
  );
  const publicCases = supported.flatMap((kind) =>
    publicForms(kind).map(([form, input]) => ({ kind, form, input })),
  );
  const testOn = test.runIf(whyNot === undefined);

  test.each(privateCases)(
    'imports a private $kind.name key from $form, which works and can be exported',
    async ({ kind, input, options }) => {
      const { privateKey, publicKey } = kind.pair;
      const key = await session.importKey(input as string, {
        ...options,
        extractable: true,
        sensitive: false,
      });
      expect(key).toBeInstanceOf(PrivateKey);
      const algorithm = algorithmOf(kind);
      if (algorithm !== undefined) {
        const signature = await (key as PrivateKey).sign(algorithm, MESSAGE);
        expect(verify(digestOf(kind), MESSAGE, { key: publicKey, ...P1363 }, signature)).toBe(true);
      }
      expect((await (key as PrivateKey).exportKey()).equals(privateKey)).toBe(true);
      await key.destroy();
    },
  );

  test.each(publicCases)(
    'imports a public $kind.name key from $form, which works and can be exported',
    async ({ kind, input }) => {
      const { privateKey, publicKey } = kind.pair;
      const key = (await session.importKey(input as string)) as PublicKey;
      expect(key).toBeInstanceOf(PublicKey);
      expect(spki(await key.toKeyObject())).toBe(spki(publicKey));
      const algorithm = algorithmOf(kind);
      if (algorithm !== undefined) {
        const signature = sign(digestOf(kind), MESSAGE, { key: privateKey, ...P1363 });
        expect(await key.verify(algorithm, MESSAGE, signature)).toBe(true);
        expect(await key.verify(algorithm, Buffer.from('another message'), signature)).toBe(false);
      }
      await key.destroy();
    },
  );

  describe.each([false, true])('as objects with token: %s', (token) => {
    test.each(supported)(
      'halves of a $name pair that were imported separately find each other',
      async (kind) => {
        const { privateKey, publicKey } = kind.pair;
        const options = { token, label: `pair ${kind.name} ${token}` };
        const imported = await session.importKey(privateKey, { ...options, class: 'PRIVATE_KEY' });
        const half = await session.importKey(publicKey, { ...options, class: 'PUBLIC_KEY' });
        expect(half.id).toHaveLength(20);
        expect(half.id).toEqual(imported.id);
        expect([imported.isTokenObject, half.isTokenObject]).toEqual([token, token]);
        const found = await imported.publicKey(); // proved by a trial
        expect(spki(await found.toKeyObject())).toBe(spki(publicKey));
        expect((await half.privateKey()).handle).toBe(imported.handle);
        await imported.destroy();
        await half.destroy();
      },
    );

    testOn('a private key is sensitive, not extractable, private, and has the usage sign alone', async () => {
      const [{ pair } = expect.unreachable()] = supported;
      const key = await session.importKey(pair.privateKey, { token });
      expect(await key.attributes('sensitive', 'extractable', 'private', 'token')).toEqual({
        sensitive: true,
        extractable: false,
        private: true,
        token,
      });
      expect(await key.attributes('sign', 'signRecover', 'decrypt', 'unwrap', 'derive')).toEqual({
        sign: true,
        signRecover: false,
        decrypt: false,
        unwrap: false,
        derive: false,
      });
      await key.destroy();
    });

    test.runIf(whyNot === undefined && (exportsTokenObjects || !token))(
      'an AES key of raw bytes works and can be exported',
      async () => {
        const value = randomBytes(32);
        const key = await session.importKey(value, {
          ...{ keyType: 'AES', class: 'SECRET_KEY', token, extractable: true, sensitive: false },
        });
        expect(key).toBeInstanceOf(SecretKey);
        expect((await key.exportKey()).equals(createSecretKey(value))).toBe(true);
        expect(
          await key.attributes('encrypt', 'decrypt', 'sign', 'verify', 'wrap', 'unwrap', 'derive'),
        ).toEqual({
          ...{ encrypt: true, decrypt: true, sign: false, verify: false },
          ...{ wrap: false, unwrap: false, derive: false },
        });
        await key.destroy();
      },
    );
  });

  testOn('an RSA key with the usage decrypt decrypts, and does not sign', async () => {
    const [{ pair } = expect.unreachable()] = supported;
    const key = await session.importKey(pair.privateKey, { class: 'PRIVATE_KEY', usage: ['decrypt'] });
    const message = publicEncrypt({ key: pair.publicKey, padding: constants.RSA_PKCS1_PADDING }, MESSAGE);
    expect(await key.decrypt('RSA-PKCS1', message)).toEqual(MESSAGE);
    await expect(key.sign('RSA-PKCS1-SHA256', MESSAGE)).rejects.toThrow(
      /CKR_KEY_(FUNCTION_NOT_PERMITTED|TYPE_INCONSISTENT)/,
    );
    await key.destroy();
  });

  testOn('a public RSA key with the usage encrypt encrypts', async () => {
    const [{ pair } = expect.unreachable()] = supported;
    const key = await session.importKey(pair.publicKey, { class: 'PUBLIC_KEY', usage: ['encrypt'] });
    const encrypted = await key.encrypt('RSA-OAEP-SHA1', MESSAGE);
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' } as const;
    expect(privateDecrypt({ key: pair.privateKey, ...padding }, encrypted)).toEqual(MESSAGE);
    await key.destroy();
  });

  testOn('an HMAC key of a KeyObject and of a JSON web key makes the MAC of node:crypto', async () => {
    const value = randomBytes(40);
    const expected = createHmac('sha256', value).update(MESSAGE).digest();
    const secret = createSecretKey(value);
    for (const [input, options] of [
      [secret, { keyType: 'GENERIC_SECRET' }],
      [{ ...secret.export({ format: 'jwk' }), alg: 'HS256' }, {}],
    ] as const) {
      const key = await session.importKey(input, { ...options, class: 'SECRET_KEY' });
      expect(await key.sign('HMAC-SHA256', MESSAGE)).toEqual(expected);
      await key.destroy();
    }
  });

  testOn('key_ops of a JSON web key is the default of usage, and usage replaces it', async () => {
    const [{ pair } = expect.unreachable()] = supported;
    const jwk = { ...pair.privateKey.export({ format: 'jwk' }), key_ops: ['decrypt', 'unwrapKey'] };
    const key = await session.importKey(jwk);
    expect(await key.attributes('sign', 'decrypt', 'unwrap')).toEqual({
      ...{ sign: false, decrypt: true, unwrap: true },
    });
    const signing = await session.importKey(jwk, { usage: ['sign'] });
    expect(await signing.attributes('sign', 'decrypt', 'unwrap')).toEqual({
      ...{ sign: true, decrypt: false, unwrap: false },
    });
    await key.destroy();
    await signing.destroy();
  });

  testOn('the default id is the SHA-1 of the public key', async () => {
    const { pair } = KINDS[1] as Kind;
    const point = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
    const key = await session.importKey(pair.publicKey);
    expect(key.id).toEqual(createHash('sha1').update(point).digest());
    await key.destroy();
  });

  testOn('id, label and further attributes of the options are set', async () => {
    const { pair } = KINDS[1] as Kind;
    const key = await session.importKey(pair.privateKey, {
      ...{ id: Buffer.from([7]), label: 'seven', attributes: { modifiable: false } },
    });
    expect([key.id, key.label]).toEqual([Buffer.from([7]), 'seven']);
    expect(await key.attribute('modifiable')).toBe(false);
  });

  testOn('the class PUBLIC_KEY imports the public half of a private key', async () => {
    const { pair } = KINDS[1] as Kind;
    const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
    const key = await session.importKey(pem as string, { class: 'PUBLIC_KEY' });
    expect(spki(await key.toKeyObject())).toBe(spki(pair.publicKey));
    expect(await key.attributes('privateExponent', 'value')).not.toHaveProperty('value');
    await key.destroy();
  });

  testOn('a key with explicit parameters and a compressed point gets a named curve', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' });
    const key = await session.importKey(pair.privateKey, { class: 'PRIVATE_KEY' });
    const half = await session.importKey(pair.publicKey, { class: 'PUBLIC_KEY' });
    expect(await half.attribute('ecParams')).toEqual(Buffer.from('06082a8648ce3d030107', 'hex'));
    const signature = await key.sign('ECDSA-SHA256', MESSAGE);
    expect(verify('sha256', MESSAGE, { key: createPublicKey(pair.privateKey), ...P1363 }, signature)).toBe(
      true,
    );
    expect((await key.publicKey()).handle).toBe(half.handle);
  });
});
