import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { MechanismInput, PublicKey, Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNss, whyNoNss } from '../../support/nss';
import { failure, openToken } from '../../support/open';

const MESSAGE = Buffer.from('a message');
const decode = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');

/** DER of an OCTET STRING of less than 256 bytes. */
function octetString(bytes: Buffer): Buffer {
  const header = bytes.length < 128 ? [4, bytes.length] : [4, 0x81, bytes.length];
  return Buffer.concat([Buffer.from(header), bytes]);
}

async function importEc(session: Session, key: KeyObject, oid: string): Promise<PublicKey> {
  const { x, y } = key.export({ format: 'jwk' });
  return (await session.createObject({
    ...{ class: 'PUBLIC_KEY', keyType: 'EC', token: false, private: false, verify: true },
    ecParams: Buffer.from(oid, 'hex'),
    ecPoint: octetString(Buffer.concat([Buffer.from([4]), decode(x), decode(y)])),
  })) as PublicKey;
}

/** A signature on P-521 in which r and s begin with a zero, as every fourth does. */
function withLeadingZeros(key: KeyObject): Buffer {
  for (;;) {
    const signature = sign('sha256', MESSAGE, { key, dsaEncoding: 'ieee-p1363' });
    if (signature[0] === 0 && signature[66] === 0) return signature;
  }
}

/** The same number of bytes less in both halves, which some modules take. */
const withoutZeros = (signature: Buffer): Buffer =>
  Buffer.concat([signature.subarray(1, 66), signature.subarray(67)]);

/** All ways to verify. */
async function answers(
  key: PublicKey,
  algorithm: MechanismInput,
  signature: Buffer,
  isStreamable = true,
): Promise<boolean[]> {
  const { session } = key;
  const many = await key.verifyMany(algorithm, [{ data: MESSAGE, signature }]);
  const fresh = await session.token.openSession();
  const results = [
    await key.on(fresh).verify(algorithm, MESSAGE, signature),
    key.verifySync(algorithm, MESSAGE, signature),
    many.at(0),
  ];
  await fresh.close();
  if (!isStreamable) return results;
  const stream = key.createVerify(algorithm, signature);
  stream.write(MESSAGE);
  return [...results, await stream.final()];
}

interface Opened {
  readonly session: Session;
  close(): Promise<void>;
}

const MODULES: [string, string | undefined, () => Promise<Opened>][] = [
  ['SoftHSM2', undefined, () => openToken()],
  [`NSS${whyNoNss === undefined ? '' : ` (${whyNoNss})`}`, whyNoNss, () => openNss()],
];

