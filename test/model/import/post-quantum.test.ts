import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import type { Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nss, newestNssPath, openNss } from '../../support/nss';
import { failure } from '../../support/open';

const TYPES = [
  ...(['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const),
  ...(['ml-kem-512', 'ml-kem-768', 'ml-kem-1024'] as const),
];
const generate = generateKeyPairSync as unknown as (type: string) => {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
};

function hasPostQuantum(): boolean {
  try {
    return generate('ml-dsa-44').publicKey.type === 'public';
  } catch {
    return false;
  }
}
const isNew = hasPostQuantum();

describe.skipIf(!isNew || newestNssPath === undefined)('post-quantum keys on the newest NSS', () => {
  let nss: Nss;
  let session: Session;
  beforeAll(async () => {
    nss = await openNss(newestNssPath);
    session = nss.session;
  });
  afterAll(() => nss?.close());

  test.each(TYPES)(
    'a %s pair is imported from JWK, PEM and a KeyObject, and exported again',
    async (type) => {
      const { privateKey, publicKey } = generate(type);
      const forms = [
        privateKey.export({ format: 'jwk' }),
        privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
        privateKey,
      ];
      for (const form of forms) {
        const key = await session.importKey(form, {
          ...{ class: 'PRIVATE_KEY', extractable: true, sensitive: false },
        });
        expect(key.keyType).toBe(type.startsWith('ml-dsa') ? 'ML_DSA' : 'ML_KEM');
        expect((await key.exportKey()).equals(privateKey)).toBe(true);
        const half = await session.importKey(publicKey, { class: 'PUBLIC_KEY' });
        expect(half.id).toEqual(key.id);
        expect((await half.toKeyObject()).equals(publicKey)).toBe(true);
        expect(await half.export('jwk')).toEqual(publicKey.export({ format: 'jwk' }));
        if (type.startsWith('ml-dsa')) {
          const message = Buffer.from('a message');
          const signature = await key.sign({ mechanism: 'ML_DSA' }, message);
          expect(verify(null, message, publicKey, signature)).toBe(true);
          expect((await key.publicKey()).handle).toBe(half.handle);
        }
        await key.destroy();
        await half.destroy();
      }
    },
  );

  test.each(TYPES)('a %s pair is kept on the token with the usages of its type', async (type) => {
    const { privateKey, publicKey } = generate(type);
    const key = await session.importKey(privateKey, { class: 'PRIVATE_KEY', token: true });
    const half = await session.importKey(publicKey, { class: 'PUBLIC_KEY', token: true });
    const isKem = type.startsWith('ml-kem');
    expect(await key.attributes('sign', 'decapsulate', 'decrypt', 'sensitive', 'extractable')).toMatchObject({
      ...{ sign: !isKem, decrypt: false, sensitive: true, extractable: false },
      ...(isKem ? { decapsulate: true } : {}),
    });
    expect((await half.toKeyObject()).equals(publicKey)).toBe(true);
    await key.destroy();
    await half.destroy();
  });

  test('a key without seed is imported by its expanded form', async () => {
    const { privateKey } = generate('ml-dsa-44');
    const der = privateKey.export({ type: 'pkcs8', format: 'der' });
    const expanded = der.subarray(-2560);
    // SEQUENCE { 0, AlgorithmIdentifier, OCTET STRING { OCTET STRING expanded } }
    const head = Buffer.from('30820a18020100300b060960864801650304031104820a0404820a00', 'hex');
    const key = await session.importKey(
      createPrivateKey({ key: Buffer.concat([head, expanded]), format: 'der', type: 'pkcs8' }),
      {
        class: 'PRIVATE_KEY',
      },
    );
    const signature = await key.sign({ mechanism: 'ML_DSA' }, Buffer.from('m'));
    expect(verify(null, Buffer.from('m'), createPublicKey(privateKey), signature)).toBe(true);
  });

  test('SLH-DSA keys, which NSS does not have, are refused by the module', async () => {
    const { privateKey } = generate('slh-dsa-sha2-128f');
    expect((await failure(session.importKey(privateKey))).code).toMatch(/^CKR_/);
  });
});

test.skipIf(isNew)('a version of Node without post-quantum keys says so', async () => {
  const { openToken } = await import('../../support/open');
  const { session, close } = await openToken();
  const jwk = { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA', priv: 'AAAA' };
  const error = await failure(session.importKey(jwk));
  expect(error.code).toBe('ERR_CRYPTOKI_UNSUPPORTED');
  expect(error.message).toContain('Node 24.7');
  await close();
});
