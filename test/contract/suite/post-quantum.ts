import * as crypto from 'node:crypto';
import type { PublicKey } from 'cryptoki';

/** Members of newer versions of Node.js; @types/node describes the oldest supported version. */
const newer = crypto as typeof crypto & {
  encapsulate?(key: crypto.KeyObject): { sharedKey: Buffer; ciphertext: Buffer };
};

/** True if this Node.js and its OpenSSL have the algorithm, so that results can be verified. */
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

/** Encapsulates a secret for this key with node:crypto; see nodeHasMlKem. */
export function nodeEncapsulate(key: crypto.KeyObject): { sharedKey: Buffer; ciphertext: Buffer } {
  if (newer.encapsulate === undefined) throw new Error('this Node.js has no encapsulate()');
  return newer.encapsulate(key);
}

/** Converts a public key of the token for node:crypto: a SubjectPublicKeyInfo with an OID of NIST and no parameters. */
export async function nodeKey(key: PublicKey, [family, member]: readonly [number, number]) {
  const value = (await key.attribute('value')) as Buffer;
  const algorithm = Buffer.from([0x30, 11, 0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, family, member]);
  const bits = Buffer.concat([header(0x03, value.length + 1), Buffer.alloc(1), value]);
  const info = Buffer.concat([header(0x30, algorithm.length + bits.length), algorithm, bits]);
  return crypto.createPublicKey({ key: info, format: 'der', type: 'spki' });
}

/** Tag and length in DER, for contents of 256 bytes and more. */
function header(tag: number, length: number): Buffer {
  return Buffer.from([tag, 0x82, length >> 8, length & 0xff]);
}
