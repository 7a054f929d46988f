/** The pseudorandom functions of SSL 3.0 and TLS 1.0 to 1.2, from the hash functions of node:crypto. */
import { createHash, createHmac } from 'node:crypto';
import { text } from './bytes';

export type Prf = (secret: Buffer, label: string, seed: Buffer, length: number) => Buffer;

/** P_hash (RFC 5246, 5). */
function expand(hash: string, secret: Buffer, seed: Buffer, length: number): Buffer {
  const hmac = (data: Buffer): Buffer => createHmac(hash, secret).update(data).digest();
  let [made, a] = [Buffer.alloc(0), hmac(seed)];
  for (; made.length < length; a = hmac(a)) made = Buffer.concat([made, hmac(Buffer.concat([a, seed]))]);
  return made.subarray(0, length);
}

/** RFC 5246, 5. */
export const tls12 =
  (hash: 'sha256' | 'sha384' | 'sha512'): Prf =>
  (secret, label, seed, length) =>
    expand(hash, secret, Buffer.concat([text(label), seed]), length);

/** RFC 2246, 5: half of the secret for MD5, half for SHA-1. Both share the middle byte of a secret with an odd length. */
export const tls10: Prf = (secret, label, seed, length) => {
  const half = Math.ceil(secret.length / 2);
  const all = Buffer.concat([text(label), seed]);
  const md5 = expand('md5', secret.subarray(0, half), all, length);
  const sha1 = expand('sha1', secret.subarray(-half), all, length);
  return Buffer.from(md5.map((byte, i) => byte ^ (sha1[i] ?? 0)));
};

/** RFC 6101, 6.1 and 6.2.2: instead of labels, "A", "BB", "CCC" and so on distinguish the rounds. */
export const ssl3: Prf = (secret, _label, seed, length) => {
  let made = Buffer.alloc(0);
  for (let i = 1; made.length < length; i++) {
    const letters = Buffer.alloc(i, 0x40 + i);
    const inner = createHash('sha1').update(letters).update(secret).update(seed).digest();
    made = Buffer.concat([made, createHash('md5').update(secret).update(inner).digest()]);
  }
  return made.subarray(0, length);
};
