/** Results of node:crypto for the same input. Each vector is compared with them, so that a mistyped vector is found. */
import { execFileSync } from 'node:child_process';
import { type CipherGCM, createCipheriv } from 'node:crypto';

interface CipherOptions {
  readonly iv?: Buffer;
  /** Adds PKCS#7 padding. */
  readonly padding?: boolean;
  /** For authenticated ciphers: the tag follows the ciphertext. */
  readonly aad?: Buffer;
  /** In bytes. */
  readonly tagLength?: number;
}

/** `plain` encrypted by node:crypto. */
export function encryptByNode(
  cipher: string,
  key: Buffer,
  plain: Buffer,
  options: CipherOptions = {},
): Buffer {
  const { iv = null, padding = false, aad, tagLength } = options;
  // The types support authenticated ciphers by their literal names only.
  const made = createCipheriv(cipher as 'aes-128-gcm', key, iv as Buffer, { authTagLength: tagLength ?? 16 });
  if (tagLength === undefined) {
    made.setAutoPadding(padding);
    return Buffer.concat([made.update(plain), made.final()]);
  }
  const authenticated: CipherGCM = made;
  if (aad !== undefined) authenticated.setAAD(aad, { plaintextLength: plain.length });
  return Buffer.concat([authenticated.update(plain), authenticated.final(), authenticated.getAuthTag()]);
}

/** The same for ciphers of OpenSSL's legacy provider, which only a Node.js process with a special option loads. */
export function encryptByLegacyNode(cipher: string, key: Buffer, plain: Buffer, iv?: Buffer): Buffer {
  const program = `
    const [cipher, key, plain, iv] = process.argv.slice(1);
    const bytes = (text) => Buffer.from(text, 'hex');
    const made = crypto.createCipheriv(cipher, bytes(key), iv === '-' ? null : bytes(iv)).setAutoPadding(false);
    process.stdout.write(Buffer.concat([made.update(bytes(plain)), made.final()]).toString('hex'));`;
  const words = [cipher, key.toString('hex'), plain.toString('hex'), iv?.toString('hex') ?? '-'];
  const output = execFileSync(process.execPath, ['--openssl-legacy-provider', '-e', program, '--', ...words]);
  return Buffer.from(output.toString(), 'hex');
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, i) => byte ^ (right[i] ?? 0)));
}

/** Multiplies by x in the field of CMAC: a shift, and the polynomial when a bit falls out. */
function double(block: Buffer): Buffer {
  const polynomial = block.length === 16 ? 0x87n : 0x1bn;
  const shifted = BigInt(`0x${block.toString('hex')}`) << 1n;
  const bits = BigInt(block.length * 8);
  const reduced =
    shifted >> bits === 0n ? shifted : (shifted ^ (1n << bits) ^ polynomial) & ((1n << bits) - 1n);
  return Buffer.from(reduced.toString(16).padStart(block.length * 2, '0'), 'hex');
}

/** CBC-MAC whose last block is combined with `whole` or, after 10* padding, with `padded`. */
function maskedMac(encrypt: (block: Buffer) => Buffer, data: Buffer, whole: Buffer, padded: Buffer): Buffer {
  const size = whole.length;
  let state: Buffer = Buffer.alloc(size);
  let rest = data;
  for (; rest.length > size; rest = rest.subarray(size)) state = encrypt(xor(state, rest.subarray(0, size)));
  if (rest.length === size) return encrypt(xor(state, xor(rest, whole)));
  const last = Buffer.alloc(size);
  rest.copy(last);
  last.writeUInt8(0x80, rest.length);
  return encrypt(xor(state, xor(last, padded)));
}

/** CMAC (NIST SP 800-38B) over a block cipher of node:crypto, which has no CMAC itself. */
export function cmac(ecb: string, key: Buffer, data: Buffer): Buffer {
  const encrypt = (block: Buffer): Buffer => encryptByNode(ecb, key, block);
  const first = double(encrypt(Buffer.alloc(ecb.startsWith('aes') ? 16 : 8)));
  return maskedMac(encrypt, data, first, double(first));
}

/** AES-XCBC-MAC (RFC 3566). */
export function xcbcMac(key: Buffer, data: Buffer): Buffer {
  const derived = (byte: number): Buffer => encryptByNode('aes-128-ecb', key, Buffer.alloc(16, byte));
  const encrypt = (block: Buffer): Buffer => encryptByNode('aes-128-ecb', derived(1), block);
  return maskedMac(encrypt, data, derived(2), derived(3));
}
