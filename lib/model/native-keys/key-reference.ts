/** References: what the OpenSSL provider in the addon knows of a private key in a token. */
import { createHash } from 'node:crypto';
import { CryptokiError } from '../../core/errors';
import type { RawKeyPlace, RawModule } from '../../raw';
import type { ModelPrivateKey, ModelSession } from '../model-types';
import { opensslVersion } from './openssl-support';
import { readable } from './reading';

/** A reference, by its name in the addon. */
export interface Reference {
  readonly raw: RawModule;
  readonly id: string;
  /** PEM that stands for the key within this process. */
  readonly pem: string;
  /** The public half, proved: a SubjectPublicKeyInfo in DER. */
  readonly publicKeyInfo: Buffer;
}

/** Where a key is, for the addon. @param home the session that is used where the token allows no other */
export function placeOf(key: ModelPrivateKey, home: ModelSession = key.session): RawKeyPlace {
  const { session, handle, isPrivate } = key;
  const { readWrite } = home;
  return { slot: session.token.slot.id, handle, isPrivate, readWrite, session: home.name };
}

/** @throws ERR_CRYPTOKI_UNSUPPORTED */
export async function refuseAlwaysAuthenticated(key: ModelPrivateKey): Promise<void> {
  const { alwaysAuthenticate } = await readable(key, 'alwaysAuthenticate');
  if (!alwaysAuthenticate) return;
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_UNSUPPORTED',
    detail:
      'the key has CKA_ALWAYS_AUTHENTICATE: it wants the PIN for each operation, for which nobody can be asked in the middle ' +
      'of a TLS handshake; use sign() or decrypt() of the key',
  });
}

/**
 * Makes a reference; there is one claim to its name.
 * @param publicKeyInfo the public half, proved
 * @param told see RawModule.createKeyReference
 * @throws ERR_CRYPTOKI_UNSUPPORTED
 */
export async function createReference(
  key: ModelPrivateKey,
  publicKeyInfo: Buffer,
  home?: ModelSession,
  told?: (error: CryptokiError | undefined) => void,
): Promise<Reference> {
  const mechanisms = [...(await key.session.token.mechanismSet())];
  const raw = key.use();
  const made = raw.createKeyReference(
    { ...placeOf(key, home), publicKeyInfo, mechanisms, opensslVersion: opensslVersion() },
    told,
  );
  return { raw, publicKeyInfo, ...made };
}

/** The same for all objects that stand for the same key of a token. */
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
