/**
 * Key pairs and domain parameters that a token generates are random and have no known answers. node:crypto checks results of
 * the keys, and parameters are checked against their requirements.
 */
import {
  checkPrimeSync,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  getDiffieHellman,
  type JsonWebKey,
  verify,
} from 'node:crypto';
import type { MechanismName, Session } from 'cryptoki';
import { CKA, CKD, CKK, CKM, CKO, type RawAttribute } from 'cryptoki/raw';
import { expect, test } from 'vitest';
import { DSA_KEY } from './data/dsa';
import { DIGEST_INFO } from './data/rsa';
import { hex, text } from './support/bytes';
import { dsaPublicKey } from './support/dsa';
import { CURVES, mechanismNumber, takeValue } from './support/keys';
import { onEachModule } from './support/modules';
import { NSS } from './support/nss';

const yes = (...types: number[]): RawAttribute[] => types.map((type) => ({ type, value: true }));

/** Generates a pair and reads attributes of its public half. */
async function generatePair(
  session: Session,
  mechanism: MechanismName,
  [publicTemplate, privateTemplate]: readonly [readonly RawAttribute[], readonly RawAttribute[]],
  attributes: readonly number[],
): Promise<{ publicKey: bigint; privateKey: bigint; values: Buffer[] }> {
  const { raw } = session.token.slot.module;
  const how = { mechanism: mechanismNumber(mechanism) };
  const pair = await raw.C_GenerateKeyPair(session.handle, how, [...publicTemplate], [...privateTemplate]);
  const read = await raw.C_GetAttributeValue(session.handle, pair.publicKey, [...attributes]);
  return { ...pair, values: read.map(({ value }) => value as Buffer) };
}

async function signWith(session: Session, mechanism: number, key: bigint, message: Buffer): Promise<Buffer> {
  const { raw } = session.token.slot.module;
  await raw.C_SignInit(session.handle, { mechanism }, key);
  return raw.C_Sign(session.handle, message);
}

async function agree(session: Session, mechanism: number, parameter: object, key: bigint): Promise<string> {
  const { raw } = session.token.slot.module;
  const made = await raw.C_DeriveKey(session.handle, { mechanism, parameter }, key, [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
    { type: CKA.SENSITIVE, value: false },
    { type: CKA.EXTRACTABLE, value: true },
    { type: CKA.VALUE_LEN, value: parameter instanceof Buffer ? 256 : 32 },
  ]);
  return takeValue(session, made);
}

/** The last bytes are the point, with and without the OCTET STRING around it. */
const pointOf = (value: Buffer | undefined, length: number): Buffer =>
  (value ?? Buffer.alloc(0)).subarray(-length);
const jwk = (key: JsonWebKey) => createPublicKey({ format: 'jwk', key });
const base64url = (value: Buffer | undefined): string => value?.toString('base64url') ?? '';
const message = text('a message');
const number = (value: Buffer | undefined): bigint => BigInt(`0x${value?.toString('hex') ?? '0'}`);

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let made = 1n;
  for (let [e, b] = [exponent, base]; e > 0n; e >>= 1n, b = (b * b) % modulus)
    if ((e & 1n) === 1n) made = (made * b) % modulus;
  return made;
}

const EC_GENERATORS: readonly (readonly [MechanismName, string])[] = [
  ['EC_KEY_PAIR_GEN', 'EC_KEY_PAIR_GEN'],
  [NSS.ECDHE_NO_PAIRWISE_CHECK_KEY_PAIR_GEN, 'CKM_NSS_ECDHE_NO_PAIRWISE_CHECK_KEY_PAIR_GEN'],
];

