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

/** What PEM names, by key. */
const named = new WeakMap<ModelPrivateKey, Promise<Reference>>();
/** What PEM names of token objects, by what tells keys from each other: one name per key, until the module is closed. */
const tokenKeys = new WeakMap<RawModule, Map<string, Reference>>();

/** The name of a session object goes with the last object that stands for it. */
const collected = new FinalizationRegistry<Reference>(({ raw, id }) => raw.unclaimKeyReference(id));

/** Public halves that are proved. */
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
    const made = await createReference(key, publicKeyInfo);
    collected.register(key, made);
    return made;
  }
  const raw = key.use();
  let keys = tokenKeys.get(raw);
  if (keys === undefined) {
    keys = new Map();
    tokenKeys.set(raw, keys);
  }
  const its = nameOf(key, String(key.session.token.slot.id), publicKeyInfo);
  const known = keys.get(its);
  if (known !== undefined) {
    raw.updateKeyReference(known.id, placeOf(key)); // it may have been found anew, after a login
    return known;
  }
  const made = await createReference(key, publicKeyInfo);
  const first = keys.get(its); // of two that were made at the same time
  if (first !== undefined) {
    raw.unclaimKeyReference(made.id);
    return first;
  }
  keys.set(its, made);
  return made;
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

/** See PrivateKey.tlsKey. */
export async function tlsKey(key: ModelPrivateKey, options: KeyObjectOptions = {}): Promise<string> {
  const { pem, abilities } = await tlsReference(key, options);
  abilities.warn(key.session.token.label);
  return pem;
}

/** What {@link tlsKey} gives, and the options of TLS that go with it. */
export async function tlsParameters(
  key: ModelPrivateKey,
  options: KeyObjectOptions = {},
): Promise<TlsParameters> {
  const { pem, abilities } = await tlsReference(key, options);
  return { key: pem, ...abilities.algorithms() };
}

/** See PrivateKey.toKeyObject. */
export async function toKeyObject(key: ModelPrivateKey, options: KeyObjectOptions = {}): Promise<KeyObject> {
  checkKeyObjectOptions(options);
  requireKeyObjects();
  const { raw, id, pem } = await createReference(key, await proved(key, options));
  try {
    return keyObjectOf(pem);
  } finally {
    raw.unclaimKeyReference(id); // it lives on in the KeyObject
  }
}
