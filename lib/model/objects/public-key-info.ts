/** Public keys for node:crypto: converts attributes of PKCS#11 to a SubjectPublicKeyInfo or a JSON web key. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { BitString, ObjectIdentifier, Sequence } from 'asn1js';
import { CryptokiError, ownError } from '../../core/errors';
import { isError } from '../../core/realms';
import { type ParameterSet, parameterSetWith } from '../mechanisms/parameter-sets';
import type { ModelCertificate, ModelPublicKey } from '../model-types';
import { toArrayBuffer } from './der';
import { ellipticKey, ellipticKeyByPoint, hasPoint, specifiesCurve } from './elliptic-key-info';

/** Returns true for an error with which node:crypto refuses a key. From Node 22 on, errors of OpenSSL may have no code. */
const isRefusal = (error: unknown): boolean =>
  isError(error) &&
  (String((error as NodeJS.ErrnoException).code).startsWith('ERR_') || 'opensslErrorStack' in error);

/** Converts a public key to a KeyObject; see PublicKey.toKeyObject. */
export async function toKeyObject(key: ModelPublicKey): Promise<KeyObject> {
  try {
    return await keyObjectOf(key);
  } catch (cause) {
    if (cause instanceof CryptokiError || !isRefusal(cause)) throw cause;
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      `the attributes of the public key "${key.label ?? ''}" are not in a form that node:crypto can read`,
      { cause },
    );
  }
}

/** Returns the public key of a certificate with the same CKA_ID and the same point. */
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

/**
 * Makes the public key of a post-quantum key.
 * @throws ERR_CRYPTOKI_UNSUPPORTED for a version of Node without these keys
 */
function postQuantumKey({ oid, name }: ParameterSet, value: Buffer): KeyObject {
  const info = new Sequence({
    value: [
      new Sequence({ value: [new ObjectIdentifier({ value: oid })] }),
      new BitString({ valueHex: toArrayBuffer(value) }),
    ],
  });
  try {
    return createPublicKey({ key: Buffer.from(info.toBER()), format: 'der', type: 'spki' });
  } catch (cause) {
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      `this version of Node has no ${name} keys, or the value of the public key is damaged`,
      { cause },
    );
  }
}

async function keyObjectOf(key: ModelPublicKey): Promise<KeyObject> {
  if (['ML_DSA', 'ML_KEM', 'SLH_DSA'].includes(String(key.keyType))) {
    const { parameterSet, value } = await key.attributes('parameterSet', 'value');
    const set = parameterSetWith(key.keyType, parameterSet);
    if (set !== undefined && value !== undefined) return postQuantumKey(set, value);
  }
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
  if (specifiesCurve(ecParams) && ecPoint !== undefined) return ellipticKey(ecParams, ecPoint);
  if (publicKeyInfo !== undefined && publicKeyInfo.length > 0) {
    return createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' });
  }
  if (ecPoint !== undefined) {
    const found = ellipticKeyByPoint(String(key.keyType), ecPoint) ?? (await certifiedKey(key, ecPoint));
    if (found !== undefined) return found;
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      `the curve of the public key "${key.label ?? ''}" is not known, because CKA_EC_PARAMS is missing and no certificate ` +
        'with the same CKA_ID has the same point',
    );
  }
  throw ownError(
    'ERR_CRYPTOKI_UNSUPPORTED',
    `a public key of type ${String(key.keyType)} cannot be a KeyObject of node:crypto`,
  );
}
