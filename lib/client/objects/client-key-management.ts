/** The operations of a client's keys that make other keys, in groups that have the names of their attributes. */
import { requireOptionsObject } from '../../core/arguments';
import { isPromise } from '../../core/realms';
import { copyMechanism, copyMembers } from '../../model/mechanisms/caller-copies';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { ModelObject } from '../../model/model-types';
import type { NewSecretKeyOptions } from '../../model/objects/new-key';
import type { StorageObject } from '../../model/objects/storage-object';
import { withKeyObject } from '../../model/operations/agreement';
import type { ClientObjectMembers, OperationOptions } from '../client-types';
import { type DeriveBitsOperation, deriveBitsOperation } from './key-operations';

/** The methods of a capability. Their descriptions are in its interface. */
type Capability<T> = T & ThisType<ClientObjectMembers & T>;

/** A key of the model with the methods of {@link Deriving}. */
type DerivingKey = StorageObject & {
  deriveKey(algorithm: MechanismInput, options: NewSecretKeyOptions): Promise<ModelObject>;
};

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
      requireOptionsObject(options, 'the options of deriveKey');
      const { signal, timeout, ...rest } = copyMembers(options);
      const resolved = withKeyObject(copyMechanism(algorithm).input);
      const input = isPromise(resolved) ? await resolved : resolved;
      const [made] = await this.client.make('deriveKey', { signal, timeout }, this, async (key) => [
        (await (key as DerivingKey).deriveKey(input, rest)) as StorageObject,
      ]);
      return made as S;
    },
  } as Capability<ClientDeriving<S>>;
}
