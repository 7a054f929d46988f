import { constants, createHash, type KeyObject, verify as nodeVerify } from 'node:crypto';
import type { KeyPair, Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../../support/open';

let opened: Opened;
let session: Session;
let rsa: KeyPair & { readonly key: KeyObject };
const ec: Record<string, KeyPair & { readonly key: KeyObject }> = {};
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
  const pair = await session.generateKeyPair('RSA', { modulusBits: 2048 });
  rsa = { ...pair, key: await pair.publicKey.toKeyObject() };
  for (const curve of ['P-256', 'P-384', 'P-521', 'secp256k1']) {
    const made = await session.generateKeyPair('EC', { curve });
    ec[curve] = { ...made, key: await made.publicKey.toKeyObject() };
  }
});
afterAll(() => opened.close());

const MESSAGE = Buffer.from('a message that is digested elsewhere');
const digestOf = (hash: string): Buffer => createHash(hash).update(MESSAGE).digest();
const on = (curve: string): KeyPair & { readonly key: KeyObject } => ec[curve] as (typeof ec)[string];

describe('signDigest() makes the signature of the message', () => {
  test.each(['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512'])('RSA-PKCS1-%s', async (hash) => {
    const [algorithm, digest] = [`RSA-PKCS1-${hash}`, digestOf(hash.toLowerCase())];
    const signature = await rsa.privateKey.signDigest(algorithm, digest);
    expect(nodeVerify(hash, MESSAGE, rsa.key, signature)).toBe(true);
    expect(signature).toEqual(await rsa.privateKey.sign(algorithm, MESSAGE));
    expect(await rsa.publicKey.verifyDigest(algorithm, digest, signature)).toBe(true);
    digest.writeUInt8(digest.readUInt8(0) ^ 1, 0);
    expect(await rsa.publicKey.verifyDigest(algorithm, digest, signature)).toBe(false);
  });

  test.each([undefined, 0, 20])('RSA-PSS-SHA256 with salt length %s', async (saltLength) => {
    const algorithm = saltLength === undefined ? 'RSA-PSS-SHA256' : { name: 'RSA-PSS-SHA256', saltLength };
    const signature = await rsa.privateKey.signDigest(algorithm, digestOf('sha256'));
    const key = { key: rsa.key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltLength ?? 32 };
    expect(nodeVerify('sha256', MESSAGE, key, signature)).toBe(true);
    expect(await rsa.publicKey.verifyDigest(algorithm, digestOf('sha256'), signature)).toBe(true);
  });

  test.each(['P-256', 'P-384', 'P-521', 'secp256k1'])(
    'ECDSA-SHA512 on %s, whose order may be shorter',
    async (curve) => {
      const { privateKey, publicKey, key } = on(curve);
      const signature = await privateKey.signDigest('ECDSA-SHA512', digestOf('sha512'));
      expect(nodeVerify('sha512', MESSAGE, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
      expect(await publicKey.verifyDigest('ECDSA-SHA512', digestOf('sha512'), signature)).toBe(true);
      expect(await publicKey.verifyDigest('ECDSA-SHA512', digestOf('sha512'), signature.subarray(1))).toBe(
        false,
      );
    },
  );

  test('and refuses other lengths and algorithms that sign messages before a call', async () => {
    const { privateKey } = on('P-256');
    const refused: [() => Promise<unknown>, string][] = [
      [() => privateKey.signDigest('ECDSA-SHA256', digestOf('sha1')), 'ERR_OUT_OF_RANGE'],
      [() => privateKey.signDigest('ECDSA-SHA256', Buffer.alloc(0)), 'ERR_OUT_OF_RANGE'],
      [() => privateKey.signDigest('ECDSA-SHA256', wrong('text')), 'ERR_INVALID_ARG_TYPE'],
      [() => privateKey.signDigest('EdDSA', digestOf('sha256')), 'ERR_INVALID_ARG_VALUE'],
      [() => privateKey.signDigest('HMAC-SHA256', digestOf('sha256')), 'ERR_INVALID_ARG_VALUE'],
      [() => privateKey.signDigest('ECDSA-SHA265', digestOf('sha256')), 'ERR_INVALID_ARG_VALUE'],
      [() => privateKey.signDigest('RSA-PKCS1-SHA256', digestOf('sha256')), 'CKR_KEY_TYPE_INCONSISTENT'],
    ];
    for (const [attempt, code] of refused)
      expect(await failure(attempt), String(attempt)).toMatchObject({ code });
  });
});

describe('ECDSA with options for the form of the signature', () => {
  test.each(['P-256', 'P-384', 'P-521', 'secp256k1'])('on %s: DER and low s', async (curve) => {
    const { privateKey, publicKey, key } = on(curve);
    const order = {
      'P-256': 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
      secp256k1: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
    }[curve];
    const der = { name: 'ECDSA-SHA256', format: 'der' };
    const low = { name: 'ECDSA-SHA256', lowS: true };
    for (let round = 0; round < 12; round += 1) {
      const signature =
        round % 2 === 0 ? await privateKey.sign(der, MESSAGE) : privateKey.signSync(der, MESSAGE);
      expect(nodeVerify('sha256', MESSAGE, { key, dsaEncoding: 'der' }, signature)).toBe(true);
      expect(await publicKey.verify(der, MESSAGE, signature)).toBe(true);
      expect(publicKey.verifySync(der, MESSAGE, signature)).toBe(true);
      expect(await publicKey.verify('ECDSA-SHA256', MESSAGE, signature)).toBe(false);
      const plain = await privateKey.sign(low, MESSAGE);
      expect(nodeVerify('sha256', MESSAGE, { key, dsaEncoding: 'ieee-p1363' }, plain)).toBe(true);
      expect(await publicKey.verify(low, MESSAGE, plain)).toBe(true);
      const half = plain.length / 2;
      if (order === undefined) continue;
      const [n, s] = [BigInt(`0x${order}`), BigInt(`0x${plain.toString('hex', half)}`)];
      expect(s <= n / 2n).toBe(true);
      const high = Buffer.concat([
        plain.subarray(0, half),
        Buffer.from((n - s).toString(16).padStart(2 * half, '0'), 'hex'),
      ]);
      expect(await publicKey.verify('ECDSA-SHA256', MESSAGE, high)).toBe(true);
      expect(await publicKey.verify(low, MESSAGE, high)).toBe(false);
      expect(publicKey.verifySync(low, MESSAGE, high)).toBe(false);
    }
    const both = { name: 'ECDSA-SHA256', format: 'der', lowS: true };
    const signature = await privateKey.signDigest(both, digestOf('sha256'));
    expect(nodeVerify('sha256', MESSAGE, { key, dsaEncoding: 'der' }, signature)).toBe(true);
    expect(await publicKey.verifyDigest(both, digestOf('sha256'), signature)).toBe(true);
  });

  test('accepts one encoding of a signature only', async () => {
    const { publicKey } = on('P-256');
    const { privateKey } = on('P-256');
    const der = { name: 'ECDSA-SHA256', format: 'der' };
    const signature = await privateKey.sign(der, MESSAGE);
    const longer = Buffer.concat([Buffer.from([0x30, 0x81, signature.length - 2]), signature.subarray(2)]);
    for (const other of [
      longer,
      signature.subarray(0, -1),
      Buffer.concat([signature, Buffer.alloc(1)]),
      Buffer.alloc(0),
    ]) {
      expect(await publicKey.verify(der, MESSAGE, other)).toBe(false);
    }
  });

  test('refuses unknown formats, other types, and other algorithms', async () => {
    const { privateKey } = on('P-256');
    const sign = (algorithm: object) => failure(privateKey.sign(wrong(algorithm), MESSAGE));
    expect(await sign({ name: 'ECDSA-SHA256', format: 'DER' })).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringMatching(/did you mean "der"/),
    });
    expect(await sign({ name: 'ECDSA-SHA256', lowS: 1 })).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(await sign({ name: 'EdDSA', format: 'der' })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });
});
