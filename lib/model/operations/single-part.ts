/** Operations of keys of all classes on one message. Each is one native job on the key's session. */
import { isBytes } from '../../core/arguments';
import { isPromise } from '../../core/realms';
import type { BytesLike, RawMechanism } from '../../raw/values';
import { type ContextLogin, explained, loggedInFor, loggedInForSync } from '../login/context-login';
import { cipherMechanism } from '../mechanisms/cipher';
import { ecdsaOptions } from '../mechanisms/ecdsa-options';
import { checkKeyType, familyOf } from '../mechanisms/families';
import { type Ciphertext, watchIv, withIv } from '../mechanisms/made-iv';
import type { MechanismInput } from '../mechanisms/mechanism';
import { wrongCiphertext } from '../mechanisms/padding';
import { isOtherLength, type PreparedSignature, prepareSignature } from '../mechanisms/signature';
import type { ModelObject } from '../model-types';
import { formed, orderOfKey, orderOfKeySync, unformed } from './ecdsa-form';
import {
  cutAfter,
  cutDigest,
  isDoubtful,
  plainForm,
  plainFormSync,
  withDigest,
  withDigestSync,
} from './ecdsa-operation';
import { isImpossible, knownEcdsaLength, signatureLength, signatureLengthSync } from './signature-length';

function prepareFor(
  operation: 'Sign' | 'Verify',
  key: ModelObject,
  algorithm: MechanismInput,
  available: ReadonlySet<number>,
  data: BytesLike,
): PreparedSignature {
  const prepared = prepareSignature(algorithm, available, data);
  checkKeyType(operation, algorithm, prepared.mechanism.mechanism, key.identity.keyType);
  return prepared;
}

/** Prepares a signature. The result is a promise only if the mechanisms of the token were not read before. */
function prepare(
  operation: 'Sign' | 'Verify',
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
): PreparedSignature | Promise<PreparedSignature> {
  const available = key.session.token.mechanismSet();
  return isPromise(available)
    ? available.then((set) => prepareFor(operation, key, algorithm, set, data))
    : prepareFor(operation, key, algorithm, available, data);
}

/**
 * Signs a message; see PrivateKey.sign.
 * @param pin the PIN of `options`, copied by {@link loggedInFor}
 */
export async function sign(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  options?: ContextLogin,
  pin?: Uint8Array | null,
): Promise<Buffer> {
  const form = ecdsaOptions(algorithm);
  if (form !== undefined) {
    key.use();
    const order = await orderOfKey(key);
    return formed(form, await sign(key, form.input, data, options, pin), order);
  }
  if (options !== undefined) {
    return loggedInFor(key, options, (copied) => sign(key, algorithm, data, undefined, copied));
  }
  try {
    let raw = key.use();
    let prepared = prepare('Sign', key, algorithm, data);
    if (isPromise(prepared)) {
      prepared = await prepared;
      raw = key.use();
    }
    const { mechanism } = prepared;
    // A PIN is sent at most once per signature. The length is read first, so that no second attempt is needed.
    if (pin !== undefined && familyOf(mechanism.mechanism) === 'ECDSA') {
      await signatureLength(key, mechanism);
      raw = key.use();
    }
    const { message, digest } = cutDigest(prepared, knownEcdsaLength(key));
    let signature: Buffer;
    try {
      signature = await raw.sign(key.session.name, mechanism, key.handle, message, digest, pin);
    } catch (error) {
      signature = await sendSign(key, await cutAfter(error, key, prepared), pin);
    }
    if (!isDoubtful(mechanism, signature)) return signature;
    const preparedNow = prepared;
    const again = (): Promise<Buffer> => withDigest(key, preparedNow, (cut) => sendSign(key, cut, undefined));
    return await plainForm(key, mechanism, signature, pin === undefined ? again : undefined);
  } catch (error) {
    throw pin === undefined ? explained(key, error) : error;
  }
}

function sendSign(
  key: ModelObject,
  { mechanism, message, digest }: PreparedSignature,
  pin: Uint8Array | null | undefined,
): Promise<Buffer> {
  return key.use().sign(key.session.name, mechanism, key.handle, message, digest, pin);
}

/** Does the same as {@link sign}, and blocks the calling thread. */
export function signSync(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  options?: ContextLogin,
): Buffer {
  const form = ecdsaOptions(algorithm);
  if (form !== undefined) {
    const order = orderOfKeySync(key);
    return formed(form, signSync(key, form.input, data, options), order);
  }
  return loggedInForSync(key, options, (pin) => {
    const raw = key.use();
    const available = key.session.token.mechanismSetSync();
    const prepared = prepareFor('Sign', key, algorithm, available, data);
    const { mechanism } = prepared;
    const send = ({ message, digest }: PreparedSignature): Buffer =>
      raw.signSync(key.session.name, mechanism, key.handle, message, digest, pin);
    if (familyOf(mechanism.mechanism) !== 'ECDSA') return send(prepared);
    if (pin !== undefined) signatureLengthSync(key, mechanism);
    const signature = withDigestSync(key, prepared, send);
    const again = pin === undefined ? () => withDigestSync(key, prepared, send) : undefined;
    return plainFormSync(key, mechanism, signature, again);
  });
}

