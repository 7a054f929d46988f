import { wrongType, wrongValue } from '../../core/argument-errors';
import { CryptokiError, ownError } from '../../core/errors';
import { asyncDispose } from '../../core/realms';
import { requireSelection } from '../../core/selection';
import { CKR } from '../../generated/constants';
import type { RawModule } from '../../raw';
import {
  type AllAttributeValues,
  type AttributeName,
  type Attributes,
  attributeType,
  fromResults,
  toTemplate,
} from '../attributes';
import { useForWriting, type Writing } from '../login/session-access';
import type { Session } from '../session';
import type { ObjectClass } from './identity';
import { IDENTITY, type Identity } from './identity';

/** The end of an object. All JavaScript objects for the same object, on any session, share one (see StorageObject.on). */
export interface Life {
  /** The session that created it, if it is a session object that this program created. */
  readonly creator: Session | undefined;
  /** The epoch of the login in which it was found or created. */
  readonly loginEpoch: number;
  destroyed: boolean;
}

/**
 * An object on a token: a key, a certificate, data. It is used through one session; {@link on} returns the same object
 * for another session.
 *
 * An object created with token: false is a session object: it ends with the session that created it. The handle of a
 * private object is valid until the login ends. Later uses fail with ERR_CRYPTOKI_OBJECT_DEAD before any call is made.
 */
export class StorageObject implements AsyncDisposable {
  readonly session: Session;
  /** CK_OBJECT_HANDLE, for use with `module.raw`. */
  readonly handle: bigint;
  /** CKA_CLASS; undefined if the module does not return it. */
  readonly class: ObjectClass | undefined;
  /** CKA_LABEL at the time the object was found or created. */
  readonly label: string | undefined;
  /** CKA_ID at the time the object was found or created. */
  readonly id: Buffer | undefined;
  /** CKA_TOKEN: true if the object outlives its session. */
  readonly isTokenObject: boolean;
  /** CKA_PRIVATE: true if the object can only be used while a user is logged in. */
  readonly isPrivate: boolean;
  readonly #identity: Identity;
  readonly #life: Life;

  /** @internal */
  constructor(session: Session, handle: bigint, identity: Identity, life: Life) {
    this.session = session;
    this.handle = handle;
    this.class = identity.class;
    this.label = identity.label;
    this.id = identity.id;
    this.isTokenObject = identity.token ?? true;
    this.isPrivate = identity.private ?? false;
    this.#identity = identity;
    this.#life = life;
  }

