import { argumentError } from '../arguments';
import {
  type AllAttributeValues,
  type AttributeName,
  type Attributes,
  attributeType,
  fromResults,
  toTemplate,
} from '../attributes';
import { CryptokiError } from '../errors';
import type { AttributeValues, Named } from '../generated/attributes';
import type { RawModule } from '../raw';
import type { Session } from '../session';

/** The class of an object: CKO_ without the prefix, or a vendor's number. */
export type ObjectClass = Named<'CKO'>;

/** What is read of every object when it is found or made. */
export const IDENTITY = ['class', 'token', 'private', 'label', 'id', 'keyType'] as const;

/** {@link IDENTITY}, as far as the object has it. */
export type Identity = Partial<Pick<AttributeValues, (typeof IDENTITY)[number]>>;

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
  readonly #creator: Session | undefined;
  readonly #loginEpoch: number;
  #destroyed = false;

  /** @internal */
  constructor(session: Session, handle: bigint, identity: Identity, loginEpoch: number) {
    this.session = session;
    this.handle = handle;
    this.class = identity.class;
    this.label = identity.label;
    this.id = identity.id;
    this.isTokenObject = identity.token ?? true;
    this.isPrivate = identity.private ?? false;
    this.#identity = identity;
    this.#creator = this.isTokenObject ? undefined : session.token.slot.creators.get(handle);
    this.#loginEpoch = loginEpoch;
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
    return new Same(session, this.handle, this.#identity, this.#loginEpoch);
  }

  /**
   * Attributes by name, as many as can be read (C_GetAttributeValue, PKCS#11 3.1, section 5.7.5); those that are
   * sensitive or that the object does not have are absent.
   */
  async attributes<Name extends AttributeName>(
    ...names: readonly Name[]
  ): Promise<Partial<Pick<AllAttributeValues, Name>>> {
    const types = names.map(attributeType);
    return fromResults(names, await this.use().C_GetAttributeValue(this.session.handle, this.handle, types));
  }

  /**
   * One attribute.
   * @throws CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID; ERR_CRYPTOKI_ATTRIBUTE when the module has no value
   */
  async attribute<Name extends AttributeName>(name: Name): Promise<AllAttributeValues[Name]> {
    const results = await this.use().C_GetAttributeValue(this.session.handle, this.handle, [
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
   * they were.
   * @throws CKR_ATTRIBUTE_READ_ONLY, CKR_ACTION_PROHIBITED; ERR_CRYPTOKI_SESSION_READ_ONLY
   */
  async setAttributes(attributes: Attributes): Promise<void> {
    const raw = this.#useForWriting();
    await raw.C_SetAttributeValue(this.session.handle, this.handle, toTemplate(attributes));
  }

  /**
   * Destroys the object (C_DestroyObject, PKCS#11 3.1, section 5.7.3).
   * @throws CKR_ACTION_PROHIBITED; ERR_CRYPTOKI_SESSION_READ_ONLY
   */
  async destroy(): Promise<void> {
    await this.#useForWriting().C_DestroyObject(this.session.handle, this.handle);
    this.#destroyed = true;
    this.session.token.slot.creators.delete(this.handle);
  }

  /** Destroys a session object that this program made; token objects stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#creator !== undefined && this.#whyDead() === undefined) await this.destroy();
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
      action: this.isTokenObject && !this.#destroyed ? 'refind' : 'fatal',
    });
  }

  #useForWriting(): RawModule {
    this.use();
    return this.session.useForWriting(this.isTokenObject);
  }

  #whyDead(): string | undefined {
    if (this.#destroyed) return 'was destroyed';
    if (this.#creator?.closed) return 'is a session object and died with the session that made it';
    const { slot } = this.session.token;
    if (this.isPrivate && slot.module.raw.loginEpoch(slot.id) !== this.#loginEpoch) {
      return 'is private and died with the login; log in and find it again';
    }
    return undefined;
  }
}
