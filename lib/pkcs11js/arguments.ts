import { endianness } from 'node:os';

/**
 * Reading of arguments, with the error texts of pkcs11js. Arguments are counted from 0. "Buffer" in a text means any view of
 * bytes: Buffer, typed array, DataView.
 */

/** sizeof(CK_ULONG), which is the size of handles in bytes. It is 4 on 64-bit Windows, too. */
export const ULONG_SIZE =
  process.platform === 'win32' || ['arm', 'ia32', 'mips', 'mipsel', 'ppc'].includes(process.arch) ? 4 : 8;

const isLittle = endianness() === 'LE';
const MAX_ULONG = 2n ** BigInt(ULONG_SIZE * 8) - 1n;

/** Returns the bytes of a view (not a copy). */
export function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** Returns a CK_ULONG in native byte order. */
export function fromUlong(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(ULONG_SIZE);
  if (ULONG_SIZE === 8) bytes[isLittle ? 'writeBigUInt64LE' : 'writeBigUInt64BE'](BigInt(value));
  else bytes[isLittle ? 'writeUInt32LE' : 'writeUInt32BE'](Number(value));
  return bytes;
}

/** Returns the number in a buffer of {@link ULONG_SIZE} bytes. */
export function toUlong(bytes: Buffer): bigint {
  if (ULONG_SIZE === 8) return bytes[isLittle ? 'readBigUInt64LE' : 'readBigUInt64BE']();
  return BigInt(bytes[isLittle ? 'readUInt32LE' : 'readUInt32BE']());
}

/** Returns a counter in the form of pkcs11js: CK_UNAVAILABLE_INFORMATION is 4294967295. */
export function counter(value: number | undefined): number {
  return value ?? 0xffff_ffff;
}

/** Builds `Argument N has wrong type. <expected>`. */
export function wrongType(index: number, expected: string): TypeError {
  return new TypeError(`Argument ${index} has wrong type. ${expected}`);
}

/** Builds `Argument N is out of range. <expected>`. */
export function outOfRange(index: number, expected: string): RangeError {
  return new RangeError(`Argument ${index} is out of range. ${expected}`);
}

/** Builds `Parameters are required. Expected N arguments, but received M.` */
export function wrongCount(expected: number, received: number): TypeError {
  return new TypeError(`Parameters are required. Expected ${expected} arguments, but received ${received}.`);
}

/** Checks that a value is a view of bytes. */
export function readBytes(value: unknown, index: number): ArrayBufferView {
  if (!ArrayBuffer.isView(value)) throw wrongType(index, 'Should be a Buffer');
  return value;
}

/** Reads a handle or slot: a view of sizeof(CK_ULONG) bytes. */
export function readHandle(value: unknown, index: number): bigint {
  const bytes = bytesOf(readBytes(value, index));
  if (bytes.length !== ULONG_SIZE) {
    throw new TypeError(`Argument ${index} has wrong length. Should be ${ULONG_SIZE} bytes.`);
  }
  return toUlong(bytes);
}

/**
 * Returns an integer in the range of CK_ULONG. Converts negative 32-bit numbers to unsigned ones, because JavaScript's bit
 * operations return them for numbers from 0x80000000 on (vendors' mechanisms, CKF_EXTENSION).
 * @returns undefined for any other number
 */
export function integer(value: number | bigint): number | bigint | undefined {
  if (typeof value === 'bigint') return value >= 0n && value <= MAX_ULONG ? value : undefined;
  if (!Number.isSafeInteger(value) || value < -0x8000_0000) return undefined;
  if (value < 0) return value >>> 0;
  return BigInt(value) <= MAX_ULONG ? value : undefined;
}

export function readNumber(value: unknown, index: number): number | bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongType(index, 'Should be a Number');
  const number = integer(value);
  if (number === undefined) {
    throw outOfRange(index, `Should be an integer from 0 to ${MAX_ULONG}`);
  }
  return number;
}

export function readString(value: unknown, index: number): string {
  if (typeof value !== 'string') throw wrongType(index, 'Should be a String');
  return value;
}

/** Reads a PIN. @returns null, for the PIN pad of the token, if the value is null or undefined */
export function readPin(value: unknown, index: number): string | null {
  return value === undefined || value === null ? null : readString(value, index);
}

/** Reads a label. Truncates it, between characters, to the 32 bytes of CK_TOKEN_INFO. */
export function readLabel(value: unknown, index: number): string {
  let label = readString(value, index);
  while (Buffer.byteLength(label) > 32) label = [...label].slice(0, -1).join('');
  return label;
}

/** Reads the last argument of the forms with a callback. */
export function readCallback(value: unknown, index: number): (error: unknown, result: unknown) => void {
  if (typeof value !== 'function') throw wrongType(index, 'Should be a Function');
  return value as (error: unknown, result: unknown) => void;
}
