/** Signatures of digests that were computed elsewhere. */
import type { BytesLike } from '../../raw/values';
import type { ContextLogin } from '../login/context-login';
import { ecdsaOptions } from '../mechanisms/ecdsa-options';
import type { Mechanism, MechanismInput } from '../mechanisms/mechanism';
import { digestMethod } from '../mechanisms/signature';
import type { ModelObject } from '../model-types';
import { formed, orderOfKey, unformed } from './ecdsa-form';
import { sign, verify } from './single-part';

async function methodFor(
  key: ModelObject,
  input: MechanismInput,
  digest: BytesLike,
): Promise<{ readonly mechanism: Mechanism; readonly message: BytesLike }> {
  key.use();
  const { mechanism, message } = digestMethod(input, await key.session.token.mechanismSet(), digest);
  return { mechanism: mechanism as Mechanism, message };
}

/** Signs a digest; see PrivateKey.signDigest. */
export async function signDigest(
  key: ModelObject,
  algorithm: MechanismInput,
  digest: BytesLike,
  options?: ContextLogin,
): Promise<Buffer> {
  const form = ecdsaOptions(algorithm);
  const { mechanism, message } = await methodFor(key, form?.input ?? algorithm, digest);
  if (form === undefined) return sign(key, mechanism, message, options);
  const order = await orderOfKey(key);
  return formed(form, await sign(key, mechanism, message, options), order);
}

/** Verifies the signature of a digest; see PublicKey.verifyDigest. */
export async function verifyDigest(
  key: ModelObject,
  algorithm: MechanismInput,
  digest: BytesLike,
  signature: BytesLike,
): Promise<boolean> {
  const form = ecdsaOptions(algorithm);
  const { mechanism, message } = await methodFor(key, form?.input ?? algorithm, digest);
  if (form === undefined) return verify(key, mechanism, message, signature);
  const plain = unformed(form, signature, await orderOfKey(key));
  return plain !== undefined && verify(key, mechanism, message, plain);
}
