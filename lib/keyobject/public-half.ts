/** The public key that belongs to a private key in a token: OpenSSL wants to know it. */
import { createPublicKey, KeyObject, randomBytes, verify, X509Certificate } from 'node:crypto';
import { argumentError, isBytes, requireOptions, viewOf } from '../arguments';
import type { Attributes } from '../attributes';
import { CryptokiError, isCode } from '../errors';
import type { PrivateKey } from '../objects/private-key';
import type { BytesLike } from '../raw/types';
import type { Session } from '../session';

/** A public key, in one of the forms that it comes in. */
export type PublicHalf = KeyObject | X509Certificate | string | BytesLike;

/** How a private key is made a native one. */
export interface KeyObjectOptions {
  /**
   * The public key, where the token does not have it: a KeyObject, an X509Certificate, PEM, or a SubjectPublicKeyInfo in
   * DER. Left out, it is looked for in the token: in the private key itself (CKA_MODULUS, CKA_PUBLIC_KEY_INFO), then as the
   * public key and as the certificate with the same CKA_ID, and at last as the only public key with the same label.
   */
  readonly publicKey?: PublicHalf | undefined;
}

/** @throws TypeError ERR_INVALID_ARG_TYPE; what node:crypto says of a key that is none */
function given(publicKey: PublicHalf): KeyObject {
  if (publicKey instanceof X509Certificate) return publicKey.publicKey;
  if (publicKey instanceof KeyObject) {
    if (publicKey.type === 'secret') throw argumentError(TypeError, 'publicKey must be a public key');
    return publicKey.type === 'public' ? publicKey : createPublicKey(publicKey);
  }
  if (typeof publicKey === 'string') return createPublicKey(publicKey);
  if (!isBytes(publicKey)) {
    throw argumentError(TypeError, 'publicKey must be a KeyObject, an X509Certificate, PEM or DER');
  }
  const bytes = Buffer.from(viewOf(publicKey));
  return bytes.toString('latin1').includes('-----BEGIN')
    ? createPublicKey(bytes)
    : createPublicKey({ key: bytes, format: 'der', type: 'spki' });
}

/** What the private key itself tells. */
async function fromItself(key: PrivateKey): Promise<KeyObject | undefined> {
  const { modulus, publicExponent, publicKeyInfo } = await key.attributes(
    'modulus',
    'publicExponent',
    'publicKeyInfo',
  );
  if (modulus?.length && publicExponent?.length) {
    const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: publicExponent.toString('base64url') };
    return createPublicKey({ key: jwk, format: 'jwk' });
  }
  return publicKeyInfo?.length
    ? createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' })
    : undefined;
}

async function only<T>(find: Promise<T>): Promise<T | undefined> {
  return find.catch((error) => {
    if (isCode(error, 'ERR_CRYPTOKI_OBJECT_NOT_FOUND', 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS')) return undefined;
    throw error;
  });
}

/** Whether a signature of the private key is right for this public key: a label proves nothing. */
async function belongs(key: PrivateKey, publicKey: KeyObject): Promise<boolean> {
  const challenge = randomBytes(32);
  if (key.keyType === 'EC') {
    const signature = await key.sign('ECDSA-SHA256', challenge);
    return verify('sha256', challenge, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  }
  if (key.keyType !== 'EC_EDWARDS') return false;
  return verify(null, challenge, publicKey, await key.sign('EdDSA', challenge));
}

async function fromToken(session: Session, key: PrivateKey): Promise<KeyObject | undefined> {
  const itself = await fromItself(key);
  if (itself !== undefined) return itself;
  const { id, label, keyType } = key;
  if (id?.length) {
    const like: Attributes = keyType === undefined ? { id } : { id, keyType };
    const publicKey = await only(session.publicKey(like));
    if (publicKey !== undefined) return publicKey.toKeyObject();
    const certificate = await only(session.certificate({ id }));
    if (certificate !== undefined) return (await certificate.toX509()).publicKey;
  }
  if (!label) return undefined;
  const named = await only(session.publicKey(keyType === undefined ? { label } : { label, keyType }));
  const publicKey = await named?.toKeyObject();
  return publicKey !== undefined && (await belongs(key, publicKey)) ? publicKey : undefined;
}

/**
 * The public key as a SubjectPublicKeyInfo in DER.
 * @param session where to look for it
 * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND; ERR_CRYPTOKI_UNSUPPORTED for keys that Node does not know
 */
export async function publicKeyInfoOf(
  session: Session,
  key: PrivateKey,
  options: KeyObjectOptions,
): Promise<Buffer> {
  const publicKey =
    options.publicKey === undefined ? await fromToken(session, key) : given(options.publicKey);
  if (publicKey !== undefined) return publicKey.export({ type: 'spki', format: 'der' });
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
    detail:
      `the token has no public key or certificate that belongs to the private key "${key.label ?? ''}"; ` +
      'give it: { publicKey }',
  });
}

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function checkKeyObjectOptions(options: KeyObjectOptions): void {
  requireOptions(options, 'the options of toKeyObject and tlsKey', ['publicKey']);
}
