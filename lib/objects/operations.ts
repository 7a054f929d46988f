/** What keys do, whatever class they are of. Each is one native job on the key's session. */
import { cipherMechanism } from '../mechanisms/cipher';
import type { MechanismInput } from '../mechanisms/mechanism';
import { planSignature, prepareMessage, prepareMessageSync } from '../mechanisms/signature';
import type { BytesLike, RawMechanism } from '../raw/types';
import type { StorageObject } from './storage-object';

interface Prepared {
  readonly mechanism: RawMechanism;
  readonly message: BytesLike;
}

/** The plan and the message for it; a promise only where the mechanisms are not known or the digest takes long. */
function prepare(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Prepared | Promise<Prepared> {
  const withMechanisms = (available: ReadonlySet<number>): Prepared | Promise<Prepared> => {
    const plan = planSignature(algorithm, available);
    const message = prepareMessage(plan, data);
    const { mechanism } = plan;
    return message instanceof Promise ? message.then((done) => ({ mechanism, message: done })) : { mechanism, message };
  };
  const available = key.session.token.mechanismSet();
  return available instanceof Promise ? available.then(withMechanisms) : withMechanisms(available);
}

function prepareSync(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Prepared {
  const plan = planSignature(algorithm, key.session.token.mechanismSetSync());
  return { mechanism: plan.mechanism, message: prepareMessageSync(plan, data) };
}

export async function sign(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
  key.use();
  let prepared = prepare(key, algorithm, data);
  if (prepared instanceof Promise) prepared = await prepared;
  return key.use().sign(key.session.handle, prepared.mechanism, key.handle, prepared.message);
}

export function signSync(key: StorageObject, algorithm: MechanismInput, data: BytesLike): Buffer {
  const raw = key.use();
  const { mechanism, message } = prepareSync(key, algorithm, data);
  return raw.signSync(key.session.handle, mechanism, key.handle, message);
}

export async function verify(
  key: StorageObject,
  algorithm: MechanismInput,
  data: BytesLike,
  signature: BytesLike,
): Promise<boolean> {
  key.use();
  let prepared = prepare(key, algorithm, data);
  if (prepared instanceof Promise) prepared = await prepared;
  return key.use().verify(key.session.handle, prepared.mechanism, key.handle, prepared.message, signature);
}

export function verifySync(
  key: StorageObject,
  algorithm: MechanismInput,
  data: BytesLike,
  signature: BytesLike,
): boolean {
  const raw = key.use();
  const { mechanism, message } = prepareSync(key, algorithm, data);
  return raw.verifySync(key.session.handle, mechanism, key.handle, message, signature);
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
