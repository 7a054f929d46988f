/**
 * ECDSA signatures in the form of PKCS#11: r and s, each as long as the order of the curve. Some modules return DER, and
 * some omit leading zeros.
 */
import { firstElement, magnitude } from './curve-orders';

/** Returns r and s of a signature in DER, without leading zeros; undefined for other bytes. */
export function halvesOfDer(signature: Buffer): readonly [Buffer, Buffer] | undefined {
  const sequence = firstElement(signature);
  if (sequence?.tag !== 0x30 || sequence.rest.length > 0) return undefined;
  const r = firstElement(sequence.content);
  const s = r?.tag === 0x02 ? firstElement(r.rest) : undefined;
  if (r === undefined || s?.tag !== 0x02 || s.rest.length > 0) return undefined;
  return [magnitude(r.content), magnitude(s.content)];
}

/** Lengths of signatures on P-256, P-384 and P-521. No other form of a signature on a curve in use has one of them. */
const UNAMBIGUOUS_LENGTHS = [64, 96, 132];

/** Returns true when a signature has the form of PKCS#11 for every possible curve. */
export function isSurelyPlain(signature: Buffer): boolean {
  return UNAMBIGUOUS_LENGTHS.includes(signature.length) && halvesOfDer(signature) === undefined;
}

function padded(half: Buffer, length: number): Buffer {
  return Buffer.concat([Buffer.alloc(length - half.length), half]);
}

/**
 * Converts a signature to the form of PKCS#11.
 * @param length of both halves together, in bytes
 * @returns undefined when zeros are missing, because it is not known which half is the shorter one
 */
export function plainSignature(signature: Buffer, length: number): Buffer | undefined {
  if (signature.length === length) return signature;
  const half = length / 2;
  const der = halvesOfDer(signature);
  if (der === undefined) return undefined;
  if (der.some((number) => number.length > half)) return undefined;
  return toUnpooled(Buffer.concat(der.map((number) => padded(number, half))));
}

/** Copies bytes to a Buffer whose ArrayBuffer is not shared, so that the caller can transfer it. */
function toUnpooled(bytes: Buffer): Buffer {
  const unpooled = Buffer.allocUnsafeSlow(bytes.length);
  unpooled.set(bytes);
  return unpooled;
}
