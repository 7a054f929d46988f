/** The public key that belongs to a private key in a token. OpenSSL needs it. */
import { createPublicKey, KeyObject, X509Certificate } from 'node:crypto';
import { wrongType, wrongValue } from '../../core/argument-errors';
import { isBytes, requireOptions, viewOf } from '../../core/arguments';
import { CryptokiError, isCode, ownError } from '../../core/errors';
import type { BytesLike } from '../../raw/values';
import type { ModelCertificate, ModelPrivateKey, ModelPublicKey, ModelSession } from '../model-types';
import { Proof } from './proof';
import { findable, isRefusal, readable } from './reading';

/** A public key in one of the accepted forms; a string is PEM, bytes are PEM or DER. */
export type PublicHalf = KeyObject | X509Certificate | string | BytesLike;

/** The options of PrivateKey.toKeyObject and PrivateKey.tlsKey. */
export interface KeyObjectOptions {
  /**
   * The public key, if the token does not have it: a KeyObject, an X509Certificate, PEM, or a SubjectPublicKeyInfo in DER.
   * By default it is searched in the token: in the private key itself (CKA_MODULUS, CKA_PUBLIC_KEY_INFO), then among the
   * public keys and certificates with the same CKA_ID, then among those with the same label. In every case it is proved to
   * belong to the private key: by the modulus, or by a trial (one signature, decryption or key agreement).
   */
  readonly publicKey?: PublicHalf | undefined;
}

/**
 * Converts the option publicKey.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE; errors of node:crypto for other bytes or text
 */
function toPublicKey(publicKey: PublicHalf): KeyObject {
  if (publicKey instanceof X509Certificate) return publicKey.publicKey;
  if (publicKey instanceof KeyObject) {
    if (publicKey.type === 'secret') throw wrongValue('publicKey must be a public key, not a secret key');
    return publicKey.type === 'public' ? publicKey : createPublicKey(publicKey);
  }
  if (typeof publicKey === 'string') return createPublicKey(publicKey);
  if (!isBytes(publicKey)) {
    throw wrongType('publicKey', 'a KeyObject, an X509Certificate, PEM or DER', publicKey);
  }
  const bytes = Buffer.from(viewOf(publicKey));
  return bytes.toString('latin1').includes('-----BEGIN')
    ? createPublicKey(bytes)
    : createPublicKey({ key: bytes, format: 'der', type: 'spki' });
}

