import { until } from '../../core/deadlines';
import { afterwards, copy, copyMechanism } from '../../model/mechanisms/caller-copies';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { StorageObject } from '../../model/objects/storage-object';
import type { BatchSessions } from '../../model/operations/batch/batch-target';
import type { BytesLike } from '../../raw/values';
import type { OperationOptions } from '../client-types';
import { wipe } from '../connection/login-keeper';
import { onClient } from '../operations/batches';
import { withOptions } from '../operations/operation-options';
import { ClientObject } from './client-object';
import type { KeyOperation } from './key-operations';
import { STATEFUL } from './object-identity';

/** A key of the model, whose methods have the names of the operations. */
type ModelKeyMethods = StorageObject &
  Readonly<Record<KeyOperation, <T>(...args: readonly unknown[]) => Promise<T>>>;

/** C_DeriveKey has no Init function, after which a PIN could be sent; the model's signRecover() takes none. */
const WITHOUT_PIN: readonly KeyOperation[] = ['deriveBits', 'signRecover'];

/** A key of a client, which is used on any free session. */
export class ClientKey extends ClientObject {
  /** See OperatingKey. @internal */
  operate<T>(
    operation: KeyOperation,
    algorithm: MechanismInput,
    inputs: readonly (BytesLike | number | null)[],
    options: OperationOptions | undefined,
  ): Promise<T> {
    const copies = inputs.map((input) => copy(input as BytesLike));
    const { input, handBack } = copyMechanism(algorithm);
    const needsPin = WITHOUT_PIN.includes(operation) ? false : this.authenticatesAlways();
    const run = {
      callerOptions: options,
      repeatable: this.isRepeatable(operation),
      shares: 'operation',
    } as const;
    const result =
      needsPin === false
        ? this.use(operation, run, (key) => (key as ModelKeyMethods)[operation]<T>(input, ...copies))
        : withOptions(options, (signal) =>
            this.#operateWithPin<T>(operation, [input, ...copies], signal, needsPin),
          );
    return handBack === undefined ? result : result.then(afterwards(handBack));
  }

  /** Runs an operation of a key that may have CKA_ALWAYS_AUTHENTICATE. */
  async #operateWithPin<T>(
    operation: KeyOperation,
    args: readonly unknown[],
    signal: AbortSignal | undefined,
    asked: boolean | Promise<boolean>,
  ): Promise<T> {
    const needsPin = typeof asked === 'boolean' ? asked : await until(asked, signal);
    if (!needsPin) {
      const run = { signal, repeatable: this.isRepeatable(operation), shares: 'operation' } as const;
      return this.use(operation, run, (key) => (key as ModelKeyMethods)[operation]<T>(...args));
    }
    // A PIN is sent at most once for each call of the program, so the operation is not repeated.
    return this.use(operation, { signal, repeatable: false }, async (key, session) => {
      const pin = await this.client.contextPin(session, this, { signal });
      try {
        return await (key as ModelKeyMethods)[operation]<T>(...args, { pin });
      } finally {
        wipe(pin);
      }
    });
  }

  /** False for signatures of keys that can make a limited number of them: such a signature is not repeated. @internal */
  isRepeatable(operation: KeyOperation): boolean {
    return !operation.startsWith('sign') || !STATEFUL.includes(String(this.keyType));
  }

  /** Returns the free sessions of the client, for batches. @internal */
  batchSessions(): BatchSessions {
    return onClient(this.client, this);
  }

  /** Returns true for a key that requires the PIN for each operation (CKA_ALWAYS_AUTHENTICATE). @internal */
  authenticatesAlways(): boolean | Promise<boolean> {
    return false;
  }
}
