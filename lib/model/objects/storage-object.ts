import { argumentError } from '../../core/arguments';
import { CryptokiError } from '../../core/errors';
import { asyncDispose } from '../../core/realms';
import { requireSelection } from '../../core/selection';
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

/** What ends an object. All that stand for it, on whatever session, share one (see StorageObject.on). */
export interface Life {
  /** The session that made it, of a session object that this program made. */
  readonly creator: Session | undefined;
  /** The epoch of the login in which it was seen. */
  readonly loginEpoch: number;
  destroyed: boolean;
}

/**
 * An object on a token: a key, a certificate, data. It is used through one session; {@link on} gives the same object
 * for another.
 *
 * An object made with token: false is a session object: it dies with the session that made it. A private one dies with
 * the login. Using a dead object fails with ERR_CRYPTOKI_OBJECT_DEAD before any call is made.
 */
export class StorageObject implements AsyncDisposable {
  readonly session: Session;
  /** CK_OBJECT_HANDLE, for use with `module.raw`. */
  readonly handle: bigint;
  /** CKA_CLASS; undefined if the module does not tell. */
  readonly class: ObjectClass | undefined;
  /** CKA_LABEL when the object was found or made. */
  readonly label: string | undefined;
  /** CKA_ID when the object was found or made. */
  readonly id: Buffer | undefined;
  /** CKA_TOKEN: whether it outlives its session. */
  readonly isTokenObject: boolean;
  /** CKA_PRIVATE: whether it is there only while somebody is logged in. */
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
   * The same object, used through another session on the token. Sessions work side by side: this is how one key signs
   * on several of them.
   */
  on(session: Session): this {
    if (session?.token?.slot !== this.session.token.slot) {
      throw argumentError(TypeError, 'an object can only be used through a session on its own token');
    }
    const Same = this.constructor as new (...args: ConstructorParameters<typeof StorageObject>) => this;
    return new Same(session, this.handle, this.#identity, this.#life);
  }

  /**
   * Attributes by name, as many as can be read (C_GetAttributeValue, PKCS#11 3.1, section 5.7.5); those that are
   * sensitive or that the object does not have are absent.
   */
  async attributes<Name extends AttributeName>(
    ...names: readonly Name[]
  ): Promise<Partial<Pick<AllAttributeValues, Name>>> {
    const types = names.map(attributeType);
    return fromResults(names, await this.use().C_GetAttributeValue(this.session.name, this.handle, types));
  }

  /**
   * One attribute.
   * @throws CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID; ERR_CRYPTOKI_ATTRIBUTE when the module has no value
   */
  async attribute<Name extends AttributeName>(name: Name): Promise<AllAttributeValues[Name]> {
    const results = await this.use().C_GetAttributeValue(this.session.name, this.handle, [
      attributeType(name),
    ]);
    const value = fromResults([name], results)[name];
    if (value !== undefined) return value as AllAttributeValues[Name];
    const reason = results[0]?.reason;
    const rv = reason === 'sensitive' ? 0x11 : reason === 'invalid' ? 0x12 : undefined;
    const code = rv === undefined ? 'ERR_CRYPTOKI_ATTRIBUTE' : undefined;
    throw new CryptokiError({ code, rv, function: 'C_GetAttributeValue', detail: `no value for ${name}` });
  }

  /**
   * Changes attributes (C_SetAttributeValue, PKCS#11 3.1, section 5.7.6). `label` and `id` of this object keep what
   * they were. Attributes without members, or with one that is undefined, are refused, since nothing would change.
   * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE; CKR_ATTRIBUTE_READ_ONLY, CKR_ACTION_PROHIBITED; ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_ACCESS
   */
  async setAttributes(attributes: Attributes): Promise<void> {
    requireSelection(attributes, 'the attributes to change', 'name what is to change');
    const raw = this.#useForWriting('change');
    await raw.C_SetAttributeValue(this.session.name, this.handle, toTemplate(attributes));
  }

  /**
   * Copies the object (C_CopyObject, PKCS#11 3.1, section 5.7.2). A copy with token: false dies with the session of this
   * object, whichever made the original.
   * @param attributes in which the copy differs: token, private, modifiable, sensitive and extractable among others
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
    // What cannot be read, because the session was closed meanwhile, is as in the original.
    const read = await raw
      .C_GetAttributeValue(session.name, handle, IDENTITY.map(attributeType))
      .catch(() => []);
    const identity = { ...this.#identity, token, private: isPrivate, ...fromResults(IDENTITY, read) };
    const Same = this.constructor as new (...args: ConstructorParameters<typeof StorageObject>) => this;
    return new Same(session, handle, identity, life);
  }

  /**
   * Destroys the object (C_DestroyObject, PKCS#11 3.1, section 5.7.3).
   * @throws CKR_ACTION_PROHIBITED; ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_ACCESS
   */
  async destroy(): Promise<void> {
    await this.#useForWriting('destroy').C_DestroyObject(this.session.name, this.handle);
    this.#life.destroyed = true;
    this.session.token.slot.creators.delete(this.handle);
  }

  /** Destroys a session object that this program made; token objects stay. */
  async [asyncDispose](): Promise<void> {
    if (this.#life.creator !== undefined && this.#whyDead() === undefined) await this.destroy();
  }

  /** What all objects that stand for this one share. @internal */
  get life(): object {
    return this.#life;
  }

  /**
   * The raw module, if the object is alive and its session open.
   * @internal
   */
  use(): RawModule {
    const why = this.#whyDead();
    if (why === undefined) return this.session.use();
    const name = this.label === undefined || this.label === '' ? 'the object' : `the object "${this.label}"`;
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_OBJECT_DEAD',
      detail: `${name} ${why}`,
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

  #whyDead(): string | undefined {
    const { creator, destroyed, loginEpoch } = this.#life;
    if (destroyed) return 'was destroyed';
    if (creator?.closed) return 'is a session object and died with the session that made it';
    if (this.isPrivate && this.session.token.slot.login.epoch !== loginEpoch) {
      return 'is private and died with the login; log in and find it again';
    }
    return undefined;
  }
}
