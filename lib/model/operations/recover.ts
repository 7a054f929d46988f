/** Signatures that contain the signed data, and the digest of a key. Each operation is one native job. */
import { wrongType, wrongValue } from '../../core/argument-errors';
import type { BytesLike, RawMechanism } from '../../raw/values';
import { digestMechanism } from '../mechanisms/digest';
import { checkKeyType } from '../mechanisms/families';
import { asMechanism, type MechanismInput } from '../mechanisms/mechanism';
import type { ModelKey, ModelObject, ModelSession } from '../model-types';

function mechanismFor(operation: 'Sign' | 'Verify', key: ModelKey, algorithm: MechanismInput): RawMechanism {
  const mechanism = asMechanism(algorithm);
  if (mechanism === undefined)
    throw wrongType('the algorithm', "an object with a mechanism ({ mechanism: 'RSA_PKCS' })", algorithm);
  checkKeyType(operation, algorithm, mechanism.mechanism, key.identity.keyType);
  return mechanism;
}

/** See PrivateKey.signRecover. */
export async function signRecover(
  key: ModelKey,
  algorithm: MechanismInput,
  data: BytesLike,
): Promise<Buffer> {
  const raw = key.use();
  return raw.signRecover(key.session.name, mechanismFor('Sign', key, algorithm), key.handle, data);
}

/** See PublicKey.verifyRecover. */
export async function verifyRecover(
  key: ModelKey,
  algorithm: MechanismInput,
  signature: BytesLike,
): Promise<Buffer> {
  const raw = key.use();
  return raw.verifyRecover(key.session.name, mechanismFor('Verify', key, algorithm), key.handle, signature);
}

/** See Session.digestKey. */
export async function digestKey(
  session: ModelSession,
  algorithm: MechanismInput,
  key: ModelObject,
): Promise<Buffer> {
  const raw = session.use();
  const mechanism = digestMechanism(algorithm);
  if (typeof key?.on !== 'function') throw wrongType('key', 'a secret key on the token', key);
  if (key.class !== 'SECRET_KEY') {
    throw wrongValue(
      `key must be a secret key; an object of the class ${String(key.class)} cannot be digested`,
    );
  }
  const { handle } = key.on(session);
  key.use();
  return raw.digestKey(session.name, mechanism, handle);
}
