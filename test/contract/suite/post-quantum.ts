import * as crypto from 'node:crypto';
import type { PublicKey } from 'cryptoki';

/** What newer versions of Node.js have besides; the types are those of the oldest one that is supported. */
const newer = crypto as typeof crypto & {
  encapsulate?(key: crypto.KeyObject): { sharedKey: Buffer; ciphertext: Buffer };
};

/** Whether this Node.js, with its OpenSSL, can judge what a module does. */
function makes(kind: string): boolean {
  try {
    crypto.generateKeyPairSync(kind as 'ed25519');
    return true;
  } catch {
    return false;
  }
}

export const nodeHasMlDsa = makes('ml-dsa-44');
export const nodeHasMlKem = makes('ml-kem-512') && newer.encapsulate !== undefined;

/** A secret for this key, made by node:crypto; see nodeHasMlKem. */
export function nodeEncapsulate(key: crypto.KeyObject): { sharedKey: Buffer; ciphertext: Buffer } {
  if (newer.encapsulate === undefined) throw new Error('this Node.js has no encapsulate()');
  return newer.encapsulate(key);
}

/** The public key of the token for node:crypto: SubjectPublicKeyInfo, whose only algorithm field is an OID of NIST. */
export async function nodeKey(key: PublicKey, [family, member]: readonly [number, number]) {
  const value = (await key.attribute('value')) as Buffer;
  const algorithm = Buffer.from([0x30, 11, 0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, family, member]);
  const bits = Buffer.concat([header(0x03, value.length + 1), Buffer.alloc(1), value]);
  const info = Buffer.concat([header(0x30, algorithm.length + bits.length), algorithm, bits]);
  return crypto.createPublicKey({ key: info, format: 'der', type: 'spki' });
}

/** Tag and length of DER, for contents of 256 bytes and more. */
function header(tag: number, length: number): Buffer {
  return Buffer.from([tag, 0x82, length >> 8, length & 0xff]);
}
