/** Compares keys on a token with a public key. */
import type { KeyObject } from 'node:crypto';
import { isCode } from '../../core/errors';
import type { ModelCertificate, ModelObject, ModelPrivateKey, ModelPublicKey } from '../model-types';
import { isHalfOf } from '../native-keys/public-half';
import { isRefusal, readable } from '../native-keys/reading';
import { hasPoint } from './elliptic-key-info';

const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const numberOf = (bytes: Buffer): bigint => BigInt(`0x0${bytes.toString('hex')}`);

/**
 * Returns the public key of an object; undefined if it cannot be read, or node:crypto does not support it.
 * @throws errors that mean that session, login, object or token is lost
 */
async function ifReadable(publicKey: Promise<KeyObject>): Promise<KeyObject | undefined> {
  try {
    return await publicKey;
  } catch (error) {
    const isLost = isCode(error, 'ERR_CRYPTOKI_SESSION_CLOSED', 'ERR_CRYPTOKI_OBJECT_DEAD');
    const isOfToken = (error as { readonly rv?: unknown }).rv !== undefined;
    if (isLost || isCode(error, 'ERR_CRYPTOKI_MODULE_CLOSED') || (isOfToken && !isRefusal(error)))
      throw error;
    return undefined;
  }
}

/** Returns the public key of a public key or a certificate; see {@link ifReadable}. */
export function publicKeyIn(object: ModelObject): Promise<KeyObject | undefined> {
  return ifReadable(
    object.class === 'CERTIFICATE'
      ? (object as ModelCertificate).toX509().then(({ publicKey }) => publicKey)
      : (object as ModelPublicKey).toKeyObject(),
  );
}

/** Attributes of a private key that contain its public key. */
interface PublicAttributes {
  readonly modulus?: Buffer;
  readonly ecPoint?: Buffer;
}

/** Returns true or false when attributes of a private key prove it; undefined when it has none of them. */
function comparison({ modulus, ecPoint }: PublicAttributes, publicKey: KeyObject): boolean | undefined {
  const type = publicKey.asymmetricKeyType;
  if (modulus !== undefined && modulus.length > 0) {
    if (type !== 'rsa') return false;
    const { n = '' } = publicKey.export({ format: 'jwk' });
    return numberOf(modulus) === numberOf(Buffer.from(n, 'base64url'));
  }
  return ecPoint === undefined || ecPoint.length === 0 ? undefined : hasPoint(publicKey, ecPoint);
}

/**
 * Returns true when a key on the token has this public key: a public key has the same value, a private key the same modulus,
 * point or CKA_PUBLIC_KEY_INFO. No operation of the key is made.
 * @throws errors that mean that session, login, object or token is lost
 */
export async function isKeyOf(object: ModelObject, publicKey: KeyObject): Promise<boolean> {
  if (object.class === 'PUBLIC_KEY') return (await publicKeyIn(object))?.equals(publicKey) ?? false;
  const read = await readable(object, 'modulus', 'ecPoint', 'publicKeyInfo');
  return comparison(read, publicKey) ?? read.publicKeyInfo?.equals(spkiOf(publicKey)) ?? false;
}

/**
 * Proves that a public key belongs to a private key: by the modulus or the point of the private key, otherwise by a trial (a
 * signature, a decryption, a key agreement). CKA_PUBLIC_KEY_INFO proves nothing, because the creator of a private key can set
 * it to any value.
 * @returns undefined if neither is possible, as for a key with CKA_ALWAYS_AUTHENTICATE without these attributes
 * @throws errors that mean that session, login, object or token is lost
 */
export async function belongsTo(key: ModelPrivateKey, publicKey: KeyObject): Promise<boolean | undefined> {
  const read = await readable(key, 'modulus', 'ecPoint', 'alwaysAuthenticate');
  const byAttributes = comparison(read, publicKey);
  if (byAttributes !== undefined || read.alwaysAuthenticate) return byAttributes;
  return isHalfOf(key, publicKey);
}
