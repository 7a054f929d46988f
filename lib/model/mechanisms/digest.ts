import { createHash } from 'node:crypto';
import { viewOf } from '../../core/arguments';
import { CKG, CKM } from '../../generated/constants';
import type { BytesLike, RawMechanism } from '../../raw/values';
import { asAlgorithm, asMechanism, checkOptions, type MechanismInput, unknownAlgorithm } from './mechanism';

/** A hash function and its names in PKCS#11, node:crypto and DER. */
export interface Hash {
  readonly node: string;
  readonly length: number;
  readonly mechanism: number;
  readonly mgf: number;
  /** DER of DigestInfo up to the digest (RFC 8017, section 9.2). */
  readonly digestInfo: string;
}

/** Hash functions by their name in the names of algorithms. */
export const HASHES: Readonly<Record<string, Hash>> = {
  SHA1: {
    node: 'sha1',
    length: 20,
    mechanism: CKM.SHA_1,
    mgf: CKG.MGF1_SHA1,
    digestInfo: '3021300906052b0e03021a05000414',
  },
  SHA224: {
    node: 'sha224',
    length: 28,
    mechanism: CKM.SHA224,
    mgf: CKG.MGF1_SHA224,
    digestInfo: '302d300d06096086480165030402040500041c',
  },
  SHA256: {
    node: 'sha256',
    length: 32,
    mechanism: CKM.SHA256,
    mgf: CKG.MGF1_SHA256,
    digestInfo: '3031300d060960864801650304020105000420',
  },
  SHA384: {
    node: 'sha384',
    length: 48,
    mechanism: CKM.SHA384,
    mgf: CKG.MGF1_SHA384,
    digestInfo: '3041300d060960864801650304020205000430',
  },
  SHA512: {
    node: 'sha512',
    length: 64,
    mechanism: CKM.SHA512,
    mgf: CKG.MGF1_SHA512,
    digestInfo: '3051300d060960864801650304020305000440',
  },
};

const DIGESTS: Readonly<Record<string, number>> = {
  'SHA-1': CKM.SHA_1,
  'SHA-224': CKM.SHA224,
  'SHA-256': CKM.SHA256,
  'SHA-384': CKM.SHA384,
  'SHA-512': CKM.SHA512,
  'SHA3-224': CKM.SHA3_224,
  'SHA3-256': CKM.SHA3_256,
  'SHA3-384': CKM.SHA3_384,
  'SHA3-512': CKM.SHA3_512,
};

/**
 * Returns the mechanism of a digest algorithm ('SHA-256').
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function digestMechanism(input: MechanismInput): RawMechanism {
  const custom = asMechanism(input);
  if (custom !== undefined) return custom;
  const algorithm = asAlgorithm(input);
  checkOptions(algorithm);
  const mechanism = Object.hasOwn(DIGESTS, algorithm.name) ? DIGESTS[algorithm.name] : undefined;
  if (mechanism === undefined) throw unknownAlgorithm('digest', algorithm.name, Object.keys(DIGESTS));
  return { mechanism };
}

/** Computes the digest of a message with node:crypto on the calling thread. */
export function digestOf(hash: Hash, data: BytesLike): Buffer {
  return createHash(hash.node).update(viewOf(data)).digest();
}
