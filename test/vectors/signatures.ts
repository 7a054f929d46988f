/**
 * RSA and ECDSA by mechanism: the algorithms of the model choose a mechanism, and these tests use each one directly. PKCS#1
 * v1.5 signatures are deterministic, so the one of node:crypto is the vector; others are verified in both directions.
 */
import {
  constants,
  createHash,
  createPublicKey,
  privateEncrypt,
  publicDecrypt,
  sign,
  verify,
} from 'node:crypto';
import { CKG, CKM } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { ECDSA } from './data/ecdsa';
import { DIGEST_INFO, SIGNING_KEY } from './data/rsa';
import { flip, hex, text } from './support/bytes';
import { ecPrivateKey, ecPublicKey, rsaPrivateKey, rsaPublicKey } from './support/keys';
import { onEachModule } from './support/modules';

const PUBLIC_KEY = createPublicKey(SIGNING_KEY);
const message = text('sample');

/** MD2 of "abc" (RFC 1319, A.5). */
const MD2_ABC = hex('da853b0d3f88d99b30283a69e6ded6bb');

const PKCS1 = [
  ...(['MD5', 'SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512'] as const).map((hash) => ({
    mechanism: `${hash}_RSA_PKCS` as const,
    input: message,
    signature: () => sign(hash, message, SIGNING_KEY),
  })),
  {
    mechanism: 'MD2_RSA_PKCS' as const,
    input: text('abc'),
    signature: () => privateEncrypt(SIGNING_KEY, Buffer.concat([DIGEST_INFO.MD2, MD2_ABC])),
  },
  {
    mechanism: 'RSA_PKCS' as const,
    input: Buffer.concat([DIGEST_INFO.SHA256, createHash('sha256').update(message).digest()]),
    signature: () => sign('SHA256', message, SIGNING_KEY),
  },
];

const SALT = { SHA1: 20, SHA224: 28, SHA256: 32, SHA384: 48, SHA512: 64 } as const;
const PSS = Object.entries(SALT).flatMap(([name, sLen]) => {
  const hash = name as keyof typeof SALT;
  const parameter = { hashAlg: CKM[hash === 'SHA1' ? 'SHA_1' : hash], mgf: CKG[`MGF1_${hash}`], sLen };
  const digest = createHash(hash).update(message).digest();
  return [
    { mechanism: `${hash}_RSA_PKCS_PSS` as const, hash, parameter, input: message },
    { mechanism: 'RSA_PKCS_PSS' as const, hash, parameter, input: digest },
  ];
});

/** RFC 6979, A.2.5: SHA-256, "sample". */
const [P256] = ECDSA;
const SAMPLE = P256?.signatures.find(({ hash, message }) => hash === 'SHA256' && message === 'sample');

describe('node:crypto agrees with', () => {
  test('MD2_RSA_PKCS: the DigestInfo in the signature', () => {
    const [signature] = PKCS1.filter(({ mechanism }) => mechanism === 'MD2_RSA_PKCS').map((v) =>
      v.signature(),
    );
    const opened = publicDecrypt(PUBLIC_KEY, signature ?? Buffer.alloc(0));
    expect(opened).toEqual(Buffer.concat([DIGEST_INFO.MD2, MD2_ABC]));
  });
});

onEachModule((target) => {
  for (const { mechanism, input, signature } of PKCS1) {
    test(`signs and verifies with ${mechanism} as node:crypto does`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const wanted = signature();
        const privateKey = await rsaPrivateKey(session, SIGNING_KEY, ['sign']);
        expect((await privateKey.sign({ mechanism }, input)).toString('hex')).toBe(wanted.toString('hex'));
        const publicKey = await rsaPublicKey(session, SIGNING_KEY, ['verify']);
        expect(await publicKey.verify({ mechanism }, input, wanted)).toBe(true);
        await target.expectWrong(publicKey.verify({ mechanism }, input, flip(wanted, 100)));
        await target.expectWrong(publicKey.verify({ mechanism }, flip(input, input.length - 1), wanted));
        await privateKey.destroy();
        await publicKey.destroy();
      });
    });
  }

  for (const { mechanism, hash, parameter, input } of PSS) {
    test(`signs and verifies with ${mechanism} and ${hash} as node:crypto does`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const how = { mechanism, parameter };
        const node = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: parameter.sLen };
        const privateKey = await rsaPrivateKey(session, SIGNING_KEY, ['sign']);
        const made = await privateKey.sign(how, input);
        expect(verify(hash, message, { key: PUBLIC_KEY, ...node }, made)).toBe(true);
        const publicKey = await rsaPublicKey(session, SIGNING_KEY, ['verify']);
        const wanted = sign(hash, message, { key: SIGNING_KEY, ...node });
        expect(await publicKey.verify(how, input, wanted)).toBe(true);
        await target.expectWrong(publicKey.verify(how, input, flip(wanted, 100)));
        await target.expectWrong(publicKey.verify(how, flip(input), wanted));
        await privateKey.destroy();
        await publicKey.destroy();
      });
    });
  }

  test('signs and verifies with ECDSA of a digest: RFC 6979, A.2.5', async (context) => {
    await target.run(context, ['ECDSA'], async (session) => {
      if (P256 === undefined || SAMPLE === undefined) throw new Error('the vector is missing');
      const digest = createHash('sha256').update(message).digest();
      const how = { mechanism: 'ECDSA' } as const;
      const publicKey = await ecPublicKey(session, target, P256.curve, P256.point);
      expect(await publicKey.verify(how, digest, SAMPLE.signature)).toBe(true);
      await target.expectWrong(publicKey.verify(how, flip(digest), SAMPLE.signature));
      const privateKey = await ecPrivateKey(
        ...([session, target, P256.curve, P256.value, P256.point, 'sign'] as const),
      );
      const made = await privateKey.sign(how, digest);
      expect(await publicKey.verify(how, digest, made)).toBe(true);
      const [x, y] = [P256.point.subarray(1, 33), P256.point.subarray(33)];
      const jwk = { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') };
      const key = createPublicKey({ format: 'jwk', key: jwk });
      expect(verify('SHA256', message, { key, dsaEncoding: 'ieee-p1363' }, made)).toBe(true);
      await privateKey.destroy();
      await publicKey.destroy();
    });
  });
});
