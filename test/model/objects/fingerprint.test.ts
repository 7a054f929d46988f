import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Attributes, StorageObject } from 'cryptoki';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Opened, openToken } from '../../support/open';

type FingerprintOf = (
  key: StorageObject,
  ecParams: Buffer | undefined,
) => Promise<{ fits(key: StorageObject): Promise<boolean> } | undefined>;
// Of the build that the tests use: its classes are those of the objects.
const { fingerprintOf } = createRequire(import.meta.url)('../../../dist/model/objects/fingerprint.js') as {
  fingerprintOf: FingerprintOf;
};

let opened: Opened;
beforeAll(async () => {
  opened = await openToken();
});
afterAll(() => opened.close());

const secret = (keyType: 'AES' | 'GENERIC_SECRET', usage: Attributes) => (): Promise<StorageObject> =>
  opened.session.createObject({ class: 'SECRET_KEY', keyType, ...usage, value: randomBytes(32) });
const pair =
  (...[type, options]: Parameters<Opened['session']['generateKeyPair']>) =>
  async (): Promise<StorageObject> =>
    (await opened.session.generateKeyPair(type, options)).privateKey;

const KINDS: Readonly<Record<string, () => Promise<StorageObject>>> = {
  'EC, that signs': pair('EC', { curve: 'P-256' }),
  'EC on P-521, that signs': pair('EC', { curve: 'P-521' }),
  'EC, that agrees only': pair('EC', { curve: 'P-384', usage: ['derive'] }),
  'RSA, that signs': pair('RSA'),
  'EC_EDWARDS, that signs': pair('EC_EDWARDS', { curve: 'Ed25519' }),
  'AES, that encrypts': secret('AES', { encrypt: true, decrypt: false }),
  'AES, that decrypts': secret('AES', { encrypt: false, decrypt: true }),
  'AES, that makes MACs': secret('AES', { sign: true, encrypt: false, decrypt: false }),
  'GENERIC_SECRET, that makes MACs': secret('GENERIC_SECRET', { sign: true }),
};

test.each(Object.entries(KINDS))(
  'the fingerprint of a key of type %s fits it, and no other',
  async (_, make) => {
    const [key, another] = [await make(), await make()];
    const { ecParams } = await key.attributes('ecParams');
    const fingerprint = await fingerprintOf(key, ecParams);
    for (let i = 0; i < 2; i += 1) {
      expect(await fingerprint?.fits(key)).toBe(true);
      expect(await fingerprint?.fits(another)).toBe(false);
    }
  },
);

test('the fingerprint of a key does not match a key that does not allow the operation', async () => {
  const signs = await pair('RSA')();
  const decrypts = await pair('RSA', { usage: ['decrypt'] })();
  expect(await (await fingerprintOf(signs, undefined))?.fits(decrypts)).toBe(false);
});

test('a key that allows no operation has no fingerprint', async () => {
  const idle = await secret('AES', { encrypt: false, decrypt: false, sign: false })();
  expect(await fingerprintOf(idle, undefined)).toBeUndefined();
  const wraps = await pair('RSA', { usage: ['unwrap'] })();
  expect(await fingerprintOf(wraps, undefined)).toBeUndefined();
});

test('a lost session is not mistaken for a key that allows no operation', async () => {
  const session = await opened.token.openSession();
  const key = (await pair('EC', { curve: 'P-256' })()).on(session);
  const { ecParams } = await key.attributes('ecParams');
  await session.close();
  await expect(fingerprintOf(key, ecParams)).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_SESSION_CLOSED' });
});