/** Verifies a signature or a MAC; see PublicKey.verify and SecretKey.verify. */
export async function verify(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  signature: BytesLike,
): Promise<boolean> {
  key.use();
  const form = ecdsaOptions(algorithm);
  if (form !== undefined) {
    const plain = unformed(form, signature, await orderOfKey(key));
    return plain !== undefined && verify(key, form.input, data, plain);
  }
  let prepared = prepare('Verify', key, algorithm, data);
  if (isPromise(prepared)) prepared = await prepared;
  const { mechanism, macLength } = prepared;
  if (isOtherLength(signature, macLength) || isImpossible(mechanism, signature)) return false;
  const send = ({ message, digest }: PreparedSignature): Promise<boolean> =>
    key.use().verify(key.session.name, mechanism, key.handle, message, signature, digest);
  const length = signatureLength(key, mechanism);
  if (!isPromise(length)) {
    return isOtherLength(signature, length) ? false : withDigest(key, prepared, send);
  }
  // Both calls are queued at once, before later calls of the caller on the session.
  const [known, verified] = await Promise.allSettled([length, withDigest(key, prepared, send)]);
  if (known.status === 'fulfilled' && isOtherLength(signature, known.value)) return false;
  if (verified.status === 'rejected') throw verified.reason;
  return verified.value;
}

/** Does the same as {@link verify}, and blocks the calling thread. */
export function verifySync(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  signature: BytesLike,
): boolean {
  const raw = key.use();
  const form = ecdsaOptions(algorithm);
  if (form !== undefined) {
    const plain = unformed(form, signature, orderOfKeySync(key));
    return plain !== undefined && verifySync(key, form.input, data, plain);
  }
  const available = key.session.token.mechanismSetSync();
  const prepared = prepareFor('Verify', key, algorithm, available, data);
  const { mechanism, macLength } = prepared;
  if (isOtherLength(signature, macLength) || isImpossible(mechanism, signature)) return false;
  if (isOtherLength(signature, signatureLengthSync(key, mechanism))) return false;
  return withDigestSync(key, prepared, ({ message, digest }) =>
    raw.verifySync(key.session.name, mechanism, key.handle, message, signature, digest),
  );
}

/**
 * Returns the mechanism that decrypts this ciphertext.
 * @throws CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_KEY_TYPE_INCONSISTENT
 */
function decipherFor(key: ModelObject, algorithm: MechanismInput, data: BytesLike): RawMechanism {
  const mechanism = cipherFor('Decrypt', key, algorithm);
  const error = isBytes(data) ? wrongCiphertext(mechanism, data.byteLength) : undefined;
  if (error !== undefined) throw error;
  return mechanism;
}

/**
 * Returns the mechanism of a cipher, checked to fit the key.
 * @throws CKR_KEY_TYPE_INCONSISTENT
 */
function cipherFor(
  operation: 'Encrypt' | 'Decrypt',
  key: ModelObject,
  algorithm: MechanismInput,
): RawMechanism {
  const mechanism = cipherMechanism(algorithm);
  checkKeyType(operation, algorithm, mechanism.mechanism, key.identity.keyType);
  return mechanism;
}

/** Encrypts a message; see SecretKey.encrypt. */
export async function encrypt(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
): Promise<Ciphertext> {
  const raw = key.use();
  const mechanism = cipherFor('Encrypt', key, algorithm);
  const madeIv = watchIv(algorithm, mechanism);
  const result = await raw.encrypt(key.session.name, mechanism, key.handle, data);
  return madeIv === undefined ? result : withIv(result, madeIv());
}

/** Does the same as {@link encrypt}, and blocks the calling thread. */
export function encryptSync(key: ModelObject, algorithm: MechanismInput, data: BytesLike): Ciphertext {
  const raw = key.use();
  const mechanism = cipherFor('Encrypt', key, algorithm);
  const madeIv = watchIv(algorithm, mechanism);
  const result = raw.encryptSync(key.session.name, mechanism, key.handle, data);
  return madeIv === undefined ? result : withIv(result, madeIv());
}

/** Decrypts a message; see PrivateKey.decrypt and SecretKey.decrypt. */
export function decrypt(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  options?: ContextLogin,
): Promise<Buffer> {
  return loggedInFor(key, options, async (pin) => {
    const raw = key.use();
    const mechanism = decipherFor(key, algorithm, data);
    return raw.decrypt(key.session.name, mechanism, key.handle, data, pin);
  });
}

/** Does the same as {@link decrypt}, and blocks the calling thread. */
export function decryptSync(
  key: ModelObject,
  algorithm: MechanismInput,
  data: BytesLike,
  options?: ContextLogin,
): Buffer {
  return loggedInForSync(key, options, (pin) => {
    const raw = key.use();
    const mechanism = decipherFor(key, algorithm, data);
    return raw.decryptSync(key.session.name, mechanism, key.handle, data, pin);
  });
}
