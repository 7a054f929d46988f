import { CryptokiError, isCode } from '../../core/errors';
import type { AllAttributeValues, AttributeName, Attributes } from '../../model/attributes';
import { findObjects, findOne } from '../../model/objects/find-objects';
import type { KeyType } from '../../model/objects/key';
import { Key } from '../../model/objects/key';
import type { ObjectClass, StorageObject } from '../../model/objects/storage-object';
import type { Session } from '../../model/session';
import type { Client } from '../client';
import type { OperationOptions } from '../client-types';
import type { RunOptions } from '../operations/operation-runner';
import type { Lease } from '../pool/session-pool';

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

/**
 * An object as a client sees it: known by what it is, not by a handle. A token object is found again after a recovery, if
 * there is exactly one like it. A session object keeps its session open until it is disposed of; when that session is lost,
 * the object is dead.
 */
export class ClientObject implements AsyncDisposable {
  readonly client: Client;
  /** CKA_CLASS; undefined if the module does not tell. */
  readonly class: ObjectClass | undefined;
  /** CKA_LABEL when the object was found or made. */
  readonly label: string | undefined;
  /** CKA_ID when the object was found or made. */
  readonly id: Buffer | undefined;
  /** CKA_KEY_TYPE, of keys. */
  readonly keyType: KeyType | undefined;
  /** CKA_TOKEN */
  readonly isTokenObject: boolean;
  /** CKA_PRIVATE */
  readonly isPrivate: boolean;
  #object: StorageObject;
  #generation: number;
  #finding: { readonly generation: number; readonly object: Promise<StorageObject> } | undefined;
  #hold: Hold | undefined;

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
  }

  /** Attributes by name, as many as can be read; see StorageObject.attributes. */
  attributes<Name extends AttributeName>(
    ...names: readonly Name[]
  ): Promise<Partial<Pick<AllAttributeValues, Name>>> {
    return this.use('attributes', { repeatable: true }, (object) => object.attributes(...names));
  }

  /** Changes attributes; see StorageObject.setAttributes. It is not done again after an error. */
  setAttributes(attributes: Attributes): Promise<void> {
    return this.use('setAttributes', { repeatable: false }, (object) => object.setAttributes(attributes));
  }

  /** Destroys the object; see StorageObject.destroy. */
  async destroy(): Promise<void> {
    await this.use('destroy', { repeatable: false }, (object) => object.destroy());
    this.#release();
  }

  /** Destroys a session object and frees its session. Token objects stay. */
  async [Symbol.asyncDispose](): Promise<void> {
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
    options: Pick<RunOptions, 'signal' | 'repeatable' | 'shares'>,
    work: (object: StorageObject, session: Session) => Promise<T>,
  ): Promise<T> {
    const { signal, shares } = options;
    const run = {
      signal,
      shares,
      key: this.label,
      get repeatable() {
        return options.repeatable; // as it is when an error has come
      },
    };
    return this.client.run(operation, run, (session) => {
      const object = this.#on(session);
      return object instanceof Promise ? object.then((found) => work(found, session)) : work(object, session);
    });
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

  #on(session: Session): StorageObject | Promise<StorageObject> {
    const { generation } = this.client;
    // A session object cannot be found again: whether it lives, the model knows.
    if (this.#generation === generation || !this.isTokenObject) return this.#object.on(session);
    if (this.#finding?.generation !== generation) {
      const object = this.#findAgain(session, generation).finally(() => {
        if (this.#finding?.object === object) this.#finding = undefined;
      });
      this.#finding = { generation, object };
    }
    return this.#finding.object.then((object) => object.on(session));
  }

  async #findAgain(session: Session, generation: number): Promise<StorageObject> {
    const { label, id, keyType } = this;
    if (!label && !id?.length) {
      throw new CryptokiError({
        code: 'ERR_CRYPTOKI_OBJECT_DEAD',
        detail:
          'the object has neither label nor id, so it cannot be told from others after its sessions were lost; find it anew',
      });
    }
    const like: Attributes = {
      token: true,
      ...(label === undefined ? {} : { label }),
      ...(id === undefined ? {} : { id }),
      ...(keyType === undefined ? {} : { keyType }),
    };
    const found = await findOne(session, this.class, like);
    if (generation === this.client.generation) {
      this.#object = found;
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
  return client.run('find', { ...options, repeatable: true }, async (session) => {
    const { generation } = client;
    return make(await findOne(session, objectClass, attributes), generation);
  });
}

/** All objects; see Client.find. */
export function findClientObjects(
  client: Client,
  attributes: Attributes,
  options: OperationOptions | undefined,
  make: (object: StorageObject, generation: number) => ClientObject,
): Promise<ClientObject[]> {
  return client.run('find', { ...options, repeatable: true }, async (session) => {
    const { generation } = client;
    const found = await findObjects(session, attributes, {});
    return found.map((object) => make(object, generation));
  });
}
