/** What keys do, whatever class they are of. Each is one native job on the key's session. */
import { cipherMechanism } from '../mechanisms/cipher';
import type { MechanismInput } from '../mechanisms/mechanism';
import { planSignature, prepareMessage, prepareMessageSync } from '../mechanisms/signature';
import type { BytesLike } from '../raw/types';
import type { StorageObject } from './storage-object';

export async function sign(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
  key.use();
  const plan = planSignature(algorithm, await key.session.token.mechanismSet());
  const message = await prepareMessage(plan, data);
  return key.use().sign(key.session.handle, plan.mechanism, key.handle, message);
}

export function signSync(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Buffer {
  const raw = key.use();
  const plan = planSignature(algorithm, key.session.token.mechanismSetSync());
  return raw.signSync(key.session.handle, plan.mechanism, key.handle, prepareMessageSync(plan, data));
}

export async function verify(
  key: StorageObject,
  algorithm: MechanismInput,
  data: BytesLike,
  signature: BytesLike,
): Promise<boolean> {
  key.use();
  const plan = planSignature(algorithm, await key.session.token.mechanismSet());
  const message = await prepareMessage(plan, data);
  return key.use().verify(key.session.handle, plan.mechanism, key.handle, message, signature);
}

export function verifySync(
  key: StorageObject,
  algorithm: MechanismInput,
  data: BytesLike,
  signature: BytesLike,
): boolean {
  const raw = key.use();
  const plan = planSignature(algorithm, key.session.token.mechanismSetSync());
  const message = prepareMessageSync(plan, data);
  return raw.verifySync(key.session.handle, plan.mechanism, key.handle, message, signature);
}

export async function encrypt(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
  return key.use().encrypt(key.session.handle, cipherMechanism(algorithm), key.handle, data);
}

export function encryptSync(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Buffer {
  return key.use().encryptSync(key.session.handle, cipherMechanism(algorithm), key.handle, data);
}

export async function decrypt(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
  return key.use().decrypt(key.session.handle, cipherMechanism(algorithm), key.handle, data);
}

export function decryptSync(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Buffer {
  return key.use().decryptSync(key.session.handle, cipherMechanism(algorithm), key.handle, data);
}
