import { isBytes, viewOf } from '../../core/arguments';
import { isCode } from '../../core/errors';
import { asyncDispose } from '../../core/realms';
import { requireSelection } from '../../core/selection';
import type { AllAttributeValues, AttributeName, Attributes } from '../../model/attributes';
import { copyMembers } from '../../model/mechanisms/caller-copies';
import { type FindOptions, findObjects, findOne } from '../../model/objects/find-objects';
import type { KeyType, ObjectClass } from '../../model/objects/identity';
import { Key } from '../../model/objects/key';
import type { StorageObject } from '../../model/objects/storage-object';
import type { Session } from '../../model/session';
import type { Client } from '../client';
import type { OperationOptions, RunOptions } from '../client-types';
import { checkOperationOptions } from '../operations/operation-options';
import type { Lease } from '../pool/session-pool';
import { ObjectIdentity } from './object-identity';

/** What is left of a session object that nobody disposed of. */
interface Leak {
  readonly client: Client;
  readonly object: StorageObject;
  readonly unpin: () => void;
  readonly what: string;
}

/** Keeps the session of a session object open. All that stand for the object share it; with the last of them it goes. */
class Hold {
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

const leaks = new FinalizationRegistry<Leak>(({ client, object, unpin, what }) => {
  if (client.closed) return; // the object died with it
  process.emitWarning(
    `${what} was collected without having been disposed of; use "await using" or destroy() to free its session`,
    { type: 'CryptokiWarning', code: 'CRYPTOKI_OBJECT_LEAK' },
  );
  client
    .run('destroy', { repeatable: false }, (session) => object.on(session).destroy())
    .catch(() => {}) // it may be dead already
    .finally(unpin);
});

/** Operations in which a key does nothing: it is not tried for them. */
const WITHOUT_TRIAL = ['attributes', 'setAttributes', 'destroy', 'identity', 'toX509'];

/**
 * An object as a client sees it: known by what it is, not by a handle. A token object is found again after a recovery, by its
 * label and id, and proved to be the same before it is used: by CKA_UNIQUE_ID, its public key, its value (of a certificate)
 * or its check value; a private or secret key whose token tells none of them by what it does with random data (one signature,
 * MAC, encryption or key agreement when it is found or first used, and one after each loss); else by what cannot change of
 * it. Another object that has taken its name is not taken for it: ERR_CRYPTOKI_OBJECT_NOT_FOUND.
 *
 * A session object keeps its session open until it is disposed of; when that session is lost, the object is dead.
 */
export class ClientObject implements AsyncDisposable {
  readonly client: Client;
  /** CKA_CLASS; undefined if the module does not tell. */
  readonly class: ObjectClass | undefined;
  /** CKA_LABEL when the object was found or made, or as setAttributes() of this object has changed it. */
  readonly label: string | undefined;
  /** CKA_ID when the object was found or made, or as setAttributes() of this object has changed it. */
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
  #hold: Hold | undefined;
  readonly #identity: ObjectIdentity;
  #learning: Promise<void> | undefined;

  /** @internal */
  constructor(client: Client, object: StorageObject, generation: number) {
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

  /** Attributes by name, as many as can be read; see StorageObject.attributes. */
  attributes<Name extends AttributeName>(
    ...names: readonly Name[]
  ): Promise<Partial<Pick<AllAttributeValues, Name>>> {
    return this.use('attributes', { repeatable: true }, (object) => object.attributes(...names));
  }

  /**
   * Changes attributes; see StorageObject.setAttributes. It is not done again after an error. `label` and `id` of this object
   * follow, and it is found again by them.
   */
  async setAttributes(attributes: Attributes): Promise<void> {
    requireSelection(attributes, 'the attributes to change', 'name what is to change');
    const changes = copyMembers(attributes);
    const renamed = this.#identity.rename(changes); // also if the answer is lost
    await this.use('setAttributes', { repeatable: false }, (object) => object.setAttributes(changes));
    renamed();
    const { label, id } = changes;
    if (label !== undefined) {
      Object.assign(this, { label: isBytes(label) ? Buffer.from(viewOf(label)).toString() : label });
    }
    if (id !== undefined) Object.assign(this, { id: Buffer.from(viewOf(id)) });
  }

  /** Destroys the object; see StorageObject.destroy. */
  async destroy(): Promise<void> {
    await this.use('destroy', { repeatable: false }, (object) => object.destroy());
    this.#release();
  }

  /** Destroys a session object and frees its session. Token objects stay. */
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

  /**
   * Does something with the object on a lent session.
   * @internal
   */
  use<T>(
    operation: string,
    options: Pick<RunOptions, 'signal' | 'given' | 'repeatable' | 'shares'>,
    work: (object: StorageObject, session: Session) => Promise<T>,
  ): Promise<T> {
    return this.client.runner.run(operation, options, work, this);
  }

  /** The session that made the object stays open until it is released. @internal */
  pin(lease: Lease): void {
    const unpin = lease.pin();
    const { client } = this;
    const what = this.label ? `the session object "${this.label}"` : 'a session object';
    this.#hold = new Hold({ client, object: this.#object, unpin, what });
  }

  /** Another one for the same object, which lives as long as either of them. @internal */
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

  /** Learns what proves the object after a loss, as it is made. @param object on a session of its own for the time @internal */
  learn(object: StorageObject, fully: boolean): Promise<void> {
    this.#learning ??= this.#identity.learn(object, fully).finally(() => {
      this.#learning = undefined;
    });
    return this.#learning;
  }

  /**
   * Returns the object on a session. After a loss it is found again and proved to be the same, once for all who ask.
   * @internal
   */
  on(session: Session, operation: string): StorageObject | Promise<StorageObject> {
    const { generation } = this.client;
    const fully = !WITHOUT_TRIAL.includes(operation);
    // A session object cannot be found again: whether it lives, the model knows.
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
    while (!this.#identity.isKnown(fully)); // somebody else's learning was for less
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

/** The one object of a class; see Client.privateKey. */
export function findClientObject<T extends ClientObject>(
  client: Client,
  objectClass: ObjectClass,
  attributes: Attributes,
  options: OperationOptions | undefined,
  make: (object: StorageObject, generation: number) => T,
): Promise<T> {
  return client.run('find', { given: options, repeatable: true }, async (session) => {
    const { generation } = client;
    const object = await findOne(session, objectClass, attributes);
    const made = make(object, generation);
    if (made.isTokenObject) await made.learn(object, true);
    return made;
  });
}

/** All objects; see Client.find. No key is tried for it. */
export function findClientObjects(
  client: Client,
  attributes: Attributes,
  options: (OperationOptions & FindOptions) | undefined,
  make: (object: StorageObject, generation: number) => ClientObject,
): Promise<ClientObject[]> {
  if (options !== undefined) checkOperationOptions(options, 'the options of find', 'limit');
  const { limit, ...given } = options ?? {};
  return client.run('find', { given: options && given, repeatable: true }, async (session) => {
    const { generation } = client;
    const found = await findObjects(session, attributes, { limit });
    const made = found.map((object) => ({ its: make(object, generation), object }));
    await Promise.all(made.map(({ its, object }) => its.isTokenObject && its.learn(object, false)));
    return made.map(({ its }) => its);
  });
}
