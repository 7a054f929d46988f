// @ts-check
// Operations that node:crypto can verify: mechanism, key, and the check of the result.
import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  createPublicKey,
  publicEncrypt,
  verify,
} from 'node:crypto';
import { CKG, CKM } from 'cryptoki/raw';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('./keys.mjs').KnownKey} KnownKey */

/**
 * @typedef {object} Recipe
 * @property {string} name
 * @property {'digest' | 'sign' | 'encrypt' | 'decrypt'} kind
 * @property {number} mechanism
 * @property {'rsa' | 'ec' | 'aes' | 'hmac'} [key]
 * @property {(random: Random) => unknown} parameter
 * @property {number} [most] bytes of a message at most
 * @property {number} [multiple] the length of a message is a multiple of this
 * @property {boolean} [once] has no form in parts
 * @property {(message: Buffer, result: Buffer, key: KnownKey, parameter: unknown) => boolean} isRight
 * @property {(message: Buffer, key: KnownKey, parameter: unknown) => Buffer} [input] input of the token for the message: a digest, or a ciphertext
 */

const none = () => undefined;
const iv = (/** @type {Random} */ random) => random.bytes(16);

/** @param {unknown} parameter @param {string} field @returns {Buffer} */
const bytesAt = (parameter, field) =>
  /** @type {Record<string, Buffer>} */ (parameter)[field] ?? Buffer.alloc(0);

/** @param {KnownKey} key */
const secretOf = (key) => key.value ?? Buffer.alloc(0);

/** @param {KnownKey} key */
function publicOf(key) {
  if (key.publicKey === undefined) throw new Error('a key without a public half');
  return key.publicKey;
}

/** @type {Recipe[]} */
export const RECIPES = [];

const HASHES = /** @type {const} */ ([
  [
    'sha1',
    CKM.SHA_1,
    CKM.SHA_1_HMAC,
    CKM.SHA1_RSA_PKCS,
    CKM.SHA1_RSA_PKCS_PSS,
    CKG.MGF1_SHA1,
    20,
    CKM.ECDSA_SHA1,
  ],
  [
    'sha256',
    CKM.SHA256,
    CKM.SHA256_HMAC,
    CKM.SHA256_RSA_PKCS,
    CKM.SHA256_RSA_PKCS_PSS,
    CKG.MGF1_SHA256,
    32,
    CKM.ECDSA_SHA256,
  ],
  [
    'sha384',
    CKM.SHA384,
    CKM.SHA384_HMAC,
    CKM.SHA384_RSA_PKCS,
    CKM.SHA384_RSA_PKCS_PSS,
    CKG.MGF1_SHA384,
    48,
    CKM.ECDSA_SHA384,
  ],
  [
    'sha512',
    CKM.SHA512,
    CKM.SHA512_HMAC,
    CKM.SHA512_RSA_PKCS,
    CKM.SHA512_RSA_PKCS_PSS,
    CKG.MGF1_SHA512,
    64,
    CKM.ECDSA_SHA512,
  ],
]);

for (const [hash, digest, hmac, pkcs1, pss, mgf, length, ecdsa] of HASHES) {
  RECIPES.push(
    {
      ...{ name: hash, kind: 'digest', mechanism: digest, parameter: none },
      isRight: (message, result) => createHash(hash).update(message).digest().equals(result),
    },
    {
      ...{ name: `hmac-${hash}`, kind: 'sign', mechanism: hmac, key: 'hmac', parameter: none },
      isRight: (message, result, key) =>
        createHmac(hash, secretOf(key)).update(message).digest().equals(result),
    },
    {
      ...{ name: `rsa-${hash}`, kind: 'sign', mechanism: pkcs1, key: 'rsa', parameter: none },
      isRight: (message, result, key) => verify(hash, message, publicOf(key), result),
    },
    {
      ...{ name: `pss-${hash}`, kind: 'sign', mechanism: pss, key: 'rsa' },
      parameter: () => ({ hashAlg: digest, mgf, sLen: length }),
      isRight: (message, result, key) =>
        verify(
          hash,
          message,
          { key: publicOf(key), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: length },
          result,
        ),
    },
    {
      ...{ name: `ecdsa-${hash}`, kind: 'sign', mechanism: ecdsa, key: 'ec', parameter: none },
      isRight: (message, result, key) =>
        verify(hash, message, { key: publicOf(key), dsaEncoding: 'ieee-p1363' }, result),
    },
  );
}