onEachModule((target) => {
  test('generates with RSA_PKCS_KEY_PAIR_GEN; node:crypto verifies', async (context) => {
    await target.run(context, ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS'], async (session) => {
      const size = { type: CKA.MODULUS_BITS, value: 2048 };
      const exponent = { type: CKA.PUBLIC_EXPONENT, value: hex('010001') };
      const templates = [[size, exponent, ...yes(CKA.VERIFY)], yes(CKA.SIGN)] as const;
      const wanted = [CKA.MODULUS, CKA.PUBLIC_EXPONENT];
      const pair = await generatePair(session, 'RSA_PKCS_KEY_PAIR_GEN', templates, wanted);
      const [n, e] = pair.values;
      expect(n).toHaveLength(256);
      const info = Buffer.concat([DIGEST_INFO.SHA256, createHash('sha256').update(message).digest()]);
      const signature = await signWith(session, CKM.RSA_PKCS, pair.privateKey, info);
      const key = jwk({ kty: 'RSA', n: base64url(n), e: base64url(e) });
      expect(verify('SHA256', message, key, signature)).toBe(true);
    });
  });

  for (const [mechanism, name] of EC_GENERATORS) {
    test(`generates with ${name}; node:crypto agrees on a secret`, async (context) => {
      await target.run(context, [mechanism, 'ECDH1_DERIVE'], async (session) => {
        const curve = { type: CKA.EC_PARAMS, value: hex(CURVES['P-256'].oid) };
        const templates = [[curve], yes(CKA.DERIVE)] as const;
        const pair = await generatePair(session, mechanism, templates, [CKA.EC_POINT]);
        const ecdh = createECDH('prime256v1');
        const parameter = { kdf: CKD.NULL, publicData: ecdh.generateKeys() };
        const secret = await agree(session, CKM.ECDH1_DERIVE, parameter, pair.privateKey);
        expect(secret).toBe(ecdh.computeSecret(pointOf(pair.values[0], 65)).toString('hex'));
      });
    });
  }

  test('generates with EC_EDWARDS_KEY_PAIR_GEN; node:crypto makes the same public key', async (context) => {
    await target.run(context, ['EC_EDWARDS_KEY_PAIR_GEN'], async (session) => {
      const curve = { type: CKA.EC_PARAMS, value: hex(CURVES.Ed25519.oid) };
      const readable = [{ type: CKA.SENSITIVE, value: false }, ...yes(CKA.SIGN, CKA.EXTRACTABLE)];
      const templates = [[curve, ...yes(CKA.VERIFY)], readable] as const;
      const pair = await generatePair(session, 'EC_EDWARDS_KEY_PAIR_GEN', templates, [CKA.EC_POINT]);
      const d = Buffer.from(await takeValue(session, pair.privateKey), 'hex');
      const [x, crv] = [base64url(pointOf(pair.values[0], 32)), 'Ed25519'];
      const key = createPrivateKey({ format: 'jwk', key: { kty: 'OKP', crv, d: base64url(d), x } });
      expect(createPublicKey(key).export({ format: 'jwk' }).x).toBe(x);
    });
  });

  test('generates with EC_MONTGOMERY_KEY_PAIR_GEN; node:crypto agrees on a secret', async (context) => {
    await target.run(context, ['EC_MONTGOMERY_KEY_PAIR_GEN', 'ECDH1_DERIVE'], async (session) => {
      const curve = { type: CKA.EC_PARAMS, value: hex(CURVES.X25519.oid) };
      const templates = [[curve], yes(CKA.DERIVE)] as const;
      const pair = await generatePair(session, 'EC_MONTGOMERY_KEY_PAIR_GEN', templates, [CKA.EC_POINT]);
      const mine = generateKeyPairSync('x25519');
      const publicData = Buffer.from(`${mine.publicKey.export({ format: 'jwk' }).x}`, 'base64url');
      const parameter = { kdf: CKD.NULL, publicData };
      const secret = await agree(session, CKM.ECDH1_DERIVE, parameter, pair.privateKey);
      const theirs = jwk({ kty: 'OKP', crv: 'X25519', x: base64url(pointOf(pair.values[0], 32)) });
      const wanted = diffieHellman({ privateKey: mine.privateKey, publicKey: theirs });
      expect(secret).toBe(wanted.toString('hex'));
    });
  });

  test('generates with DSA_KEY_PAIR_GEN; node:crypto verifies', async (context) => {
    await target.run(context, ['DSA_KEY_PAIR_GEN', 'DSA_SHA1'], async (session) => {
      const { p, q, g } = DSA_KEY;
      const domain = [
        { type: CKA.PRIME, value: p },
        { type: CKA.SUBPRIME, value: q },
        { type: CKA.BASE, value: g },
      ];
      const templates = [[...domain, ...yes(CKA.VERIFY)], yes(CKA.SIGN)] as const;
      const pair = await generatePair(session, 'DSA_KEY_PAIR_GEN', templates, [CKA.VALUE]);
      const key = dsaPublicKey({ p, q, g, y: pair.values[0] ?? Buffer.alloc(0) });
      const signature = await signWith(session, CKM.DSA_SHA1, pair.privateKey, message);
      expect(verify('sha1', message, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    });
  });

  test('generates with DH_PKCS_KEY_PAIR_GEN; node:crypto agrees on a secret', async (context) => {
    await target.run(context, ['DH_PKCS_KEY_PAIR_GEN', 'DH_PKCS_DERIVE'], async (session) => {
      const mine = getDiffieHellman('modp14');
      const theirs = mine.generateKeys();
      const group = [
        { type: CKA.PRIME, value: mine.getPrime() },
        { type: CKA.BASE, value: mine.getGenerator() },
      ];
      const templates = [group, yes(CKA.DERIVE)] as const;
      const pair = await generatePair(session, 'DH_PKCS_KEY_PAIR_GEN', templates, [CKA.VALUE]);
      const secret = await agree(session, CKM.DH_PKCS_DERIVE, theirs, pair.privateKey);
      const wanted = mine.computeSecret(pair.values[0] ?? Buffer.alloc(0)).toString('hex');
      expect(secret.padStart(512, '0')).toBe(wanted.padStart(512, '0'));
    });
  });

  test('generates with DSA_PARAMETER_GEN parameters as FIPS 186 requires', async (context) => {
    await target.run(context, ['DSA_PARAMETER_GEN'], async (session) => {
      const { raw } = session.token.slot.module;
      const made = await raw.C_GenerateKey(session.handle, { mechanism: CKM.DSA_PARAMETER_GEN }, [
        { type: CKA.CLASS, value: CKO.DOMAIN_PARAMETERS },
        { type: CKA.KEY_TYPE, value: CKK.DSA },
        { type: CKA.PRIME_BITS, value: 1024 },
      ]);
      const read = await raw.C_GetAttributeValue(session.handle, made, [CKA.PRIME, CKA.SUBPRIME, CKA.BASE]);
      const [p, q, g] = read.map(({ value }) => number(value as Buffer)) as [bigint, bigint, bigint];
      expect([p, q].map((value) => value.toString(2).length)).toEqual([1024, 160]);
      expect(checkPrimeSync(p)).toBe(true);
      expect(checkPrimeSync(q)).toBe(true);
      expect((p - 1n) % q).toBe(0n);
      expect(g > 1n && power(g, q, p) === 1n).toBe(true);
      await raw.C_DestroyObject(session.handle, made);
    });
  });

  test('generates with DH_PKCS_PARAMETER_GEN a safe prime', async (context) => {
    await target.run(context, ['DH_PKCS_PARAMETER_GEN'], async (session) => {
      const { raw } = session.token.slot.module;
      const made = await raw.C_GenerateKey(session.handle, { mechanism: CKM.DH_PKCS_PARAMETER_GEN }, [
        { type: CKA.CLASS, value: CKO.DOMAIN_PARAMETERS },
        { type: CKA.KEY_TYPE, value: CKK.DH },
        { type: CKA.PRIME_BITS, value: 512 },
      ]);
      const read = await raw.C_GetAttributeValue(session.handle, made, [CKA.PRIME, CKA.BASE]);
      const [p, g] = read.map(({ value }) => number(value as Buffer)) as [bigint, bigint];
      expect(p.toString(2)).toHaveLength(512);
      expect(checkPrimeSync(p)).toBe(true);
      expect(checkPrimeSync((p - 1n) / 2n)).toBe(true);
      expect(g > 1n && g < p - 1n).toBe(true);
      await raw.C_DestroyObject(session.handle, made);
    });
  });
});
