import { isBytes, viewOf } from '../../core/arguments';
import { isCode } from '../../core/errors';
import { asyncDispose } from '../../core/realms';
import { requireSelection } from '../../core/selection';
import { emitWarning } from '../../core/warnings';
import type { AllAttributeValues, AttributeName, Attributes } from '../../model/attributes';
import { copyMembers } from '../../model/mechanisms/caller-copies';
import { type FindOptions, findObjects, findOne } from '../../model/objects/find-objects';
import type { KeyType, ObjectClass } from '../../model/objects/identity';
import { Key } from '../../model/objects/key';
import type { StorageObject } from '../../model/objects/storage-object';
import type { Session } from '../../model/session';
import type { ClientMembers, OperationOptions, RunOptions } from '../client-types';
import { checkOperationOptions } from '../operations/operation-options';
import type { Lease } from '../pool/session-pool';
import { ObjectIdentity } from './object-identity';

/** A session object that was collected without having been disposed of. */
interface Leak {
  /** The client that has found or created the object. @internal */
  readonly client: ClientMembers;
  readonly object: StorageObject;
  readonly unpin: () => void;
  readonly subject: string;
}

/** Keeps the session of a session object open. Shared by all ClientObjects for the object; released with the last of them. */
class SessionHold {
  readonly #unpin: () => void;

  constructor(leak: Leak) {
    this.#unpin = leak.unpin;
    leaks.register(this, leak, this);
  }

  release(): void {
    leaks.unregister(this);
    this.#unpin();
  }
}

const leaks = new FinalizationRegistry<Leak>(({ client, object, unpin, subject }) => {
  if (client.closed) return; // its sessions and their objects no longer exist
  emitWarning(
    'CRYPTOKI_OBJECT_LEAK',
    `${subject} was collected without having been disposed of; use "await using" or destroy() to free its session`,
  );
  client
    .run('destroy', { repeatable: false }, (session) => object.on(session).destroy())
    .catch(() => {}) // it may not exist any more
    .finally(unpin);
});

/** Operations that do not use a key's value: they do not need a trial of the key. */
const WITHOUT_TRIAL = ['attributes', 'setAttributes', 'destroy', 'identity', 'toX509'];

/**
 * An object of a client, which does not depend on a handle. A token object is found again after a recovery, by its label and
 * id, and proved to be the same before it is used: by CKA_UNIQUE_ID, its public key, its value (of a certificate) or its check
 * value. If the token has none of them for a private or secret key, a trial with random data proves it (one signature, MAC,
 * encryption or key agreement when it is found or first used, and one after each loss). Otherwise its constant attributes are
 * compared. Another object with the same name is not used: ERR_CRYPTOKI_OBJECT_NOT_FOUND.
 *
 * A session object keeps its session open until it is disposed of. It does not survive the loss of that session.
 */
export class ClientObject implements AsyncDisposable {
  /** The client that has found or created the object. @internal */
  readonly client: ClientMembers;
  /** CKA_CLASS; undefined if the module does not return it. */
  readonly class: ObjectClass | undefined;
  /** CKA_LABEL when the object was found or created, or the last value that setAttributes() of this object has set. */
  readonly label: string | undefined;
  /** CKA_ID when the object was found or created, or the last value that setAttributes() of this object has set. */
  readonly id: Buffer | undefined;
  /** CKA_KEY_TYPE, of keys. */
  readonly keyType: KeyType | undefined;
  /** CKA_TOKEN */
  readonly isTokenObject: boolean;
  /** CKA_PRIVATE */
  readonly isPrivate: boolean;
  #object: StorageObject;
  #generation: number;
  /** The object on each session on which it was used. */
  #onSessions = new WeakMap<Session, StorageObject>();
  #finding: { readonly generation: number; readonly object: Promise<StorageObject> } | undefined;
  #hold: SessionHold | undefined;
  readonly #identity: ObjectIdentity;
  #learning: Promise<void> | undefined;

  /** @internal */
  constructor(client: ClientMembers, object: StorageObject, generation: number) {
    this.client = client;
    this.class = object.class;
    this.label = object.label;
    this.id = object.id;
    this.keyType = object instanceof Key ? object.keyType : undefined;
    this.isTokenObject = object.isTokenObject;
    this.isPrivate = object.isPrivate;
    this.#object = object;
    this.#generation = generation;
    this.#identity = new ObjectIdentity(client, this);
  }

  /** Reads attributes by name, as far as they can be read; see StorageObject.attributes. */
  attributes<Name extends AttributeName>(
    ...names: readonly Name[]
  ): Promise<Partial<Pick<AllAttributeValues, Name>>> {
    return this.use('attributes', { repeatable: true }, (object) => object.attributes(...names));
  }

  /**
   * Changes attributes; see StorageObject.setAttributes. The call is not repeated after an error. `label` and `id` of this object
   * get the new values, by which it is found again.
   */
  async setAttributes(attributes: Attributes): Promise<void> {
    requireSelection(attributes, 'the attributes to change', 'give at least one attribute');
    const changes = copyMembers(attributes);
    const renamed = this.#identity.rename(changes); // before the call, whose result may be lost
    await this.use('setAttributes', { repeatable: false }, (object) => object.setAttributes(changes));
    renamed();
    const { label, id } = changes;
    if (label !== undefined) {
      Object.assign(this, { label: isBytes(label) ? Buffer.from(viewOf(label)).toString() : label });
    }
    if (id !== undefined) Object.assign(this, { id: Buffer.from(viewOf(id)) });
  }

