// @ts-check
// The keys of the card. A card receives prepared input: a padded block (RSA) or a digest (ECDSA).
import { constants, createECDH, generateKeyPairSync, privateDecrypt, randomBytes } from 'node:crypto';
import { integer, tlv } from './tlv.mjs';

/**
 * @typedef {object} CardKey
 * @property {number} algorithm of SP 800-78
 * @property {import('node:crypto').KeyObject} privateKey
 * @property {(block: Buffer) => Buffer} sign
 */

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** @param {Buffer} bytes */
const number = (bytes) => BigInt(`0x${bytes.toString('hex') || '0'}`);

/** The inverse modulo a prime, by Fermat. @param {bigint} value @param {bigint} prime */
function inverse(value, prime) {
  let result = 1n;
  let base = value % prime;
  for (let exponent = prime - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % prime;
    base = (base * base) % prime;
  }
  return result;
}

/** ECDSA of a digest, which node:crypto does not offer. @param {bigint} secret @param {Buffer} digest */
function ecdsa(secret, digest) {
  const hash = number(digest.subarray(0, 32));
  for (;;) {
    const nonce = number(randomBytes(32));
    if (nonce === 0n || nonce >= P256_ORDER) continue;
    const point = createECDH('prime256v1');
    point.setPrivateKey(Buffer.from(nonce.toString(16).padStart(64, '0'), 'hex'));
    const r = number(point.getPublicKey().subarray(1, 33)) % P256_ORDER;
    const s = (inverse(nonce, P256_ORDER) * (hash + r * secret)) % P256_ORDER;
    if (r !== 0n && s !== 0n) return tlv(0x30, integer(r), integer(s));
  }
}

/** @returns {CardKey} */
export function ecKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const secret = number(Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'));
  return { algorithm: 0x11, privateKey, sign: (digest) => ecdsa(secret, digest) };
}

/** @returns {CardKey} */
export function rsaKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { key: privateKey, padding: constants.RSA_NO_PADDING };
  return { algorithm: 0x07, privateKey, sign: (block) => privateDecrypt(key, block) };
}
