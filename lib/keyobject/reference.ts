/** References: what the OpenSSL provider in the addon knows of a private key in a token. */
import type { KeyObject } from 'node:crypto';
import { CryptokiError } from '../errors';
import type { PrivateKey } from '../objects/private-key';
import type { RawModule } from '../raw';
import type { Session } from '../session';
import { checkKeyObjectOptions, type KeyObjectOptions, publicKeyInfoOf } from './public-half';
import { keyObjectOf, opensslVersion, requireKeyObjects } from './support';

/** A reference, by its name in the addon. */
export interface Reference {
  readonly raw: RawModule;
  readonly id: string;
  /** PEM that stands for the key within this process. */
  readonly pem: string;
}

/** Where the key is. */
export function placeOf(key: PrivateKey): { slot: bigint; handle: bigint; isPrivate: boolean } {
  const { session, handle, isPrivate } = key;
  return { slot: session.token.slot.id, handle, isPrivate };
}

async function refuseAlwaysAuthenticated(key: PrivateKey): Promise<void> {
  const { alwaysAuthenticate } = await key.attributes('alwaysAuthenticate');
  if (!alwaysAuthenticate) return;
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_UNSUPPORTED',
    detail:
      'the key has CKA_ALWAYS_AUTHENTICATE: it wants the PIN for each operation, for which nobody can be asked in the middle ' +
      'of a TLS handshake; use sign() or decrypt() of the key',
  });
}

/**
 * Makes a reference.
 * @param lost called when the key is not where it was
 * @throws ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_OBJECT_NOT_FOUND
 */
export async function createReference(
  session: Session,
  key: PrivateKey,
  options: KeyObjectOptions,
  lost?: (error: CryptokiError) => void,
): Promise<Reference> {
  await refuseAlwaysAuthenticated(key);
  const publicKeyInfo = await publicKeyInfoOf(session, key, options);
  const mechanisms = [...(await session.token.mechanismSet())];
  const raw = key.use();
  const made = raw.createKeyReference(
    { ...placeOf(key), publicKeyInfo, mechanisms, opensslVersion: opensslVersion() },
    lost,
  );
  return { raw, ...made };
}

/** By key, the PEM that names it: while its module is open. */
const references = new WeakMap<PrivateKey, Promise<Reference>>();

/** See PrivateKey.tlsKey. */
export async function tlsKey(key: PrivateKey, options: KeyObjectOptions = {}): Promise<string> {
  checkKeyObjectOptions(options);
  let reference = references.get(key);
  if (reference === undefined) {
    reference = createReference(key.session, key, options);
    references.set(key, reference);
    reference.catch(() => references.delete(key));
  }
  return (await reference).pem;
}

/** See PrivateKey.toKeyObject. */
export async function toKeyObject(key: PrivateKey, options: KeyObjectOptions = {}): Promise<KeyObject> {
  checkKeyObjectOptions(options);
  requireKeyObjects();
  const { raw, id, pem } = await createReference(key.session, key, options);
  try {
    return keyObjectOf(pem);
  } finally {
    raw.forgetKeyReference(id); // it lives on in the KeyObject
  }
}
