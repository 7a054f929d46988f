// @ts-check
// The keys whose other half or value is available to node:crypto, so that results can be verified.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { CryptokiError, isCode } from 'cryptoki';
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

/** @param {Ground} ground @param {number} objectClass @param {string} name @returns {bigint[]} */
function find(ground, objectClass, name) {
  const template = [attribute(CKA.CLASS, objectClass), attribute(CKA.ID, ground.id(name))];
  const session = /** @type {bigint} */ (ground.own[0]);
  return ground.raw.findObjectsSync(session, template, [], 0).map(({ handle }) => handle);
}

/** Destroys an object unless a call has destroyed or protected it in the meantime. @param {Ground} ground @param {bigint} handle */
export function destroy(ground, handle) {
  try {
    ground.raw.C_DestroyObjectSync(/** @type {bigint} */ (ground.own[0]), handle);
  } catch (error) {
    if (!isCode(error, 'CKR_OBJECT_HANDLE_INVALID', 'CKR_ACTION_PROHIBITED', 'CKR_SESSION_READ_ONLY'))
      throw error;
  }
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

/** Data to sign in order to prove that two keys are a pair. */
const PROOF_MESSAGE = Buffer.from('the two keys of a pair');

/**
 * Signs with a private key.
 * @param {Ground} ground @param {'rsa' | 'ec'} name @param {bigint} handle
 * @returns {Buffer | undefined} undefined: calls have altered the key, and it cannot sign
 */
function signature(ground, name, handle) {
  const session = /** @type {bigint} */ (ground.own[0]);
  const [mechanism, data] =
    name === 'rsa'
      ? [CKM.SHA256_RSA_PKCS, PROOF_MESSAGE]
      : [CKM.ECDSA, createHash('sha256').update(PROOF_MESSAGE).digest()];
  try {
    return ground.raw.signSync(session, { mechanism }, handle, data);
  } catch (error) {
    if (error instanceof CryptokiError && /^CKR_(KEY_|USER_NOT_LOGGED_IN)/.test(error.code)) return undefined;
    throw error;
  }
}

/**
 * The first two keys that are a pair, proved with node:crypto. Calls copy keys, destroy one half and alter the other, so two
 * keys with the same CKA_ID need not belong together.
 * @param {Ground} ground @param {'rsa' | 'ec'} name
 * @param {readonly bigint[]} privateHandles @param {readonly bigint[]} publicHandles
 * @returns {KnownKey | undefined}
 */
function proved(ground, name, privateHandles, publicHandles) {
  const publicKeys = publicHandles.map((publicHandle) => ({
    publicHandle,
    publicKey: name === 'rsa' ? rsaPublic(ground, publicHandle) : ecPublic(ground, publicHandle),
  }));
  for (const handle of privateHandles) {
    const made = signature(ground, name, handle);
    if (made === undefined) continue;
    const other = publicKeys.find(({ publicKey }) =>
      verify('sha256', PROOF_MESSAGE, { key: publicKey, dsaEncoding: 'ieee-p1363' }, made),
    );
    if (other !== undefined) return { handle, ...other };
  }
  return undefined;
}

/** @param {Ground} ground @param {'rsa' | 'ec'} name */
function generate(ground, name) {
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
  return ground.raw.C_GenerateKeyPairSync(session, { mechanism }, ofPublic, ofPrivate);
}

/**
 * A key pair of this thread: the existing one, or a new one.
 * @param {Ground} ground @param {'rsa' | 'ec'} name
 * @returns {KnownKey}
 */
function pair(ground, name) {
  const last = ground.keys[name];
  /** The keys of the last pair come first. @param {bigint[]} handles @param {bigint | undefined} known */
  const sorted = (handles, known) => [...handles].sort((a, b) => Number(b === known) - Number(a === known));
  const privateHandles = sorted(find(ground, CKO.PRIVATE_KEY, name), last?.handle);
  const publicHandles = sorted(find(ground, CKO.PUBLIC_KEY, name), last?.publicHandle);
  const found = proved(ground, name, privateHandles, publicHandles);
  if (found !== undefined) return found;
  for (const handle of [...privateHandles, ...publicHandles]) destroy(ground, handle);
  const { privateKey, publicKey } = generate(ground, name);
  const made = proved(ground, name, [privateKey], [publicKey]);
  if (made === undefined)
    throw new Error(`node:crypto does not verify a signature of a new pair of ${name} keys`);
  return made;
}

/** @param {Ground} ground @param {'aes' | 'hmac'} name @returns {KnownKey} */
function secret(ground, name) {
  // SoftHSM2 requires HMAC keys that are as long as the digest.
  const length = name === 'aes' ? 16 : 64;
  const value = Buffer.concat([1, 2, 3, 4].map((part) => ground.id(`${name} ${part}`))).subarray(0, length);
  let handle = find(ground, CKO.SECRET_KEY, name)[0];
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

/** Finds the keys of a thread and creates missing ones. @param {Ground} ground @returns {Keys} */
export function findKeys(ground) {
  return {
    rsa: pair(ground, 'rsa'),
    ec: pair(ground, 'ec'),
    aes: secret(ground, 'aes'),
    hmac: secret(ground, 'hmac'),
  };
}