RECIPES.push({
  ...{ name: 'ecdsa', kind: 'sign', mechanism: CKM.ECDSA, key: 'ec', parameter: none, once: true },
  input: (message) => createHash('sha256').update(message).digest(),
  isRight: (message, result, key) =>
    verify('sha256', message, { key: publicOf(key), dsaEncoding: 'ieee-p1363' }, result),
});

/**
 * @param {string} name @param {number} mechanism @param {(random: Random) => unknown} parameter
 * @param {(message: Buffer, key: Buffer, parameter: unknown) => Buffer} seal
 * @param {Partial<Recipe>} [limits]
 */
function cipher(name, mechanism, parameter, seal, limits = {}) {
  RECIPES.push(
    {
      ...{ name, kind: 'encrypt', mechanism, key: 'aes', parameter, ...limits },
      isRight: (message, result, key, used) => seal(message, secretOf(key), used).equals(result),
    },
    {
      ...{ name: `${name}-decrypt`, kind: 'decrypt', mechanism, key: 'aes', parameter, ...limits },
      input: (message, key, used) => seal(message, secretOf(key), used),
      isRight: (message, result) => message.equals(result),
    },
  );
}

/** @param {string} algorithm @param {Buffer} key @param {Buffer | null} start @param {Buffer} message @param {boolean} padded */
function sealed(algorithm, key, start, message, padded) {
  const made = createCipheriv(algorithm, key, start).setAutoPadding(padded);
  return Buffer.concat([made.update(message), made.final()]);
}

cipher('aes-cbc-pad', CKM.AES_CBC_PAD, iv, (message, key, start) =>
  sealed('aes-128-cbc', key, /** @type {Buffer} */ (start), message, true),
);
cipher(
  'aes-cbc',
  CKM.AES_CBC,
  iv,
  (message, key, start) => sealed('aes-128-cbc', key, /** @type {Buffer} */ (start), message, false),
  { multiple: 16 },
);
cipher('aes-ecb', CKM.AES_ECB, none, (message, key) => sealed('aes-128-ecb', key, null, message, false), {
  multiple: 16,
});
cipher(
  'aes-gcm',
  CKM.AES_GCM,
  (random) => ({ iv: random.bytes(12), aad: random.bytes(random.between(1, 40)), tagBits: 128 }),
  (message, key, parameter) => {
    const made = createCipheriv('aes-128-gcm', key, bytesAt(parameter, 'iv')).setAAD(
      bytesAt(parameter, 'aad'),
    );
    return Buffer.concat([made.update(message), made.final(), made.getAuthTag()]);
  },
  { once: true },
);
cipher(
  'aes-ctr',
  CKM.AES_CTR,
  (random) => ({ counterBits: 128, cb: random.bytes(16) }),
  (message, key, parameter) => sealed('aes-128-ctr', key, bytesAt(parameter, 'cb'), message, false),
);
RECIPES.push({
  ...{
    name: 'rsa-decrypt',
    kind: 'decrypt',
    mechanism: CKM.RSA_PKCS,
    key: 'rsa',
    parameter: none,
    most: 245,
    once: true,
  },
  input: (message, key) =>
    publicEncrypt(
      {
        key: createPublicKey(publicOf(key).export({ type: 'spki', format: 'pem' })),
        padding: constants.RSA_PKCS1_PADDING,
      },
      message,
    ),
  isRight: (message, result) => message.equals(result),
});

/** A message of a length that the recipe takes. @param {Random} random @param {Recipe} recipe @param {number} most */
export function messageFor(random, recipe, most) {
  const length = random.length(Math.min(most, recipe.most ?? most));
  const { multiple } = recipe;
  return random.bytes(multiple === undefined ? length : Math.max(multiple, length - (length % multiple)));
}
