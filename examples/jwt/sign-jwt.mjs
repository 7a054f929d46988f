// A JSON Web Token (RFC 7519) signed by a key in a token: the common part of the examples.

/** By type of key: its algorithm in JWT (RFC 7518, section 3.1) and in this package. */
const ALGORITHMS = {
  RSA: ['PS256', 'RSA-PSS-SHA256'],
  EC_EDWARDS: ['EdDSA', 'EdDSA'],
};

/** By curve of an EC key, as CKA_EC_PARAMS has it (the DER of its object identifier): each curve has one algorithm. */
const CURVES = {
  '06082a8648ce3d030107': ['ES256', 'ECDSA-SHA256'], // P-256
  '06052b81040022': ['ES384', 'ECDSA-SHA384'], // P-384
  '06052b81040023': ['ES512', 'ECDSA-SHA512'], // P-521
};

/** @param {import('cryptoki').ClientPrivateKey} key */
async function algorithmOf(key) {
  if (key.keyType !== 'EC') return ALGORITHMS[key.keyType];
  const { ecParams } = await key.attributes('ecParams');
  const found = CURVES[ecParams?.toString('hex')];
  if (found === undefined) throw new Error('no algorithm of JWT for the curve of the key');
  return found;
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * @param {import('cryptoki').ClientPrivateKey} key of a P-256, P-384, P-521, RSA, Ed25519 or Ed448 pair
 * @param {object} claims
 * @param {object} [header] additional members besides alg and typ
 */
export async function signJwt(key, claims, header = {}) {
  const found = await algorithmOf(key);
  if (found === undefined) throw new Error(`no algorithm of JWT for a key of type ${key.keyType}`);
  const [alg, algorithm] = found;
  const text = `${encode({ alg, typ: 'JWT', ...header })}.${encode(claims)}`;
  const signature = await key.sign(algorithm, Buffer.from(text));
  return `${text}.${signature.toString('base64url')}`;
}