/** Makes the public key from the modulus of a private RSA key; undefined if it cannot be read. */
async function fromModulus(key: ModelPrivateKey): Promise<KeyObject | undefined> {
  const { modulus, publicExponent } = await readable(key, 'modulus', 'publicExponent');
  if (!modulus?.length || !publicExponent?.length) return undefined;
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: publicExponent.toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

/**
 * Returns a public key; undefined if it cannot be read, or Node does not support it.
 * @throws errors that mean that session, login, object or token is lost
 */
async function ifReadable(publicKey: () => Promise<KeyObject>): Promise<KeyObject | undefined> {
  try {
    return await publicKey();
  } catch (error) {
    if (!(error instanceof CryptokiError) || error.code === 'ERR_CRYPTOKI_UNSUPPORTED') return undefined;
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** Searches candidates for the public key, the most probable first: in attributes of the private key, by id, by label. */
async function* candidates(
  session: ModelSession,
  key: ModelPrivateKey,
): AsyncGenerator<KeyObject | undefined> {
  const { publicKeyInfo } = await readable(key, 'publicKeyInfo');
  if (publicKeyInfo?.length) {
    yield ifReadable(async () => createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' }));
  }
  const { id, label, keyType } = key;
  for (const criterion of [id?.length ? { id } : undefined, label ? { label } : undefined]) {
    if (criterion === undefined) continue;
    for (const object of await findable(session, { class: 'PUBLIC_KEY', ...criterion })) {
      const publicKey = object as ModelPublicKey;
      if (keyType === undefined || publicKey.keyType === undefined || publicKey.keyType === keyType) {
        yield ifReadable(() => publicKey.toKeyObject());
      }
    }
    for (const object of await findable(session, { class: 'CERTIFICATE', ...criterion })) {
      yield ifReadable(async () => (await (object as ModelCertificate).toX509()).publicKey);
    }
  }
}

/** The public key that a trial has proved to belong to a private key; otherwise the candidates with its id or label. */
export interface PublicHalves {
  readonly proved: KeyObject | undefined;
  readonly candidates: readonly KeyObject[];
}

/**
 * Searches the token of a private key for the public key that belongs to it.
 * @param canTry true to prove it by an operation with the private key
 * @throws errors that mean that session, login, object or token is lost
 */
export async function publicHalvesOf(
  session: ModelSession,
  key: ModelPrivateKey,
  canTry: boolean,
): Promise<PublicHalves> {
  const proof = canTry ? new Proof(key) : undefined;
  const found: KeyObject[] = [];
  for await (const candidate of candidates(session, key)) {
    if (candidate === undefined) continue;
    const belongs = await belongsTo(proof, candidate);
    if (belongs) return { proved: candidate, candidates: [] };
    if (belongs === undefined) found.push(candidate);
  }
  return { proved: undefined, candidates: found };
}

async function belongsTo(proof: Proof | undefined, candidate: KeyObject): Promise<boolean | undefined> {
  try {
    return await proof?.proves(candidate);
  } catch (error) {
    if (isCode(error, 'ERR_CRYPTOKI_UNSUPPORTED') || isRefusal(error)) return undefined;
    throw error;
  }
}

/**
 * Returns true when a public key belongs to a private key; undefined if no operation of the private key can prove it.
 * @throws errors that mean that session, login, object or token is lost
 */
export function isHalfOf(key: ModelPrivateKey, publicKey: KeyObject): Promise<boolean | undefined> {
  return belongsTo(new Proof(key), publicKey);
}

const infoOf = (publicKey: KeyObject): Buffer => publicKey.export({ type: 'spki', format: 'der' });

/**
 * Finds the public key in the token.
 * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND
 */
async function fromToken(session: ModelSession, key: ModelPrivateKey, proof: Proof): Promise<Buffer> {
  const refused = new Set<string>();
  for await (const publicKey of candidates(session, key)) {
    if (publicKey === undefined) continue;
    const info = infoOf(publicKey);
    const text = info.toString('latin1');
    if (refused.has(text)) continue;
    if (await proof.proves(publicKey)) return info;
    refused.add(text);
  }
  const note =
    refused.size === 0
      ? ''
      : ` (a trial with the private key has shown that ${refused.size} with its id or label belong to another key)`;
  throw ownError(
    'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
    `the token has no public key or certificate that belongs to the private key "${key.label ?? ''}"${note}; ` +
      'give the public key, as { publicKey }',
  );
}

/**
 * Refuses a public key that belongs to another private key.
 * @throws TypeError ERR_INVALID_ARG_VALUE
 */
function refuseOther(key: { readonly label: string | undefined }): never {
  throw wrongValue(
    `publicKey does not belong to the private key "${key.label ?? ''}"; give the public key, or the certificate, of this key`,
  );
}

/**
 * Returns the public key as a SubjectPublicKeyInfo in DER, proved to belong to the private key: by the modulus if it can be
 * read, otherwise by a trial (a signature, a decryption, a key agreement).
 * @param session the session on which to search for it
 * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND; ERR_CRYPTOKI_UNSUPPORTED for keys without a supported operation; TypeError
 *   ERR_INVALID_ARG_VALUE for a public key that belongs to another key
 */
export async function publicKeyInfoOf(
  session: ModelSession,
  key: ModelPrivateKey,
  options: KeyObjectOptions,
): Promise<Buffer> {
  const wanted = options.publicKey === undefined ? undefined : toPublicKey(options.publicKey);
  const computed = await fromModulus(key);
  if (computed !== undefined && wanted?.asymmetricKeyType !== 'rsa-pss') {
    return wanted === undefined || wanted.equals(computed) ? infoOf(computed) : refuseOther(key);
  }
  const proof = new Proof(key);
  if (wanted === undefined) return fromToken(session, key, proof);
  return (await proof.proves(wanted)) ? infoOf(wanted) : refuseOther(key);
}

/**
 * Checks that the option publicKey, if given, is the proved public half of the key.
 * @throws TypeError ERR_INVALID_ARG_VALUE
 */
export function checkPublicHalf(
  key: { readonly label: string | undefined },
  options: KeyObjectOptions,
  publicKeyInfo: Buffer,
): void {
  if (options.publicKey === undefined) return;
  const proved = createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' });
  if (!toPublicKey(options.publicKey).equals(proved)) refuseOther(key);
}

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function checkKeyObjectOptions(options: KeyObjectOptions): void {
  requireOptions(options, 'the options of toKeyObject and tlsKey', ['publicKey']);
}
