/** Options of ECDSA that concern the form of signatures: { name: 'ECDSA-SHA256', format: 'der', lowS: true }. */
import { Integer, Sequence } from 'asn1js';
import { unknownName } from '../../core/argument-errors';
import { requireBoolean } from '../../core/arguments';
import { halvesOfDer } from './ecdsa';
import type { Algorithm, MechanismInput } from './mechanism';

const FORMATS = ['ieee-p1363', 'der'];

/** The options, and the algorithm without them. */
export interface EcdsaOptions {
  readonly input: MechanismInput;
  readonly isDer: boolean;
  /** True if s must be at most half of the order of the curve. */
  readonly lowS: boolean;
}

/**
 * Returns the options of an ECDSA algorithm; undefined if it has none.
 * @throws TypeError ERR_INVALID_ARG_VALUE, TypeError ERR_INVALID_ARG_TYPE
 */
export function ecdsaOptions(algorithm: MechanismInput): EcdsaOptions | undefined {
  if (typeof algorithm !== 'object' || algorithm === null || !('name' in algorithm)) return undefined;
  const { format, lowS, ...rest } = algorithm as Algorithm;
  if (format === undefined && lowS === undefined) return undefined;
  if (typeof rest.name !== 'string' || !rest.name.startsWith('ECDSA-')) return undefined;
  if (format !== undefined && !FORMATS.includes(format as string)) {
    throw unknownName('format', format, FORMATS, { place: ` of ${rest.name}` });
  }
  if (lowS !== undefined) requireBoolean(lowS, `lowS of ${rest.name}`);
  return { input: rest as Algorithm, isDer: format === 'der', lowS: lowS === true };
}

const numberOf = (bytes: Buffer): bigint => BigInt(`0x0${bytes.toString('hex')}`);

/** Returns true when s of a signature (r and s, each as long as the order) is more than half of the order. */
export function hasHighS(signature: Buffer, order: bigint): boolean {
  return numberOf(signature.subarray(signature.length / 2)) > order / 2n;
}

/** Replaces s by order - s if it is more than half of the order. Both signatures are valid. */
export function toLowS(signature: Buffer, order: bigint): Buffer {
  if (!hasHighS(signature, order)) return signature;
  const half = signature.length / 2;
  const low = (order - numberOf(signature.subarray(half))).toString(16).padStart(2 * half, '0');
  return Buffer.concat([signature.subarray(0, half), Buffer.from(low, 'hex')]);
}

/** Converts r and s to DER (ECDSA-Sig-Value, RFC 3279, section 2.2.3). */
export function toDer(signature: Buffer): Buffer {
  const half = signature.length / 2;
  const value = [signature.subarray(0, half), signature.subarray(half)].map((number) =>
    Integer.fromBigInt(numberOf(number)),
  );
  return Buffer.from(new Sequence({ value }).toBER());
}

/** Converts DER to r and s, each as long as the order; undefined for bytes that are not a signature in DER for this order. */
export function fromDer(der: Buffer, length: number): Buffer | undefined {
  const halves = halvesOfDer(der);
  if (halves === undefined || halves.some((half) => half.length > length)) return undefined;
  const plain = Buffer.concat(
    halves.map((half) => Buffer.concat([Buffer.alloc(length - half.length), half])),
  );
  return toDer(plain).equals(der) ? plain : undefined; // one encoding only
}
