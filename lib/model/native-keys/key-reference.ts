/** References: the state of private keys of a token in the OpenSSL provider of the addon. */
import { createHash } from 'node:crypto';
import { type CryptokiError, ownError } from '../../core/errors';
import type { RawKeyPlace, RawModule } from '../../raw';
import type { ModelPrivateKey, ModelSession } from '../model-types';
import { opensslVersion } from './openssl-support';
import { readable } from './reading';

/** A reference, by its name in the addon. */
export interface Reference {
  readonly raw: RawModule;
  readonly id: string;
  /** PEM that represents the key within this process. */
  readonly pem: string;
  /** The public half, proved: a SubjectPublicKeyInfo in DER. */
  readonly publicKeyInfo: Buffer;
}

/**
 * Returns the place of a key, for the addon.
 * @param home the session that is used if the token allows no others
 */
export function placeOf(key: ModelPrivateKey, home: ModelSession = key.session): RawKeyPlace {
  const { session, handle, isPrivate } = key;
  const { readWrite } = home;
  return { slot: session.token.slot.id, handle, isPrivate, readWrite, session: home.name };
}

/**
 * Checks that a key does not have CKA_ALWAYS_AUTHENTICATE.
 * @throws ERR_CRYPTOKI_UNSUPPORTED
 */
export async function refuseAlwaysAuthenticated(key: ModelPrivateKey): Promise<void> {
  const { alwaysAuthenticate } = await readable(key, 'alwaysAuthenticate');
  if (!alwaysAuthenticate) return;
  throw ownError(
    'ERR_CRYPTOKI_UNSUPPORTED',
    'the key has CKA_ALWAYS_AUTHENTICATE: it needs the PIN for each operation, which cannot be entered during a TLS ' +
      'handshake; use sign() or decrypt() of the key',
  );
}

/**
 * Creates a reference with one claim to its name.
 * @param publicKeyInfo the public half, proved
 * @param onChange see RawModule.createKeyReference
 * @throws ERR_CRYPTOKI_UNSUPPORTED
 */
export async function createReference(
  key: ModelPrivateKey,
  publicKeyInfo: Buffer,
  home?: ModelSession,
  onChange?: (error: CryptokiError | undefined) => void,
): Promise<Reference> {
  const mechanisms = [...(await key.session.token.mechanismSet())];
  const raw = key.use();
  const reference = raw.createKeyReference(
    { ...placeOf(key, home), publicKeyInfo, mechanisms, opensslVersion: opensslVersion() },
    onChange,
  );
  return { raw, publicKeyInfo, ...reference };
}

/** Returns a name that is the same for all JavaScript objects for the same key of a token. */
export function nameOf(
  key: Pick<ModelPrivateKey, 'id' | 'label' | 'keyType'>,
  place: string,
  publicKeyInfo: Buffer,
): string {
  const { id, label, keyType } = key;
  return createHash('sha256')
    .update(JSON.stringify([place, id?.toString('hex'), label, keyType, publicKeyInfo.toString('base64')]))
    .digest('base64');
}
