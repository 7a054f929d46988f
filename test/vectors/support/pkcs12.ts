/** Keys from passwords before PBKDF2: PKCS#12 (RFC 7292, B.2) and PBKDF1 (RFC 8018, 5.1). */
import { createHash } from 'node:crypto';
import { md2 } from './md2';

/** The purpose of the derived bytes (RFC 7292, B.3). */
export const PURPOSE = { key: 1, iv: 2, mac: 3 } as const;

export interface Password {
  readonly password: Buffer;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** v of RFC 7292, B.2, in bytes. */
const BLOCK = { md2: 64, md5: 64, sha1: 64, sha224: 64, sha256: 64, sha384: 128, sha512: 128 } as const;
export type Hash = keyof typeof BLOCK;

const digest = (hash: Hash, data: Buffer): Buffer =>
  hash === 'md2' ? md2(data) : createHash(hash).update(data).digest();

function repeatedly(hash: Hash, data: Buffer, times: number): Buffer {
  let made = data;
  for (let i = 0; i < times; i++) made = digest(hash, made);
  return made;
}

/** Repeats `bytes` up to a multiple of `size`. */
function fill(bytes: Buffer, size: number): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / size) * size, bytes);
}

/** @param password as a BMPString that ends with a zero */
export function pkcs12(
  hash: Hash,
  purpose: number,
  { password, salt, iterations }: Password,
  length: number,
): Buffer {
  const size = BLOCK[hash];
  const modulus = 1n << BigInt(8 * size);
  const number = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
  let input = Buffer.concat([fill(salt, size), fill(password, size)]);
  let made = Buffer.alloc(0);
  while (made.length < length) {
    const round = repeatedly(hash, Buffer.concat([Buffer.alloc(size, purpose), input]), iterations);
    made = Buffer.concat([made, round]);
    const summand = number(fill(round, size).subarray(0, size)) + 1n;
    const blocks = Array.from({ length: input.length / size }, (_, i) => {
      const sum = (number(input.subarray(i * size, (i + 1) * size)) + summand) % modulus;
      return Buffer.from(sum.toString(16).padStart(size * 2, '0'), 'hex');
    });
    input = Buffer.concat(blocks);
  }
  return made.subarray(0, length);
}

export function pbkdf1(hash: Hash, { password, salt, iterations }: Password, length: number): Buffer {
  return repeatedly(hash, Buffer.concat([password, salt]), iterations).subarray(0, length);
}
