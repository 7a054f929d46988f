/** Public keys as node:crypto takes them: attributes of PKCS#11 to a SubjectPublicKeyInfo or a JSON web key. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { CryptokiError } from '../../core/errors';
import type { ModelCertificate, ModelPublicKey } from '../model-types';
import { ellipticKey, ellipticKeyByPoint, hasPoint, saysCurve } from './elliptic-key-info';

/** True for an error by which node:crypto refuses a key. From Node 22 on, errors of OpenSSL may have no code. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error &&
  (String((error as NodeJS.ErrnoException).code).startsWith('ERR_') || 'opensslErrorStack' in error);

/** See ModelPublicKey.toKeyObject. */
export async function toKeyObject(key: ModelPublicKey): Promise<KeyObject> {
  try {
    return await keyObjectOf(key);
  } catch (cause) {
    if (cause instanceof CryptokiError || !isRefusal(cause)) throw cause;
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_UNSUPPORTED',
      detail: `the attributes of the public key "${key.label ?? ''}" are in no form that node:crypto understands`,
      cause,
    });
  }
}

/** The key of a certificate with the same CKA_ID and the same point. */
async function certifiedKey(key: ModelPublicKey, ecPoint: Buffer): Promise<KeyObject | undefined> {
  const { id } = key;
  if (!id?.length) return undefined;
  for (const object of await key.session.find({ class: 'CERTIFICATE', id })) {
    try {
      const { publicKey } = await (object as ModelCertificate).toX509();
      if (hasPoint(publicKey, ecPoint)) return publicKey;
    } catch (error) {
      if (error instanceof CryptokiError && error.rv !== undefined) throw error;
    }
  }
  return undefined;
}

async function keyObjectOf(key: ModelPublicKey): Promise<KeyObject> {
  const { modulus, publicExponent, ecParams, ecPoint, publicKeyInfo } = await key.attributes(
    'modulus',
    'publicExponent',
    'ecParams',
    'ecPoint',
    'publicKeyInfo',
  );
  if (modulus !== undefined && publicExponent !== undefined) {
    const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: publicExponent.toString('base64url') };
    return createPublicKey({ key: jwk, format: 'jwk' });
  }
  if (saysCurve(ecParams) && ecPoint !== undefined) return ellipticKey(ecParams, ecPoint);
  if (publicKeyInfo !== undefined && publicKeyInfo.length > 0) {
    return createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' });
  }
  if (ecPoint !== undefined) {
    const found = ellipticKeyByPoint(String(key.keyType), ecPoint) ?? (await certifiedKey(key, ecPoint));
    if (found !== undefined) return found;
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_UNSUPPORTED',
      detail:
        `the public key "${key.label ?? ''}" does not say which curve it is on (CKA_EC_PARAMS is missing), and no certificate ` +
        'with its CKA_ID has its point',
    });
  }
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_UNSUPPORTED',
    detail: `a public key of type ${String(key.keyType)} cannot be a KeyObject of node:crypto`,
  });
}
