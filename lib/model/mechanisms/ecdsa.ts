/**
 * ECDSA signatures as PKCS#11 has them: r and s, each as long as the order of the curve. Some modules return DER, and some
 * leave leading zeros out.
 */
import { firstElement, magnitude } from './curve-orders';

/** r and s of a signature in DER, without leading zeros; undefined for what is not one. */
function halvesOfDer(signature: Buffer): readonly [Buffer, Buffer] | undefined {
  const sequence = firstElement(signature);
  if (sequence?.tag !== 0x30 || sequence.rest.length > 0) return undefined;
  const r = firstElement(sequence.content);
  const s = r?.tag === 0x02 ? firstElement(r.rest) : undefined;
  if (r === undefined || s?.tag !== 0x02 || s.rest.length > 0) return undefined;
  return [magnitude(r.content), magnitude(s.content)];
}

/** Signatures on P-256, P-384 and P-521, which no other form of a signature on a curve in use is as long as. */
const USUAL = [64, 96, 132];

/** Whether it has the form for certain, whatever the curve is. */
export function isSurelyPlain(signature: Buffer): boolean {
  return USUAL.includes(signature.length) && halvesOfDer(signature) === undefined;
}

function padded(half: Buffer, length: number): Buffer {
  return Buffer.concat([Buffer.alloc(length - half.length), half]);
}

/**
 * The signature in that form.
 * @param length of both halves together
 * @returns undefined when zeros are missing: which of the halves is the shorter one does not show
 */
export function plainSignature(signature: Buffer, length: number): Buffer | undefined {
  if (signature.length === length) return signature;
  const half = length / 2;
  const der = halvesOfDer(signature);
  if (der === undefined) return undefined;
  if (der.some((number) => number.length > half)) return undefined;
  return toOwn(Buffer.concat(der.map((number) => padded(number, half))));
}

/** With an ArrayBuffer of its own, which a caller may transfer. */
function toOwn(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}
