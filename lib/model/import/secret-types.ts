/** Types of secret keys, and the lengths of their values. */
import { outOfRange, wrongValue } from '../../core/argument-errors';
import type { KeyType } from '../objects/identity';

const ASYMMETRIC: readonly KeyType[] = [
  ...(['RSA', 'DSA', 'DH', 'EC', 'X9_42_DH', 'KEA', 'EC_EDWARDS', 'EC_MONTGOMERY', 'GOSTR3410'] as const),
  ...(['ML_DSA', 'ML_KEM', 'SLH_DSA', 'HSS', 'XMSS', 'XMSSMT'] as const),
];

/** The lengths of values in bytes; other types of secret keys have any length but 0. */
const LENGTHS: Readonly<Record<string, readonly number[]>> = {
  AES: [16, 24, 32],
  AES_XTS: [32, 64],
  DES: [8],
  DES2: [16],
  DES3: [24],
  CHACHA20: [32],
  POLY1305: [32],
  CAMELLIA: [16, 24, 32],
  ARIA: [16, 24, 32],
  SEED: [16],
};

/** Algorithms of JSON web keys (RFC 7518) whose keys are AES keys; the number is the length in bits. */
const AES_ALGORITHM = /^A(128|192|256)(GCM|GCMKW|KW|CBC|CTR)$/;

/** Returns true for the type of a secret key, also of a vendor. */
export function isSecretType(keyType: KeyType): boolean {
  return !ASYMMETRIC.includes(keyType);
}

/**
 * Returns the type of a secret key.
 * @param wanted the option keyType
 * @param algorithm alg of a JSON web key
 * @throws TypeError ERR_INVALID_ARG_VALUE
 */
export function secretTypeOf(wanted: KeyType | undefined, algorithm: string | undefined): KeyType {
  const ofAlgorithm: KeyType | undefined = AES_ALGORITHM.test(String(algorithm))
    ? 'AES'
    : /^HS\d+$/.test(String(algorithm))
      ? 'GENERIC_SECRET'
      : undefined;
  const keyType = wanted ?? ofAlgorithm;
  if (keyType !== undefined) return keyType;
  throw wrongValue(
    "the type of a secret key must be given, as keyType: 'AES', 'GENERIC_SECRET' (for HMAC) or another",
  );
}

/** @throws RangeError ERR_OUT_OF_RANGE for a value of a wrong length; TypeError ERR_INVALID_ARG_VALUE */
export function checkSecret(keyType: KeyType, value: Buffer, algorithm: string | undefined): void {
  const lengths = LENGTHS[String(keyType)];
  const name = `the length of a key of type ${keyType}`;
  if (lengths === undefined && value.length === 0) throw outOfRange(name, 'at least 1 byte', 0);
  if (lengths !== undefined && !lengths.includes(value.length)) {
    throw outOfRange(name, `${lengths.join(', ').replace(/, (\d+)$/, ' or $1')} bytes`, value.length);
  }
  const bits = AES_ALGORITHM.exec(String(algorithm))?.[1];
  if (keyType === 'AES' && bits !== undefined && Number(bits) !== 8 * value.length) {
    throw wrongValue(`the JSON web key has alg ${algorithm}, but a value of ${8 * value.length} bits`);
  }
}
