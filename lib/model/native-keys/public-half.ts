/** The public key that belongs to a private key in a token: OpenSSL wants to know it. */
import { createPublicKey, KeyObject, X509Certificate } from 'node:crypto';
import { argumentError, isBytes, requireOptions, valueError, viewOf } from '../../core/arguments';
import { CryptokiError, isCode } from '../../core/errors';
import type { BytesLike } from '../../raw/values';
import type { ModelCertificate, ModelPrivateKey, ModelPublicKey, ModelSession } from '../model-types';
import { Proof } from './proof';
import { findable, isRefusal, readable } from './reading';

/** A public key, in one of the forms that it comes in. */
export type PublicHalf = KeyObject | X509Certificate | string | BytesLike;

/** How a private key is made a native one. */
export interface KeyObjectOptions {
  /**
   * The public key, where the token does not have it: a KeyObject, an X509Certificate, PEM, or a SubjectPublicKeyInfo in
   * DER. Left out, it is looked for in the token: in the private key itself (CKA_MODULUS, CKA_PUBLIC_KEY_INFO), then among
   * the public keys and certificates with the same CKA_ID, and at last among those with the same label. Whichever it is, it
   * is proved to belong to the private key: by the modulus, or by a trial (one signature, decryption or key agreement).
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

/** Of a private RSA key that tells its modulus. */
async function fromModulus(key: ModelPrivateKey): Promise<KeyObject | undefined> {
  const { modulus, publicExponent } = await readable(key, 'modulus', 'publicExponent');
  if (!modulus?.length || !publicExponent?.length) return undefined;
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: publicExponent.toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

/** A key that cannot be read is not the one. @throws what tells that something is lost */
async function ifReadable(publicKey: () => Promise<KeyObject>): Promise<KeyObject | undefined> {
  try {
    return await publicKey();
  } catch (error) {
    if (!(error instanceof CryptokiError) || error.code === 'ERR_CRYPTOKI_UNSUPPORTED') return undefined;
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** What may be the public key, the likeliest first: by what the key says of itself, by id, by label. */
async function* candidates(
  session: ModelSession,
  key: ModelPrivateKey,
): AsyncGenerator<KeyObject | undefined> {
  const { publicKeyInfo } = await readable(key, 'publicKeyInfo');
  if (publicKeyInfo?.length) {
    yield ifReadable(async () => createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' }));
  }
  const { id, label, keyType } = key;
  for (const like of [id?.length ? { id } : undefined, label ? { label } : undefined]) {
    if (like === undefined) continue;
    for (const object of await findable(session, { class: 'PUBLIC_KEY', ...like })) {
      const its = object as ModelPublicKey;
      if (keyType === undefined || its.keyType === undefined || its.keyType === keyType) {
        yield ifReadable(() => its.toKeyObject());
      }
    }
    for (const object of await findable(session, { class: 'CERTIFICATE', ...like })) {
      yield ifReadable(async () => (await (object as ModelCertificate).toX509()).publicKey);
    }
  }
}

/** The public key that belongs to a private key, where a trial shows it; else those with its id or label that may. */
export interface PublicHalves {
  readonly proved: KeyObject | undefined;
  readonly candidates: readonly KeyObject[];
}

/**
 * Looks for the public key that belongs to a private key in its token.
 * @param mayTry whether the private key may do something for the proof
 * @throws what tells that session, login, object or token is lost
 */
export async function publicHalvesOf(
  session: ModelSession,
  key: ModelPrivateKey,
  mayTry: boolean,
): Promise<PublicHalves> {
  const proof = mayTry ? new Proof(key) : undefined;
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
 * Whether a public key belongs to a private key; undefined where the private key can do nothing that would show it.
 * @throws what tells that session, login, object or token is lost
 */
export function isHalfOf(key: ModelPrivateKey, publicKey: KeyObject): Promise<boolean | undefined> {
  return belongsTo(new Proof(key), publicKey);
}

const infoOf = (publicKey: KeyObject): Buffer => publicKey.export({ type: 'spki', format: 'der' });

/** @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND */
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
  const others =
    refused.size === 0
      ? ''
      : ` (a trial with the private key has shown that ${refused.size} with its id or label belong to another key)`;
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
    detail:
      `the token has no public key or certificate that belongs to the private key "${key.label ?? ''}"${others}; ` +
      'give it: { publicKey }',
  });
}

/**
 * Refuses a public key that is another's.
 * @throws TypeError ERR_INVALID_ARG_VALUE
 */
function refuseOther(key: { readonly label: string | undefined }): never {
  throw valueError(
    `publicKey does not belong to the private key "${key.label ?? ''}": give the public key, or the certificate, of this key`,
  );
}

/**
 * The public key as a SubjectPublicKeyInfo in DER, proved to belong to the private key: by its modulus where it tells that,
 * else by a trial (a signature, a decryption, a key agreement).
 * @param session where to look for it
 * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND; ERR_CRYPTOKI_UNSUPPORTED for keys that can do nothing; TypeError
 *   ERR_INVALID_ARG_VALUE for a public key that belongs to another
 */
export async function publicKeyInfoOf(
  session: ModelSession,
  key: ModelPrivateKey,
  options: KeyObjectOptions,
): Promise<Buffer> {
  const wanted = options.publicKey === undefined ? undefined : given(options.publicKey);
  const itself = await fromModulus(key);
  if (itself !== undefined && wanted?.asymmetricKeyType !== 'rsa-pss') {
    return wanted === undefined || wanted.equals(itself) ? infoOf(itself) : refuseOther(key);
  }
  const proof = new Proof(key);
  if (wanted === undefined) return fromToken(session, key, proof);
  return (await proof.proves(wanted)) ? infoOf(wanted) : refuseOther(key);
}

/**
 * Refuses options that do not fit a key whose public half is proved.
 * @throws TypeError ERR_INVALID_ARG_VALUE
 */
export function checkPublicHalf(
  key: { readonly label: string | undefined },
  options: KeyObjectOptions,
  publicKeyInfo: Buffer,
): void {
  if (options.publicKey === undefined) return;
  const its = createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' });
  if (!given(options.publicKey).equals(its)) refuseOther(key);
}

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function checkKeyObjectOptions(options: KeyObjectOptions): void {
  requireOptions(options, 'the options of toKeyObject and tlsKey', ['publicKey']);
}
