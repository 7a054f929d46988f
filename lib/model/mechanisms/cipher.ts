/** Encryption algorithms by name. */
import { outOfRange, wrongValue } from '../../core/argument-errors';
import { bytesOf, requireInteger } from '../../core/arguments';
import { CKM, CKZ } from '../../generated/constants';
import type { BytesLike, RawMechanism } from '../../raw/values';
import { HASHES } from './digest';
import {
  type Algorithm,
  asAlgorithm,
  asMechanism,
  checkOptions,
  type MechanismInput,
  unknownAlgorithm,
} from './mechanism';

function bytes(algorithm: Algorithm, option: string, length?: number): BytesLike {
  const subject = `${option} of ${algorithm.name}`;
  const { byteLength } = bytesOf(algorithm[option], subject);
  if (length !== undefined && byteLength !== length) {
    throw outOfRange(`the length of ${subject}`, `${length} bytes`, byteLength);
  }
  return algorithm[option] as BytesLike;
}

function notEmpty(algorithm: Algorithm, option: string): BytesLike {
  const value = bytes(algorithm, option);
  if (value.byteLength > 0) return value;
  throw wrongValue(
    `${option} of ${algorithm.name} must not be empty; for a module that generates it itself, give bytes of its length. ` +
      'The generated one is set in the algorithm and in the ciphertext',
  );
}

function optionalBytes(algorithm: Algorithm, option: string): BytesLike | undefined {
  return algorithm[option] === undefined ? undefined : bytes(algorithm, option);
}

function bits(algorithm: Algorithm, option: string, usual: number, max: number): number {
  const value = algorithm[option] ?? usual;
  requireInteger(value, `${option} of ${algorithm.name}`, { min: 1, max, unit: ' bits' });
  return value;
}

type Build = (algorithm: Algorithm) => RawMechanism;

const ALGORITHMS = new Map<string, Build>([
  [
    'AES-GCM',
    (algorithm) => {
      checkOptions(algorithm, 'iv', 'additionalData', 'tagLength');
      const parameter = {
        structure: 'CK_GCM_PARAMS',
        iv: notEmpty(algorithm, 'iv'),
        aad: optionalBytes(algorithm, 'additionalData'),
        tagBits: bits(algorithm, 'tagLength', 128, 128),
      };
      return { mechanism: CKM.AES_GCM, parameter };
    },
  ],
  [
    'AES-CBC',
    (algorithm) => {
      checkOptions(algorithm, 'iv');
      return { mechanism: CKM.AES_CBC_PAD, parameter: bytes(algorithm, 'iv', 16) };
    },
  ],
  [
    'AES-CTR',
    (algorithm) => {
      checkOptions(algorithm, 'counter', 'length');
      const parameter = {
        structure: 'CK_AES_CTR_PARAMS',
        counterBits: bits(algorithm, 'length', 64, 128),
        cb: bytes(algorithm, 'counter', 16),
      };
      return { mechanism: CKM.AES_CTR, parameter };
    },
  ],
  [
    'RSA-PKCS1',
    (algorithm) => {
      checkOptions(algorithm);
      return { mechanism: CKM.RSA_PKCS };
    },
  ],
]);
for (const [name, hash] of Object.entries(HASHES)) {
  ALGORITHMS.set(`RSA-OAEP-${name}`, (algorithm) => {
    checkOptions(algorithm, 'label');
    const parameter = {
      structure: 'CK_RSA_PKCS_OAEP_PARAMS',
      hashAlg: hash.mechanism,
      mgf: hash.mgf,
      source: CKZ.DATA_SPECIFIED,
      sourceData: optionalBytes(algorithm, 'label'),
    };
    return { mechanism: CKM.RSA_PKCS_OAEP, parameter };
  });
}

/**
 * Returns the mechanism of an encryption algorithm:
 * 'AES-GCM' { iv, additionalData?, tagLength? (bits, 128) }: the tag follows the ciphertext; 'AES-CBC' { iv (16 bytes) }
 * with PKCS#7 padding; 'AES-CTR' { counter (16 bytes), length? (bits, 64) }; 'RSA-OAEP-SHA256' { label? };
 * 'RSA-PKCS1'.
 * @throws TypeError ERR_INVALID_ARG_TYPE; TypeError ERR_INVALID_ARG_VALUE for unknown names; RangeError ERR_OUT_OF_RANGE
 */
export function cipherMechanism(input: MechanismInput): RawMechanism {
  const custom = asMechanism(input);
  if (custom !== undefined) return custom;
  const algorithm = asAlgorithm(input);
  const build = ALGORITHMS.get(algorithm.name);
  if (build === undefined) throw unknownAlgorithm('encryption', algorithm.name, ALGORITHMS.keys());
  return build(algorithm);
}
