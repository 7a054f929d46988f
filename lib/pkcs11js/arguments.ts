import { endianness } from 'node:os';

/**
 * Reading of arguments, with the texts that programs on pkcs11js know. Arguments are counted from 0. "Buffer" in a
 * text means any view of bytes: Buffer, typed array, DataView.
 */

/** sizeof(CK_ULONG): handles are buffers of this size. Windows has 4 bytes on 64-bit systems, too. */
export const ULONG_SIZE =
  process.platform === 'win32' || ['arm', 'ia32', 'mips', 'mipsel', 'ppc'].includes(process.arch) ? 4 : 8;

const isLittle = endianness() === 'LE';
const LARGEST = 2n ** BigInt(ULONG_SIZE * 8) - 1n;

/** The bytes of a view, without a copy. */
export function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** A CK_ULONG in native byte order. */
export function fromUlong(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(ULONG_SIZE);
  if (ULONG_SIZE === 8) bytes[isLittle ? 'writeBigUInt64LE' : 'writeBigUInt64BE'](BigInt(value));
  else bytes[isLittle ? 'writeUInt32LE' : 'writeUInt32BE'](Number(value));
  return bytes;
}

/** The number in a buffer of {@link ULONG_SIZE} bytes. */
export function toUlong(bytes: Buffer): bigint {
  if (ULONG_SIZE === 8) return bytes[isLittle ? 'readBigUInt64LE' : 'readBigUInt64BE']();
  return BigInt(bytes[isLittle ? 'readUInt32LE' : 'readUInt32BE']());
}

/** A counter as pkcs11js gives it: CK_UNAVAILABLE_INFORMATION is 4294967295. */
export function counter(value: number | undefined): number {
  return value ?? 0xffff_ffff;
}

/** `Argument N has wrong type. <what>` */
export function wrongType(index: number, what: string): TypeError {
  return new TypeError(`Argument ${index} has wrong type. ${what}`);
}

/** `Parameters are required. Expected N arguments, but received M.` */
export function wrongCount(expected: number, received: number): TypeError {
  return new TypeError(`Parameters are required. Expected ${expected} arguments, but received ${received}.`);
}

/** Any view of bytes. */
export function readBytes(value: unknown, index: number): ArrayBufferView {
  if (!ArrayBuffer.isView(value)) throw wrongType(index, 'Should be a Buffer');
  return value;
}

/** A handle or slot: a view of sizeof(CK_ULONG) bytes. */
export function readHandle(value: unknown, index: number): bigint {
  const bytes = bytesOf(readBytes(value, index));
  if (bytes.length !== ULONG_SIZE) {
    throw new TypeError(`Argument ${index} has wrong length. Should be ${ULONG_SIZE} bytes.`);
  }
  return toUlong(bytes);
}

/**
 * An integer that fits a CK_ULONG. Negative 32-bit numbers are what JavaScript's bit operations make of numbers from
 * 0x80000000 on (vendors' mechanisms, CKF_EXTENSION), and mean those.
 * @returns undefined for what is no such number
 */
export function integer(value: number | bigint): number | bigint | undefined {
  if (typeof value === 'bigint') return value >= 0n && value <= LARGEST ? value : undefined;
  if (!Number.isSafeInteger(value) || value < -0x8000_0000) return undefined;
  if (value < 0) return value >>> 0;
  return BigInt(value) <= LARGEST ? value : undefined;
}

export function readNumber(value: unknown, index: number): number | bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongType(index, 'Should be a Number');
  const number = integer(value);
  if (number === undefined) {
    throw new RangeError(`Argument ${index} is out of range. Should be an integer from 0 to ${LARGEST}`);
  }
  return number;
}

export function readString(value: unknown, index: number): string {
  if (typeof value !== 'string') throw wrongType(index, 'Should be a String');
  return value;
}

/** A PIN; nothing where the token asks for it on its own pad. */
export function readPin(value: unknown, index: number): string | null {
  return value === undefined || value === null ? null : readString(value, index);
}

/** CK_TOKEN_INFO has 32 bytes for a label; what is longer ends there, between characters. */
export function readLabel(value: unknown, index: number): string {
  let label = readString(value, index);
  while (Buffer.byteLength(label) > 32) label = [...label].slice(0, -1).join('');
  return label;
}

/** The last argument of the forms with a callback. */
export function readCallback(value: unknown, index: number): (error: unknown, result: unknown) => void {
  if (typeof value !== 'function') throw wrongType(index, 'Should be a Function');
  return value as (error: unknown, result: unknown) => void;
}