  /**
   * Returns the same object for use through another session with the token, so that one key can sign on several sessions at
   * the same time.
   * @throws TypeError ERR_INVALID_ARG_TYPE; TypeError ERR_INVALID_ARG_VALUE for a session of another token or Module
   */
  on(session: Session): this {
    if (session?.token?.slot === undefined) throw wrongType('session', 'a session', session);
    if (session.token.slot !== this.session.token.slot) {
      throw wrongValue(
        'session must be of the same token and the same Module as the object; find the object on that session instead',
      );
    }
    const SameClass = this.constructor as new (...args: ConstructorParameters<typeof StorageObject>) => this;
    return new SameClass(session, this.handle, this.#identity, this.#life);
  }

  /**
   * Reads attributes by name (C_GetAttributeValue, PKCS#11 3.1, section 5.7.5). Those that are sensitive, or that the
   * object does not have, are absent from the result.
   */
  async attributes<Name extends AttributeName>(
    ...names: readonly Name[]
  ): Promise<Partial<Pick<AllAttributeValues, Name>>> {
    const types = names.map(attributeType);
    return fromResults(names, await this.use().C_GetAttributeValue(this.session.name, this.handle, types));
  }

  /**
   * Reads one attribute.
   * @throws CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID; ERR_CRYPTOKI_ATTRIBUTE if the module returns no value
   */
  async attribute<Name extends AttributeName>(name: Name): Promise<AllAttributeValues[Name]> {
    const results = await this.use().C_GetAttributeValue(this.session.name, this.handle, [
      attributeType(name),
    ]);
    const value = fromResults([name], results)[name];
    if (value !== undefined) return value as AllAttributeValues[Name];
    const detail = `the object has no readable value for ${name}`;
    const reason = results[0]?.reason;
    if (reason === undefined || reason === 'unavailable') {
      throw ownError('ERR_CRYPTOKI_ATTRIBUTE', detail, { function: 'C_GetAttributeValue' });
    }
    const rv = reason === 'sensitive' ? CKR.ATTRIBUTE_SENSITIVE : CKR.ATTRIBUTE_TYPE_INVALID;
    throw new CryptokiError({ rv, function: 'C_GetAttributeValue', detail });
  }

  /**
   * Returns the size of the object on the token in bytes, as the module measures it (C_GetObjectSize, PKCS#11 3.1, section 5.7.4).
   * @throws CKR_INFORMATION_SENSITIVE, CKR_FUNCTION_NOT_SUPPORTED
   */
  async size(): Promise<number | bigint | undefined> {
    return this.use().C_GetObjectSize(this.session.name, this.handle);
  }

  /**
   * Changes attributes (C_SetAttributeValue, PKCS#11 3.1, section 5.7.6). The properties `label` and `id` of this
   * JavaScript object do not change. Attributes without members, or with one that is undefined, are refused.
   * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE; CKR_ATTRIBUTE_READ_ONLY, CKR_ACTION_PROHIBITED;
   *   ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_ACCESS
   */
  async setAttributes(attributes: Attributes): Promise<void> {
    requireSelection(attributes, 'the attributes to change', 'name the attributes and their new values');
    const raw = this.#useForWriting('change');
    await raw.C_SetAttributeValue(this.session.name, this.handle, toTemplate(attributes));
  }

  /**
   * Copies the object (C_CopyObject, PKCS#11 3.1, section 5.7.2). A copy with token: false ends with the session of this
   * object, even if another one created the original.
   * @param attributes attributes of the copy that differ: token, private, modifiable, sensitive, extractable and others
   * @throws CKR_ACTION_PROHIBITED, CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT; ERR_CRYPTOKI_SESSION_READ_ONLY,
   *   ERR_CRYPTOKI_ACCESS
   */
  async copy(attributes: Attributes = {}): Promise<this> {
    const template = toTemplate(attributes);
    const { token = this.isTokenObject, private: isPrivate = this.isPrivate } = attributes;
    this.use();
    const raw = useForWriting(this.session, 'copy', { token, private: isPrivate });
    const { session } = this;
    const { slot } = session.token;
    const life = {
      creator: token ? undefined : session,
      loginEpoch: raw.loginEpoch(slot.id),
      destroyed: false,
    };
    const handle = await raw.C_CopyObject(session.name, this.handle, template);
    if (!token) session.created(handle);
    // If the session was closed in the meantime, nothing can be read, and the values are those of the original.
    const read = await raw
      .C_GetAttributeValue(session.name, handle, IDENTITY.map(attributeType))
      .catch(() => []);
    const identity = { ...this.#identity, token, private: isPrivate, ...fromResults(IDENTITY, read) };
    const SameClass = this.constructor as new (...args: ConstructorParameters<typeof StorageObject>) => this;
    return new SameClass(session, handle, identity, life);
  }

  /**
   * Destroys the object (C_DestroyObject, PKCS#11 3.1, section 5.7.3).
   * @throws CKR_ACTION_PROHIBITED; ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_ACCESS
   */
  async destroy(): Promise<void> {
    await this.#useForWriting('destroy').C_DestroyObject(this.session.name, this.handle);
    this.#life.destroyed = true;
    this.session.token.slot.creators.delete(this.handle);
    this.#life.creator?.destroyed(this.handle);
  }

  /** Destroys a session object that this program created; token objects remain. */
  async [asyncDispose](): Promise<void> {
    if (this.#life.creator !== undefined && this.#causeOfEnd() === undefined) await this.destroy();
  }

  /** Shared by all JavaScript objects for the same object of the token. @internal */
  get life(): object {
    return this.#life;
  }

  /**
   * Returns the raw module, if the object exists and its session is open.
   * @throws ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED, ERR_CRYPTOKI_MODULE_CLOSED
   * @internal
   */
  use(): RawModule {
    const cause = this.#causeOfEnd();
    if (cause === undefined) return this.session.use();
    const name = this.label === undefined || this.label === '' ? 'the object' : `the object "${this.label}"`;
    throw ownError('ERR_CRYPTOKI_OBJECT_DEAD', `${name} ${cause}`, {
      action: this.isTokenObject && !this.#life.destroyed ? 'refind' : 'fatal',
    });
  }

  /** The attributes that were read when the object was found or created. @internal */
  get identity(): Identity {
    return this.#identity;
  }

  #useForWriting(writing: Writing): RawModule {
    this.use();
    return useForWriting(this.session, writing, { token: this.isTokenObject, private: this.isPrivate });
  }

  /** Returns the reason why the object cannot be used any more, for messages; undefined if it can. */
  #causeOfEnd(): string | undefined {
    const { creator, destroyed, loginEpoch } = this.#life;
    if (destroyed) return 'was destroyed';
    if (creator?.closed) return 'was a session object, and ended with the session that created it';
    if (this.isPrivate && this.session.token.slot.login.epoch !== loginEpoch) {
      return 'is private, and the login in which it was found has ended; log in and find it again';
    }
    return undefined;
  }
}
