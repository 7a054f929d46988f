/** Native keys of the model: PrivateKey.tlsKey and PrivateKey.toKeyObject. */
import type { KeyObject } from 'node:crypto';
import type { RawModule } from '../../raw';
import type { ModelPrivateKey } from '../model-types';
import { createReference, nameOf, placeOf, type Reference, refuseAlwaysAuthenticated } from './key-reference';
import { keyObjectOf, requireKeyObjects } from './openssl-support';
import {
  checkKeyObjectOptions,
  checkPublicHalf,
  type KeyObjectOptions,
  publicKeyInfoOf,
} from './public-half';
import { TlsAbilities, type TlsParameters } from './tls-algorithms';

/** The references in PEM, by key. */
const named = new WeakMap<ModelPrivateKey, Promise<Reference>>();
/** The references of token objects in PEM, by their names: one for each key, until the module is closed. */
const tokenKeys = new WeakMap<RawModule, Map<string, Reference>>();

/** Releases the name of a session object after its JavaScript object was collected. */
const collected = new FinalizationRegistry<Reference>(({ raw, id }) => raw.unclaimKeyReference(id));

/** Proved public halves. */
const halves = new WeakMap<ModelPrivateKey, Buffer>();

async function proved(key: ModelPrivateKey, options: KeyObjectOptions): Promise<Buffer> {
  const known = halves.get(key);
  if (known !== undefined) {
    checkPublicHalf(key, options, known);
    return known;
  }
  await refuseAlwaysAuthenticated(key);
  const half = await publicKeyInfoOf(key.session, key, options);
  halves.set(key, half);
  return half;
}

async function name(key: ModelPrivateKey, options: KeyObjectOptions): Promise<Reference> {
  const publicKeyInfo = await proved(key, options);
  if (!key.isTokenObject) {
    const reference = await createReference(key, publicKeyInfo);
    collected.register(key, reference);
    return reference;
  }
  const raw = key.use();
  let keys = tokenKeys.get(raw);
  if (keys === undefined) {
    keys = new Map();
    tokenKeys.set(raw, keys);
  }
  const keyName = nameOf(key, String(key.session.token.slot.id), publicKeyInfo);
  const known = keys.get(keyName);
  if (known !== undefined) {
    raw.updateKeyReference(known.id, placeOf(key)); // the handle is another one if the key was found again after a login
    return known;
  }
  const reference = await createReference(key, publicKeyInfo);
  const earlier = keys.get(keyName); // created by another call in the meantime
  if (earlier !== undefined) {
    raw.unclaimKeyReference(reference.id);
    return earlier;
  }
  keys.set(keyName, reference);
  return reference;
}

async function tlsReference(
  key: ModelPrivateKey,
  options: KeyObjectOptions,
): Promise<{ readonly pem: string; readonly abilities: TlsAbilities }> {
  checkKeyObjectOptions(options);
  let reference = named.get(key);
  if (reference === undefined) {
    reference = name(key, options);
    named.set(key, reference);
    reference.catch(() => named.delete(key));
  }
  const { pem, publicKeyInfo } = await reference;
  checkPublicHalf(key, options, publicKeyInfo);
  return { pem, abilities: new TlsAbilities(publicKeyInfo, await key.session.token.mechanismSet()) };
}

/** Returns the PEM of a key; see PrivateKey.tlsKey. */
export async function tlsKey(key: ModelPrivateKey, options: KeyObjectOptions = {}): Promise<string> {
  const { pem, abilities } = await tlsReference(key, options);
  abilities.warn(key.session.token.label);
  return pem;
}

/** Returns the result of {@link tlsKey} with the options of TLS that the key needs. */
export async function tlsParameters(
  key: ModelPrivateKey,
  options: KeyObjectOptions = {},
): Promise<TlsParameters> {
  const { pem, abilities } = await tlsReference(key, options);
  return { key: pem, ...abilities.algorithms() };
}

/** Returns the native KeyObject of a key; see PrivateKey.toKeyObject. */
export async function toKeyObject(key: ModelPrivateKey, options: KeyObjectOptions = {}): Promise<KeyObject> {
  checkKeyObjectOptions(options);
  requireKeyObjects();
  const { raw, id, pem } = await createReference(key, await proved(key, options));
  try {
    return keyObjectOf(pem);
  } finally {
    raw.unclaimKeyReference(id); // the KeyObject keeps the reference
  }
}
