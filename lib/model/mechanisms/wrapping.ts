/** Algorithms by name that wrap keys, and those that encapsulate them. */
import { unknownName } from '../../core/argument-errors';
import { ownError } from '../../core/errors';
import { CKM } from '../../generated/constants';
import type { RawMechanism } from '../../raw/values';
import { cipherMechanism } from './cipher';
import { asAlgorithm, asMechanism, checkOptions, type MechanismInput } from './mechanism';

/**
 * Mechanisms of each key wrap, the preferred one first. PKCS#11 before 3.0 did not say if CKM_AES_KEY_WRAP_PAD is RFC 5649; where
 * there is CKM_AES_KEY_WRAP_KWP, it is not (NSS), and where there is none, it is (SoftHSM2).
 */
const KEY_WRAPS: Readonly<Record<string, readonly number[]>> = {
  'AES-KW': [CKM.AES_KEY_WRAP],
  'AES-KWP': [CKM.AES_KEY_WRAP_KWP, CKM.AES_KEY_WRAP_PAD],
};

/** Ciphers that wrap keys, too. AES-CTR is not among them: without authentication a wrapped key can be changed bit by bit. */
const CIPHERS = /^(AES-GCM|AES-CBC|RSA-PKCS1|RSA-OAEP-SHA\d+)$/;

const WRAPPING_NAMES = [
  ...Object.keys(KEY_WRAPS),
  ...[
    'AES-GCM',
    'AES-CBC',
    'RSA-PKCS1',
    'RSA-OAEP-SHA1',
    'RSA-OAEP-SHA256',
    'RSA-OAEP-SHA384',
    'RSA-OAEP-SHA512',
  ],
];

const BY_MECHANISM = { help: "Give a mechanism as { mechanism: 'NAME' }" };

function firstOf(name: string, mechanisms: readonly number[], available: ReadonlySet<number>): RawMechanism {
  const mechanism = mechanisms.find((candidate) => available.has(candidate));
  if (mechanism !== undefined) return { mechanism };
  throw ownError(
    'ERR_CRYPTOKI_UNSUPPORTED',
    `the token has no mechanism for ${name}; slot.mechanisms() lists those that it has`,
  );
}

/**
 * Returns the mechanism of an algorithm that wraps keys: 'AES-KW' (RFC 3394), 'AES-KWP' (RFC 5649), or a cipher with its options.
 * @throws ERR_CRYPTOKI_UNSUPPORTED; TypeError ERR_INVALID_ARG_VALUE, TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE
 */
export function wrappingMechanism(input: MechanismInput, available: ReadonlySet<number>): RawMechanism {
  const custom = asMechanism(input);
  if (custom !== undefined) return custom;
  const algorithm = asAlgorithm(input);
  const { name } = algorithm;
  const wraps = Object.hasOwn(KEY_WRAPS, name) ? KEY_WRAPS[name] : undefined;
  if (wraps !== undefined) {
    checkOptions(algorithm);
    return firstOf(name, wraps, available);
  }
  if (CIPHERS.test(name)) return cipherMechanism(algorithm);
  throw unknownName('wrapping algorithm', name, WRAPPING_NAMES, BY_MECHANISM);
}

/**
 * Returns the mechanism of an algorithm that encapsulates keys: 'ML-KEM' (FIPS 203; the key has the parameter set).
 * @throws as {@link wrappingMechanism}
 */
export function encapsulationMechanism(input: MechanismInput, available: ReadonlySet<number>): RawMechanism {
  const custom = asMechanism(input);
  if (custom !== undefined) return custom;
  const algorithm = asAlgorithm(input);
  if (algorithm.name !== 'ML-KEM') {
    throw unknownName('encapsulation algorithm', algorithm.name, ['ML-KEM'], BY_MECHANISM);
  }
  checkOptions(algorithm);
  return firstOf('ML-KEM', [CKM.ML_KEM], available);
}
