/** Keys that are wrapped and unwrapped by other keys, and encapsulated keys. Each operation is one call. */
import { wrongType, wrongValue } from '../../core/argument-errors';
import { bytesOf } from '../../core/arguments';
import { requirePlain } from '../../core/selection';
import type { BytesLike } from '../../raw/values';
import type { Attributes } from '../attributes';
import { copyMechanism } from '../mechanisms/caller-copies';
import { checkKeyType } from '../mechanisms/families';
import { type Ciphertext, watchIv, withIv } from '../mechanisms/made-iv';
import type { MechanismInput } from '../mechanisms/mechanism';
import { encapsulationMechanism, wrappingMechanism } from '../mechanisms/wrapping';
import type { MadeObject, ModelKey, ModelObject } from '../model-types';
import {
  type NewSecretKeyOptions,
  privateKeyAttributes,
  secretKeyAttributes,
  type UnwrapOptions,
} from '../objects/new-key';
import { checkRequested, makeKey } from './make-key';

const WRAPPABLE = ['SECRET_KEY', 'PRIVATE_KEY'];

/**
 * Checks that a value is a key that can be wrapped.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function requireWrappable(key: { readonly class: unknown }): void {
  if (typeof key !== 'object' || key === null || !('class' in key) || !('isTokenObject' in key)) {
    throw wrongType('key', 'a secret or private key on the token', key);
  }
  if (WRAPPABLE.includes(String(key.class))) return;
  throw wrongValue(
    `key must be a secret or private key; an object of the class ${String(key.class)} cannot be wrapped`,
  );
}

/**
 * Wraps a key; see Wrapping.wrapKey.
 * @param associatedData calls C_WrapKeyAuthenticated with it; undefined: C_WrapKey
 */
export async function wrapKey(
  wrappingKey: ModelKey,
  algorithm: MechanismInput,
  key: ModelObject,
  associatedData?: BytesLike,
): Promise<Ciphertext> {
  wrappingKey.use();
  requireWrappable(key);
  const { session } = wrappingKey;
  const { handle } = key.on(session);
  const available = await session.token.mechanismSet();
  const mechanism = wrappingMechanism(algorithm, available);
  checkKeyType('Wrap', algorithm, mechanism.mechanism, wrappingKey.identity.keyType);
  const madeIv = watchIv(algorithm, mechanism);
  const raw = wrappingKey.use();
  key.use();
  const wrapped =
    associatedData === undefined
      ? await raw.C_WrapKey(session.name, mechanism, wrappingKey.handle, handle)
      : await raw.C_WrapKeyAuthenticated(session.name, mechanism, wrappingKey.handle, handle, associatedData);
  return madeIv === undefined ? wrapped : withIv(wrapped, madeIv());
}

/** Returns the template of an unwrapped key. */
function unwrapAttributes(options: UnwrapOptions): Attributes {
  const subject = 'the options of unwrapKey';
  requirePlain(options, subject);
  const { class: objectClass = 'SECRET_KEY', ...rest } = options;
  if (rest.keyType === undefined) {
    throw wrongType(
      'keyType',
      "the type of the wrapped key, such as 'AES'; the wrapped bytes do not contain it",
      undefined,
    );
  }
  if (objectClass === 'SECRET_KEY') return secretKeyAttributes(rest as NewSecretKeyOptions, subject);
  if (objectClass === 'PRIVATE_KEY')
    return privateKeyAttributes(rest as Parameters<typeof privateKeyAttributes>[0], subject);
  throw wrongValue("class must be 'SECRET_KEY' or 'PRIVATE_KEY' for an unwrapped key");
}

/** Unwraps a key; see Unwrapping.unwrapKey. */
export async function unwrapKey(
  unwrappingKey: ModelKey,
  algorithm: MechanismInput,
  wrapped: BytesLike,
  options: UnwrapOptions,
  associatedData?: BytesLike,
): Promise<MadeObject> {
  unwrappingKey.use();
  const requested = unwrapAttributes(options);
  const bytes = Buffer.from(bytesOf(wrapped, 'wrapped'));
  if (bytes.length === 0) throw wrongValue('wrapped must not be empty');
  const { session } = unwrappingKey;
  checkRequested(unwrappingKey, requested);
  const { input } = copyMechanism(algorithm);
  const mechanism = wrappingMechanism(input, await session.token.mechanismSet());
  checkKeyType('Unwrap', input, mechanism.mechanism, unwrappingKey.identity.keyType);
  return makeKey(unwrappingKey, requested, (raw, template) =>
    associatedData === undefined
      ? raw.C_UnwrapKey(session.name, mechanism, unwrappingKey.handle, bytes, template)
      : raw.C_UnwrapKeyAuthenticated(
          session.name,
          mechanism,
          unwrappingKey.handle,
          bytes,
          template,
          associatedData,
        ),
  );
}

/** Encapsulates a key; see Encapsulating.encapsulate. */
export async function encapsulate(
  publicKey: ModelKey,
  algorithm: MechanismInput,
  options: NewSecretKeyOptions,
): Promise<{ readonly ciphertext: Buffer; readonly made: MadeObject }> {
  publicKey.use();
  const requested = secretKeyAttributes(options, 'the options of encapsulate');
  const { session } = publicKey;
  checkRequested(publicKey, requested);
  const { input } = copyMechanism(algorithm);
  const mechanism = encapsulationMechanism(input, await session.token.mechanismSet());
  let ciphertext: Buffer | undefined;
  const made = await makeKey(publicKey, requested, async (raw, template) => {
    const result = await raw.C_EncapsulateKey(session.name, mechanism, publicKey.handle, template);
    ciphertext = result.ciphertext;
    return result.key;
  });
  return { ciphertext: ciphertext as Buffer, made };
}

/** Decapsulates a key; see Decapsulating.decapsulate. */
export async function decapsulate(
  privateKey: ModelKey,
  algorithm: MechanismInput,
  ciphertext: BytesLike,
  options: NewSecretKeyOptions,
): Promise<MadeObject> {
  privateKey.use();
  const requested = secretKeyAttributes(options, 'the options of decapsulate');
  const bytes = Buffer.from(bytesOf(ciphertext, 'ciphertext'));
  if (bytes.length === 0) throw wrongValue('ciphertext must not be empty');
  const { session } = privateKey;
  checkRequested(privateKey, requested);
  const { input } = copyMechanism(algorithm);
  const mechanism = encapsulationMechanism(input, await session.token.mechanismSet());
  return makeKey(privateKey, requested, (raw, template) =>
    raw.C_DecapsulateKey(session.name, mechanism, privateKey.handle, template, bytes),
  );
}
