/** What keys do, whatever class they are of. Each is one native job on the key's session. */

import type { BytesLike } from '../../raw/values';
import { type ContextLogin, loggedInFor, loggedInForSync } from '../login/context-login';
import { cipherMechanism } from '../mechanisms/cipher';
import type { MechanismInput } from '../mechanisms/mechanism';
import { isOtherLength, type PreparedSignature, prepareSignature } from '../mechanisms/signature';
import type { ModelObject } from '../model-types';

/** A promise only when the mechanisms of the token could not be asked before. */
function prepare(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
): PreparedSignature | Promise<PreparedSignature> {
  const available = key.session.token.mechanismSet();
  return available instanceof Promise
    ? available.then((set) => prepareSignature(algorithm, set, data))
    : prepareSignature(algorithm, available, data);
}

export function sign(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  options?: ContextLogin,
): Promise<Buffer> {
  return loggedInFor(key, options, async (pin) => {
    key.use();
    let prepared = prepare(key, algorithm, data);
    if (prepared instanceof Promise) prepared = await prepared;
    const { mechanism, message, digest } = prepared;
    return key.use().sign(key.session.name, mechanism, key.handle, message, digest, pin);
  });
}

export function signSync(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  options?: ContextLogin,
): Buffer {
  return loggedInForSync(key, options, (pin) => {
    const raw = key.use();
    const available = key.session.token.mechanismSetSync();
    const { mechanism, message, digest } = prepareSignature(algorithm, available, data);
    return raw.signSync(key.session.name, mechanism, key.handle, message, digest, pin);
  });
}

export async function verify(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  signature: BytesLike,
): Promise<boolean> {
  key.use();
  let prepared = prepare(key, algorithm, data);
  if (prepared instanceof Promise) prepared = await prepared;
  const { mechanism, message, digest, macLength } = prepared;
  if (isOtherLength(signature, macLength)) return false;
  return key.use().verify(key.session.name, mechanism, key.handle, message, signature, digest);
}

export function verifySync(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  signature: BytesLike,
): boolean {
  const raw = key.use();
  const { mechanism, message, digest, macLength } = prepareSignature(
    algorithm,
    key.session.token.mechanismSetSync(),
    data,
  );
  if (isOtherLength(signature, macLength)) return false;
  return raw.verifySync(key.session.name, mechanism, key.handle, message, signature, digest);
}

export async function encrypt(key: ModelObject, algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
  return key.use().encrypt(key.session.name, cipherMechanism(algorithm), key.handle, data);
}

export function encryptSync(key: ModelObject, algorithm: MechanismInput, data: BytesLike): Buffer {
  return key.use().encryptSync(key.session.name, cipherMechanism(algorithm), key.handle, data);
}

export function decrypt(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  options?: ContextLogin,
): Promise<Buffer> {
  return loggedInFor(key, options, async (pin) =>
    key.use().decrypt(key.session.name, cipherMechanism(algorithm), key.handle, data, pin),
  );
}

export function decryptSync(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  options?: ContextLogin,
): Buffer {
  return loggedInForSync(key, options, (pin) =>
    key.use().decryptSync(key.session.name, cipherMechanism(algorithm), key.handle, data, pin),
  );
}