  /**
   * Copies the object; see StorageObject.copy. A copy with token: false keeps its session open until it is disposed of. The call
   * is not repeated, unless the token has refused it before it did anything.
   * @param attributes attributes of the copy that differ, such as `label` and `id`. After a loss a token object is found again by
   *   these two, so give a copy its own
   */
  async copy(attributes: Attributes = {}, options: OperationOptions = {}): Promise<this> {
    const changes = copyMembers(attributes);
    const [made] = await this.client.make('copy', options, this, async (object) => [
      await object.copy(changes),
    ]);
    return made as this;
  }

  /** Destroys the object; see StorageObject.destroy. */
  async destroy(): Promise<void> {
    await this.use('destroy', { repeatable: false }, (object) => object.destroy());
    this.#release();
  }

  /** Destroys a session object and frees its session. Does nothing to a token object. */
  async [asyncDispose](): Promise<void> {
    if (this.isTokenObject || this.#hold === undefined) return;
    try {
      if (!this.client.closed) await this.destroy();
    } catch (error) {
      if (
        !isCode(error, 'ERR_CRYPTOKI_OBJECT_DEAD', 'CKR_OBJECT_HANDLE_INVALID', 'ERR_CRYPTOKI_CLIENT_CLOSED')
      )
        throw error;
    } finally {
      this.#release();
    }
  }

  /** Runs `work` with the object on a lent session. @internal */
  use<T>(
    operation: string,
    options: Pick<RunOptions, 'signal' | 'callerOptions' | 'repeatable' | 'shares'>,
    work: (object: StorageObject, session: Session) => Promise<T>,
  ): Promise<T> {
    return this.client.runner.run(operation, options, work, this);
  }

  /** Keeps the session that created the object open until the object is released. @internal */
  pin(lease: Lease): void {
    const unpin = lease.pin();
    const { client } = this;
    const subject = this.label ? `the session object "${this.label}"` : 'a session object';
    this.#hold = new SessionHold({ client, object: this.#object, unpin, subject });
  }

  /** Returns another ClientObject for the same object, which exists as long as either of them. @internal */
  standIn(): this {
    const Same = this.constructor as new (...args: ConstructorParameters<typeof ClientObject>) => this;
    const other = new Same(this.client, this.#object, this.#generation);
    other.#hold = this.#hold;
    return other;
  }

  #release(): void {
    this.#hold?.release();
    this.#hold = undefined;
  }

  /**
   * Reads what proves the object after a loss.
   * @param object on a session that nothing else uses meanwhile
   * @param fully true if a trial of the key is allowed
   * @internal
   */
  learn(object: StorageObject, fully: boolean): Promise<void> {
    this.#learning ??= this.#identity.learn(object, fully).finally(() => {
      this.#learning = undefined;
    });
    return this.#learning;
  }

  /**
   * Returns the object on a session. After a loss it is found again and proved to be the same, once for all callers.
   * @internal
   */
  on(session: Session, operation: string): StorageObject | Promise<StorageObject> {
    const { generation } = this.client;
    const fully = !WITHOUT_TRIAL.includes(operation);
    // A session object cannot be found again. The model checks if it still exists.
    if (!this.isTokenObject) return this.#objectOn(session);
    if (this.#generation === generation) {
      const object = this.#objectOn(session);
      return this.#identity.isKnown(fully) ? object : this.#learn(object, fully);
    }
    if (this.#finding?.generation !== generation) {
      const object = this.#findAgain(session, generation).finally(() => {
        if (this.#finding?.object === object) this.#finding = undefined;
      });
      this.#finding = { generation, object };
    }
    return this.#finding.object.then((object) => {
      const found = object.on(session);
      return this.#identity.isKnown(fully) ? found : this.#learn(found, fully);
    });
  }

  #objectOn(session: Session): StorageObject {
    let object = this.#onSessions.get(session);
    if (object === undefined) {
      object = this.#object.on(session);
      this.#onSessions.set(session, object);
    }
    return object;
  }

  async #learn(object: StorageObject, fully: boolean): Promise<StorageObject> {
    do await this.learn(object, fully);
    while (!this.#identity.isKnown(fully)); // it may have joined one that another operation began without a trial
    return object;
  }

  async #findAgain(session: Session, generation: number): Promise<StorageObject> {
    const found = await this.#identity.find(session);
    if (generation === this.client.generation) {
      this.#object = found;
      this.#onSessions = new WeakMap();
      this.#generation = generation;
    }
    return found;
  }
}

/** Finds the one object of a class; see Client.privateKey. */
export function findClientObject<T extends ClientObject>(
  client: ClientMembers,
  objectClass: ObjectClass,
  attributes: Attributes,
  options: OperationOptions | undefined,
  make: (object: StorageObject, generation: number) => T,
): Promise<T> {
  return client.run('find', { callerOptions: options, repeatable: true }, async (session) => {
    const { generation } = client;
    const object = await findOne(session, objectClass, attributes);
    const found = make(object, generation);
    if (found.isTokenObject) await found.learn(object, true);
    return found;
  });
}

/** Finds objects; see Client.find. It makes no trials of keys. */
export function findClientObjects(
  client: ClientMembers,
  attributes: Attributes,
  options: (OperationOptions & FindOptions) | undefined,
  make: (object: StorageObject, generation: number) => ClientObject,
): Promise<ClientObject[]> {
  if (options !== undefined) checkOperationOptions(options, 'the options of find', 'limit');
  const { limit, ...rest } = options ?? {};
  return client.run('find', { callerOptions: options && rest, repeatable: true }, async (session) => {
    const { generation } = client;
    const objects = await findObjects(session, attributes, { limit });
    return Promise.all(
      objects.map(async (object) => {
        const found = make(object, generation);
        if (found.isTokenObject) await found.learn(object, false);
        return found;
      }),
    );
  });
}