for (const [name, why, open] of MODULES) {
  describe.skipIf(why !== undefined)(`with ${name}`, () => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.close());

    test('an ECDSA signature without its leading zeros is invalid, also at the first verification', async () => {
      for (let round = 0; round < 4; round += 1) {
        const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-521' });
        const right = withLeadingZeros(privateKey);
        const short = withoutZeros(right);
        const make = (): Promise<PublicKey> => importEc(opened.session, publicKey, '06052b81040023');
        expect(await (await make()).verify('ECDSA-SHA256', MESSAGE, short)).toBe(false);
        expect((await make()).verifySync('ECDSA-SHA256', MESSAGE, short)).toBe(false);
        expect(
          (await (await make()).verifyMany('ECDSA-SHA256', [{ data: MESSAGE, signature: short }])).at(0),
        ).toBe(false);
        const key = await make();
        expect(await answers(key, 'ECDSA-SHA256', short)).toEqual([false, false, false, false]);
        expect(await answers(key, 'ECDSA-SHA256', right)).toEqual([true, true, true, true]);
      }
    });

    test.each([
      ['empty', 0],
      ['of one byte', 1],
      ['one byte shorter', 63],
      ['two bytes shorter', 62],
      ['one byte longer', 65],
      ['two bytes longer', 66],
      ['as long as with P-384', 96],
      ['of 5,000 bytes', 5000],
    ])('an ECDSA signature that is %s is false', async (_, length) => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const key = await importEc(opened.session, publicKey, '06082a8648ce3d030107');
      const right = sign('sha256', MESSAGE, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const other = Buffer.concat([right, Buffer.alloc(5000)]).subarray(0, length);
      expect(await answers(key, 'ECDSA-SHA256', other)).toEqual([false, false, false, false]);
    });

    test('an ECDSA signature in DER is invalid', async () => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const key = await importEc(opened.session, publicKey, '06082a8648ce3d030107');
      expect(await answers(key, 'ECDSA-SHA256', sign('sha256', MESSAGE, privateKey))).not.toContain(true);
    });

    // Those of NSS are in test/contract: the NSS of distributions has none.
    test.skipIf(name !== 'SoftHSM2').each([0, 1, 63, 65, 114, 128])(
      'an Ed25519 signature of %i bytes is false',
      async (length) => {
        const { publicKey, privateKey } = generateKeyPairSync('ed25519');
        const key = (await opened.session.createObject({
          ...{ class: 'PUBLIC_KEY', keyType: 'EC_EDWARDS', token: false, private: false, verify: true },
          ecParams: Buffer.from('06032b6570', 'hex'),
          ecPoint: octetString(decode(publicKey.export({ format: 'jwk' }).x)),
        })) as PublicKey;
        const right = sign(null, MESSAGE, privateKey);
        const other = Buffer.concat([right, right]).subarray(0, length);
        expect(await answers(key, 'EdDSA', other, false)).toEqual([false, false, false]);
      },
    );

    test.each([0, 1, 255, 257, 512])('an RSA signature of %i bytes is false', async (length) => {
      const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const { n, e } = publicKey.export({ format: 'jwk' });
      const key = (await opened.session.createObject({
        ...{ class: 'PUBLIC_KEY', keyType: 'RSA', token: false, private: false, verify: true },
        ...{ modulus: decode(n), publicExponent: decode(e) },
      })) as PublicKey;
      const right = sign('sha256', MESSAGE, privateKey);
      const other = Buffer.concat([right, right]).subarray(0, length);
      for (const algorithm of ['RSA-PKCS1-SHA256', 'RSA-PSS-SHA256']) {
        expect(await answers(key, algorithm, other)).toEqual([false, false, false, false]);
      }
    });

    test('signatures of a wrong length in a batch are invalid, and the others keep their places', async () => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const key = await importEc(opened.session, publicKey, '06082a8648ce3d030107');
      const messages = Array.from({ length: 50 }, (_, i) => {
        const data = Buffer.from(`message ${i}`);
        const signature = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
        if (i % 7 === 3) return { data, signature: signature.subarray(1) };
        if (i % 11 === 5) return { data: Buffer.from('another'), signature };
        return { data, signature };
      });
      const results = await key.verifyMany('ECDSA-SHA256', messages);
      expect(results.failures.size).toBe(0);
      expect(results.toArray()).toEqual(messages.map((_, i) => i % 7 !== 3 && i % 11 !== 5));
    });

    test('a call after verify() on a session runs after it, also after the first verification', async () => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const session = await opened.session.token.openSession({ readWrite: true });
      const key = await importEc(session, publicKey, '06082a8648ce3d030107');
      const right = sign('sha256', MESSAGE, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const [verified] = await Promise.all([key.verify('ECDSA-SHA256', MESSAGE, right), session.close()]);
      expect(verified).toBe(true);
    });

    test('a signature that is not bytes is refused', async () => {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const key = await importEc(opened.session, publicKey, '06082a8648ce3d030107');
      const text = 'text' as unknown as Buffer;
      expect(await failure(key.verify('ECDSA-SHA256', MESSAGE, text))).toBeInstanceOf(TypeError);
      expect(await failure(() => key.verifySync('ECDSA-SHA256', MESSAGE, text))).toBeInstanceOf(TypeError);
    });
  });
}
