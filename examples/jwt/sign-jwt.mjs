// A JSON Web Token (RFC 7519) signed by a key in a token: the common part of the examples.

/** By type of key: its algorithm in JWT (RFC 7518, section 3.1) and in this package. */
const ALGORITHMS = {
  EC: ['ES256', 'ECDSA-SHA256'],
  RSA: ['PS256', 'RSA-PSS-SHA256'],
  EC_EDWARDS: ['EdDSA', 'EdDSA'],
};

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * @param {import('cryptoki').ClientPrivateKey} key of a P-256, RSA or Ed25519 pair
 * @param {object} claims
 * @param {object} [header] additional members besides alg and typ
 */
export async function signJwt(key, claims, header = {}) {
  const found = ALGORITHMS[key.keyType];
  if (found === undefined) throw new Error(`no algorithm of JWT for a key of type ${key.keyType}`);
  const [alg, algorithm] = found;
  const text = `${encode({ alg, typ: 'JWT', ...header })}.${encode(claims)}`;
  const signature = await key.sign(algorithm, Buffer.from(text));
  return `${text}.${signature.toString('base64url')}`;
}
