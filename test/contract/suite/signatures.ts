import { constants, type KeyObject, verify } from 'node:crypto';
import { type Needs, pairNeeds } from './contract';

const HASHES = ['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512'] as const;
export type HashName = (typeof HASHES)[number];

/** A signature algorithm of the model on one type of key. */
export interface SignatureCase {
  readonly title: string;
  readonly algorithm: string;
  /** Curve, or 'RSA'. */
  readonly key: string;
  readonly hash: HashName | null;
  /** Options that node:crypto needs beside the key. */
  readonly node: object;
  needs(flag: 'SIGN' | 'VERIFY'): Needs;
}

function kase(
  algorithm: string,
  key: string,
  hash: HashName | null,
  mechanisms: string[],
  node = {},
): SignatureCase {
  const title = key === 'RSA' || hash === null ? algorithm : `${algorithm} on ${key}`;
  return {
    ...{ title, algorithm, key, hash, node },
    needs: (flag) => [...pairNeeds(key), mechanisms.map((name) => `${name}:${flag}`).join('|')],
  };
}

/** Every signature algorithm of the model with every type of key that fits. A mechanism that signs a digest is sufficient. */
export const SIGNATURES: readonly SignatureCase[] = [
  ...['P-256', 'P-384', 'P-521', 'secp256k1'].flatMap((curve) =>
    HASHES.map((hash) =>
      kase(`ECDSA-${hash}`, curve, hash, [`ECDSA_${hash}`, 'ECDSA'], { dsaEncoding: 'ieee-p1363' }),
    ),
  ),
  ...HASHES.map((hash) => kase(`RSA-PKCS1-${hash}`, 'RSA', hash, [`${hash}_RSA_PKCS`, 'RSA_PKCS'])),
  ...HASHES.map((hash) =>
    kase(`RSA-PSS-${hash}`, 'RSA', hash, [`${hash}_RSA_PKCS_PSS`, 'RSA_PKCS_PSS'], {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }),
  ),
  kase('EdDSA', 'Ed25519', null, ['EDDSA']),
];

export const MACS = HASHES.map((hash) => ({
  algorithm: `HMAC-${hash}`,
  hash,
  mechanism: `${hash === 'SHA1' ? 'SHA_1' : hash}_HMAC`,
}));

/** Verifies a signature with node:crypto. */
export function judge(its: SignatureCase, key: KeyObject, message: Buffer, signature: Buffer): boolean {
  return verify(its.hash, message, { key, ...its.node }, signature);
}
