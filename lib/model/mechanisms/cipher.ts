/** Encryption algorithms by name. */
import { argumentError, isBytes } from '../../core/arguments';
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
  const value = algorithm[option];
  if (!isBytes(value)) {
    throw argumentError(TypeError, `${algorithm.name} needs "${option}" as bytes`);
  }
  if (length !== undefined && value.byteLength !== length) {
    throw argumentError(RangeError, `${algorithm.name}: "${option}" must be ${length} bytes`);
  }
  return value;
}

function notEmpty(algorithm: Algorithm, option: string): BytesLike {
  const value = bytes(algorithm, option);
  if (value.byteLength > 0) return value;
  throw argumentError(
    RangeError,
    `${algorithm.name}: "${option}" must not be empty. For a module that makes it itself, give as many bytes as it has: what ` +
      'was used is set in the algorithm and comes with the ciphertext',
  );
}

function optionalBytes(algorithm: Algorithm, option: string): BytesLike | undefined {
  return algorithm[option] === undefined ? undefined : bytes(algorithm, option);
}

function bits(algorithm: Algorithm, option: string, usual: number, most: number): number {
  const value = algorithm[option] ?? usual;
  if (!Number.isSafeInteger(value) || (value as number) < 1 || (value as number) > most) {
    throw argumentError(
      RangeError,
      `${algorithm.name}: "${option}" must be a number of bits from 1 to ${most}`,
    );
  }
  return value as number;
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
 * The mechanism of an encryption algorithm:
 * 'AES-GCM' { iv, additionalData?, tagLength? (bits, 128) }: the tag follows the ciphertext; 'AES-CBC' { iv (16 bytes) }
 * with PKCS#7 padding; 'AES-CTR' { counter (16 bytes), length? (bits, 64) }; 'RSA-OAEP-SHA256' { label? };
 * 'RSA-PKCS1'.
 */
export function cipherMechanism(input: MechanismInput): RawMechanism {
  const given = asMechanism(input);
  if (given !== undefined) return given;
  const algorithm = asAlgorithm(input);
  const build = ALGORITHMS.get(algorithm.name);
  if (build === undefined) throw unknownAlgorithm(algorithm.name, ALGORITHMS.keys());
  return build(algorithm);
}
