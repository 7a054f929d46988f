/** The operations of a client's keys that make other keys, in groups that have the names of their attributes. */
import { wrongValue } from '../../core/argument-errors';
import { requireOptionsObject } from '../../core/arguments';
import { isPromise } from '../../core/realms';
import { afterwards, copy, copyMechanism, copyMembers } from '../../model/mechanisms/caller-copies';
import type { Ciphertext } from '../../model/mechanisms/made-iv';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { ModelObject } from '../../model/model-types';
import type {
  NewSecretKeyOptions,
  UnwrapOptions,
  UnwrapPrivateKeyOptions,
  UnwrapSecretKeyOptions,
} from '../../model/objects/new-key';
import type { StorageObject } from '../../model/objects/storage-object';
import { withKeyObject } from '../../model/operations/agreement';
import { requireWrappable } from '../../model/operations/wrap';
import type { BytesLike } from '../../raw/values';
import type { ClientObjectMembers, OperationOptions } from '../client-types';
import { type DeriveBitsOperation, deriveBitsOperation } from './key-operations';

/** The methods of a capability. Their descriptions are in its interface. */
type Capability<T> = T & ThisType<ClientObjectMembers & T>;

/** @typeParam S the class ClientSecretKey */
export interface ClientDeriving<S> extends DeriveBitsOperation {
  /**
   * Derives a secret key on the token; see PrivateKey.deriveKey. With token: false (the default) the key keeps its session open
   * until it is disposed of. The operation is not repeated, unless the token has refused it before it did anything.
   */
  deriveKey(algorithm: MechanismInput, options?: NewSecretKeyOptions & OperationOptions): Promise<S>;
}

/** The capability for the class S. */
export function clientDeriving<S>(): Capability<ClientDeriving<S>> {
  return {
    ...deriveBitsOperation,
    async deriveKey(algorithm, options = {}) {
      const resolved = withKeyObject(copyMechanism(algorithm).input);
      const input = isPromise(resolved) ? await resolved : resolved;
      return (await makeKey(this, 'deriveKey', input, [], options)) as S;
    },
  } as Capability<ClientDeriving<S>>;
}

/** A key of the model with the methods of {@link Wrapping}. */
type WrappingKey = StorageObject &
  Readonly<
    Record<
      'wrapKey' | 'wrapKeyAuthenticated',
      (algorithm: MechanismInput, key: StorageObject, associatedData?: BytesLike) => Promise<Ciphertext>
    >
  >;

/** Wraps a key on one lent session, on which both keys are found. */
function wrapOnSession(
  wrappingKey: ClientObjectMembers,
  algorithm: MechanismInput,
  key: ClientObjectMembers,
  associatedData: BytesLike | undefined,
  options: OperationOptions | undefined,
): Promise<Ciphertext> {
  requireWrappable(key);
  if (key.client !== wrappingKey.client) {
    throw wrongValue('key must be a key of the same client, because both keys must be on the same token');
  }
  const { input, handBack } = copyMechanism(algorithm);
  const data = associatedData === undefined ? undefined : copy(associatedData);
  const operation = data === undefined ? 'wrapKey' : 'wrapKeyAuthenticated';
  const result = wrappingKey.use(
    operation,
    { callerOptions: options, repeatable: true },
    async (wrapper, session) =>
      (wrapper as WrappingKey)[operation](input, await key.on(session, operation), data),
  );
  return handBack === undefined ? result : result.then(afterwards(handBack));
}

export interface ClientWrapping {
  /** Wraps a key of the same client, with both keys on one session; see SecretKey.wrapKey. */
  wrapKey(
    algorithm: MechanismInput,
    key: ClientObjectMembers,
    options?: OperationOptions,
  ): Promise<Ciphertext>;

  /** Wraps a key with associated data; see SecretKey.wrapKeyAuthenticated. */
  wrapKeyAuthenticated(
    algorithm: MechanismInput,
    key: ClientObjectMembers,
    associatedData: BytesLike,
    options?: OperationOptions,
  ): Promise<Ciphertext>;
}

export const clientWrapping: Capability<ClientWrapping> = {
  async wrapKey(algorithm, key, options) {
    return wrapOnSession(this, algorithm, key, undefined, options);
  },
  async wrapKeyAuthenticated(algorithm, key, associatedData, options) {
    return wrapOnSession(this, algorithm, key, associatedData, options);
  },
};

/** @typeParam S the class ClientSecretKey @typeParam P the class ClientPrivateKey */
export interface ClientUnwrapping<S, P> {
  /**
   * Unwraps a key; see SecretKey.unwrapKey. With token: false (the default) the key keeps its session open until it is disposed
   * of. The operation is not repeated, unless the token has refused it before it did anything.
   */
  unwrapKey(
    algorithm: MechanismInput,
    wrapped: BytesLike,
    options: UnwrapSecretKeyOptions & OperationOptions,
  ): Promise<S>;
  unwrapKey(
    algorithm: MechanismInput,
    wrapped: BytesLike,
    options: UnwrapPrivateKeyOptions & OperationOptions,
  ): Promise<P>;

