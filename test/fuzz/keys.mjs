// @ts-check
// The keys whose other half, or whose value, node:crypto has: so results can be verified.
import { createPublicKey } from 'node:crypto';
import { CKA, CKK, CKM, CKO } from 'cryptoki/raw';

/** @typedef {import('./ground.mjs').Ground} Ground */
/** @typedef {import('cryptoki/raw').RawAttribute} RawAttribute */

/**
 * @typedef {object} KnownKey
 * @property {bigint} handle of the private or secret key
 * @property {bigint} publicHandle of the public key; the same for secret keys
 * @property {import('node:crypto').KeyObject} [publicKey]
 * @property {Buffer} [value] of a secret key
 *
 * @typedef {Partial<Record<'rsa' | 'ec' | 'aes' | 'hmac', KnownKey>>} Keys
 */

const P256 = Buffer.from('06082a8648ce3d030107', 'hex');

/** @param {number} type @param {RawAttribute['value']} value @returns {RawAttribute} */
const attribute = (type, value) => /** @type {RawAttribute} */ ({ type, value });

/** @param {Buffer} bytes */
const url = (bytes) => bytes.toString('base64url');

/** @param {Ground} ground @param {number} objectClass @param {string} name @returns {bigint | undefined} */
function find(ground, objectClass, name) {
  const template = [attribute(CKA.CLASS, objectClass), attribute(CKA.ID, ground.id(name))];
  return ground.raw.findObjectsSync(/** @type {bigint} */ (ground.own[0]), template, [], 1)[0]?.handle;
}

/** @param {Ground} ground @param {bigint} handle @param {number[]} types @returns {Buffer[]} */
function read(ground, handle, types) {
  const results = ground.raw.C_GetAttributeValueSync(
    /** @type {bigint} */ (ground.own[0]),
    handle,
    types,
    true,
  );
  return results.map(({ value }) => Buffer.from(/** @type {Buffer} */ (value)));
}

/** @param {Ground} ground @param {bigint} handle */
function rsaPublic(ground, handle) {
  const [n, e] = read(ground, handle, [CKA.MODULUS, CKA.PUBLIC_EXPONENT]);
  if (n === undefined || e === undefined) throw new Error('the public key has no modulus');
  return createPublicKey({ key: { kty: 'RSA', n: url(n), e: url(e) }, format: 'jwk' });
}

/** @param {Ground} ground @param {bigint} handle */
function ecPublic(ground, handle) {
  const point = read(ground, handle, [CKA.EC_POINT])[0]?.subarray(-64) ?? Buffer.alloc(0);
  const key = { kty: 'EC', crv: 'P-256', x: url(point.subarray(0, 32)), y: url(point.subarray(32)) };
  return createPublicKey({ key, format: 'jwk' });
}

/**
 * A key pair of this thread: the one that is there, or a new one.
 * @param {Ground} ground @param {'rsa' | 'ec'} name
 * @returns {KnownKey}
 */
function pair(ground, name) {
  let handle = find(ground, CKO.PRIVATE_KEY, name);
  let publicHandle = find(ground, CKO.PUBLIC_KEY, name);
  if (handle === undefined || publicHandle === undefined) {
    const common = [attribute(CKA.TOKEN, ground.place.tokenKeys), attribute(CKA.ID, ground.id(name))];
    const ofPublic = [...common, attribute(CKA.VERIFY, true)];
    const ofPrivate = [
      ...common,
      attribute(CKA.PRIVATE, true),
      attribute(CKA.SENSITIVE, true),
      attribute(CKA.SIGN, true),
    ];
    if (name === 'rsa') {
      ofPublic.push(attribute(CKA.MODULUS_BITS, 2048), attribute(CKA.ENCRYPT, true));
      ofPublic.push(attribute(CKA.PUBLIC_EXPONENT, Buffer.from([1, 0, 1])));
      ofPrivate.push(attribute(CKA.DECRYPT, true));
    } else {
      ofPublic.push(attribute(CKA.EC_PARAMS, P256));
    }
    const mechanism = name === 'rsa' ? CKM.RSA_PKCS_KEY_PAIR_GEN : CKM.EC_KEY_PAIR_GEN;
    const session = /** @type {bigint} */ (ground.own[0]);
    const made = ground.raw.C_GenerateKeyPairSync(session, { mechanism }, ofPublic, ofPrivate);
    handle = made.privateKey;
    publicHandle = made.publicKey;
  }
  const publicKey = name === 'rsa' ? rsaPublic(ground, publicHandle) : ecPublic(ground, publicHandle);
  return { handle, publicHandle, publicKey };
}

/** @param {Ground} ground @param {'aes' | 'hmac'} name @returns {KnownKey} */
function secret(ground, name) {
  // SoftHSM2 wants keys for HMAC that are as long as the digest.
  const length = name === 'aes' ? 16 : 64;
  const value = Buffer.concat([1, 2, 3, 4].map((part) => ground.id(`${name} ${part}`))).subarray(0, length);
  let handle = find(ground, CKO.SECRET_KEY, name);
  if (handle === undefined) {
    const uses = name === 'aes' ? [CKA.ENCRYPT, CKA.DECRYPT] : [CKA.SIGN, CKA.VERIFY];
    handle = ground.raw.C_CreateObjectSync(/** @type {bigint} */ (ground.own[0]), [
      attribute(CKA.CLASS, CKO.SECRET_KEY),
      attribute(CKA.KEY_TYPE, name === 'aes' ? CKK.AES : CKK.GENERIC_SECRET),
      attribute(CKA.TOKEN, ground.place.tokenKeys),
      attribute(CKA.PRIVATE, true),
      attribute(CKA.ID, ground.id(name)),
      attribute(CKA.VALUE, value),
      ...uses.map((type) => attribute(type, true)),
    ]);
  }
  return { handle, publicHandle: handle, value };
}

/** Finds the keys of a thread, and makes those that are missing. @param {Ground} ground @returns {Keys} */
export function findKeys(ground) {
  return {
    rsa: pair(ground, 'rsa'),
    ec: pair(ground, 'ec'),
    aes: secret(ground, 'aes'),
    hmac: secret(ground, 'hmac'),
  };
}
