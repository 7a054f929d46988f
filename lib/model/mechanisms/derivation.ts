/** Derivation algorithms by name. */
import { outOfRange, unknownName, wrongType } from '../../core/argument-errors';
import { isBytes } from '../../core/arguments';
import { ownError } from '../../core/errors';
import { CKD, CKF, CKM } from '../../generated/constants';
import type { BytesLike, RawMechanism } from '../../raw/values';
import { HASHES, type Hash } from './digest';
import { type Algorithm, asAlgorithm, asMechanism, checkOptions, type MechanismInput } from './mechanism';

/** The names of derivation algorithms. */
export const DERIVATION_NAMES: readonly string[] = ['ECDH', 'HKDF'];

/** Hash functions for key derivation, by their name in node:crypto and WebCrypto: 'SHA-256'. */
const DERIVATION_HASHES = new Map<string, Hash>(
  Object.entries(HASHES).map(([name, hash]) => [name.replace('SHA', 'SHA-'), hash]),
);

/** The X9.63 KDF (ANSI X9.63, section 5.6.3) with each hash function. */
const KDFS: Readonly<Record<string, number>> = {
  'SHA-1': CKD.SHA1_KDF,
  'SHA-224': CKD.SHA224_KDF,
  'SHA-256': CKD.SHA256_KDF,
  'SHA-384': CKD.SHA384_KDF,
  'SHA-512': CKD.SHA512_KDF,
};

function optionalBytes(algorithm: Algorithm, option: string): BytesLike | undefined {
  const value = algorithm[option];
  if (value === undefined || isBytes(value)) return value as BytesLike | undefined;
  throw wrongType(
    `${option} of ${algorithm.name}`,
    'bytes (a Buffer, typed array, DataView or ArrayBuffer)',
    value,
  );
}

function hashOf(algorithm: Algorithm, option: string): Hash {
  const name = algorithm[option];
  const hash = typeof name === 'string' ? DERIVATION_HASHES.get(name) : undefined;
  if (hash !== undefined) return hash;
  if (typeof name !== 'string') {
    throw wrongType(`${option} of ${algorithm.name}`, "the name of a hash function ('SHA-256')", name);
  }
  throw unknownName('hash function', name, DERIVATION_HASHES.keys(), {
    place: ` of ${algorithm.name}`,
    help: 'For another one give a mechanism',
  });
}

/** Returns the algorithm if it is one that this package derives with by name; undefined for a mechanism. */
export function derivationAlgorithm(input: MechanismInput): Algorithm | undefined {
  if (asMechanism(input) !== undefined) return undefined;
  const algorithm = asAlgorithm(input);
  if (DERIVATION_NAMES.includes(algorithm.name)) return algorithm;
  throw unknownName('derivation algorithm', algorithm.name, DERIVATION_NAMES, {
    help: "Give a mechanism as { mechanism: 'NAME' }",
  });
}

/** @throws ERR_CRYPTOKI_UNSUPPORTED */
function requireMechanism(name: string, mechanism: number, available: ReadonlySet<number>): void {
  if (available.has(mechanism)) return;
  throw ownError(
    'ERR_CRYPTOKI_UNSUPPORTED',
    `the token has no mechanism for ${name}; slot.mechanisms() lists those that it has`,
  );
}

/** The members of the mechanism of ECDH that do not depend on the public key of the other party. */
export interface AgreementOptions {
  /** CKD_ */
  readonly kdf: number;
  readonly sharedData: BytesLike | undefined;
  /** True if the length of the value can be chosen. */
  readonly hasKdf: boolean;
}

/**
 * Checks the options of ECDH: `kdf` (a hash function for the X9.63 KDF; default: none) and `sharedData`.
 * @throws ERR_CRYPTOKI_UNSUPPORTED if the token does not have the mechanism
 */
export function agreementOptions(algorithm: Algorithm, available: ReadonlySet<number>): AgreementOptions {
  checkOptions(algorithm, 'publicKey', 'kdf', 'sharedData');
  requireMechanism('ECDH', CKM.ECDH1_DERIVE, available);
  const sharedData = optionalBytes(algorithm, 'sharedData');
  if (algorithm.kdf === undefined) {
    if (sharedData === undefined) return { kdf: CKD.NULL, sharedData, hasKdf: false };
    throw wrongType(
      'kdf of ECDH',
      "the name of a hash function, because 'sharedData' is used by a KDF only",
      undefined,
    );
  }
  hashOf(algorithm, 'kdf');
  return { kdf: KDFS[String(algorithm.kdf)] as number, sharedData, hasKdf: true };
}

/** Returns the mechanism of ECDH with the public key of the other party. */
export function agreementMechanism({ kdf, sharedData }: AgreementOptions, publicData: Buffer): RawMechanism {
  return { mechanism: CKM.ECDH1_DERIVE, parameter: { kdf, sharedData, publicData } };
}

/** HKDF produces at most 255 blocks (RFC 5869, section 2.3). */
const MAX_HKDF_BLOCKS = 255;

/**
 * Returns the mechanism of HKDF (RFC 5869): { hash, salt?, info? }.
 * @param result 'data' if the value is read: modules let derived data be read also if the base key cannot be read
 * @param length of the result in bytes
 * @throws ERR_CRYPTOKI_UNSUPPORTED; RangeError ERR_OUT_OF_RANGE for a length that HKDF cannot produce
 */
export function hkdfMechanism(
  algorithm: Algorithm,
  available: ReadonlySet<number>,
  result: 'key' | 'data',
  length: number,
): RawMechanism {
  checkOptions(algorithm, 'hash', 'salt', 'info');
  const hash = hashOf(algorithm, 'hash');
  const salt = optionalBytes(algorithm, 'salt');
  const mechanism = result === 'data' && available.has(CKM.HKDF_DATA) ? CKM.HKDF_DATA : CKM.HKDF_DERIVE;
  requireMechanism('HKDF', mechanism, available);
  if (length > MAX_HKDF_BLOCKS * hash.length) {
    throw outOfRange('the length of HKDF', `at most ${MAX_HKDF_BLOCKS * hash.length} bytes`, length);
  }
  const hasSalt = salt !== undefined && salt.byteLength > 0;
  const parameter = {
    ...{ extract: true, expand: true, prfHashMechanism: hash.mechanism, saltKey: 0n },
    saltType: hasSalt ? CKF.HKDF_SALT_DATA : CKF.HKDF_SALT_NULL,
    salt: hasSalt ? salt : undefined,
    info: optionalBytes(algorithm, 'info'),
  };
  return { mechanism, parameter };
}