  /** Unwraps a key that was wrapped with associated data; see SecretKey.unwrapKeyAuthenticated and {@link unwrapKey}. */
  unwrapKeyAuthenticated(
    algorithm: MechanismInput,
    wrapped: BytesLike,
    associatedData: BytesLike,
    options: UnwrapSecretKeyOptions & OperationOptions,
  ): Promise<S>;
  unwrapKeyAuthenticated(
    algorithm: MechanismInput,
    wrapped: BytesLike,
    associatedData: BytesLike,
    options: UnwrapPrivateKeyOptions & OperationOptions,
  ): Promise<P>;
}

/** A key of the model with methods that make one key, by name. */
type MakingKey = StorageObject &
  Readonly<Record<string, (...parameters: readonly unknown[]) => Promise<ModelObject>>>;

/**
 * Makes one key with another on a lent session.
 * @param inputs the arguments between the algorithm and the options
 */
async function makeKey(
  key: ClientObjectMembers,
  method: string,
  algorithm: MechanismInput,
  inputs: readonly BytesLike[],
  options: OperationOptions & (UnwrapOptions | NewSecretKeyOptions),
): Promise<ClientObjectMembers> {
  requireOptionsObject(options, `the options of ${method}`);
  const { signal, timeout, ...rest } = copyMembers(options);
  const { input } = copyMechanism(algorithm);
  const copies = inputs.map(copy);
  const [made] = await key.client.make(method, { signal, timeout }, key, async (object) => {
    const call = (object as MakingKey)[method] as MakingKey[string];
    return [(await call.call(object, input, ...copies, rest)) as StorageObject];
  });
  return made as ClientObjectMembers;
}

/** The capability for the classes S and P. */
export function clientUnwrapping<S, P>(): Capability<ClientUnwrapping<S, P>> {
  const methods: ThisType<ClientObjectMembers> = {
    unwrapKey(algorithm: MechanismInput, wrapped: BytesLike, options: UnwrapOptions & OperationOptions) {
      return makeKey(this, 'unwrapKey', algorithm, [wrapped], options);
    },
    unwrapKeyAuthenticated(
      algorithm: MechanismInput,
      wrapped: BytesLike,
      associatedData: BytesLike,
      options: UnwrapOptions & OperationOptions,
    ) {
      return makeKey(this, 'unwrapKeyAuthenticated', algorithm, [wrapped, associatedData], options);
    },
  };
  return methods as Capability<ClientUnwrapping<S, P>>;
}

/** @typeParam S the class ClientSecretKey */
export interface ClientEncapsulating<S> {
  /** Makes a secret key and its ciphertext; see PublicKey.encapsulate. Session objects as in ClientSecretKey.unwrapKey. */
  encapsulate(
    algorithm: MechanismInput,
    options?: NewSecretKeyOptions & OperationOptions,
  ): Promise<{ readonly ciphertext: Buffer; readonly key: S }>;
}

type EncapsulatingKey = StorageObject & {
  encapsulate(
    algorithm: MechanismInput,
    options: NewSecretKeyOptions,
  ): Promise<{ readonly ciphertext: Buffer; readonly key: ModelObject }>;
};

/** The capability for the class S. */
export function clientEncapsulating<S>(): Capability<ClientEncapsulating<S>> {
  return {
    async encapsulate(algorithm, options = {}) {
      requireOptionsObject(options, 'the options of encapsulate');
      const { signal, timeout, ...rest } = copyMembers(options);
      const { input } = copyMechanism(algorithm);
      let ciphertext: Buffer | undefined;
      const [key] = await this.client.make('encapsulate', { signal, timeout }, this, async (object) => {
        const result = await (object as EncapsulatingKey).encapsulate(input, rest);
        ciphertext = result.ciphertext;
        return [result.key as StorageObject];
      });
      return { ciphertext: ciphertext as Buffer, key: key as S };
    },
  };
}

/** @typeParam S the class ClientSecretKey */
export interface ClientDecapsulating<S> {
  /** Returns the secret key of a ciphertext; see PrivateKey.decapsulate. Session objects as in ClientSecretKey.unwrapKey. */
  decapsulate(
    algorithm: MechanismInput,
    ciphertext: BytesLike,
    options?: NewSecretKeyOptions & OperationOptions,
  ): Promise<S>;
}

/** The capability for the class S. */
export function clientDecapsulating<S>(): Capability<ClientDecapsulating<S>> {
  return {
    async decapsulate(algorithm, ciphertext, options = {}) {
      return (await makeKey(this, 'decapsulate', algorithm, [ciphertext], options)) as S;
    },
  };
}
