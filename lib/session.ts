import { argumentError, requireObject, requireOptions } from './arguments';
import type { Attributes } from './attributes';
import { constantName, constantValue } from './constants';
import { CryptokiError, isCode } from './errors';
import type { Named } from './generated/attributes';
import { digestMechanism } from './mechanisms/digest';
import type { MechanismInput } from './mechanisms/mechanism';
import type { Certificate } from './objects/certificate';
import { createObject } from './objects/create';
import { type FindOptions, findObjects, findOne } from './objects/find';
import {
  generateKey,
  generateKeyPair,
  type KeyOptions,
  type KeyPair,
  type KeyPairOptions,
} from './objects/generate';
import type { PrivateKey } from './objects/private-key';
import type { PublicKey } from './objects/public-key';
import type { SecretKey } from './objects/secret-key';
import type { StorageObject } from './objects/storage-object';
import type { BytesLike, RawModule } from './raw';
import type { Token } from './token';

/** How a session is opened. */
export interface SessionOptions {
  /** Whether token objects can be created, changed and destroyed. Default false. */
  readonly readWrite?: boolean | undefined;
}

/** One of the five states of a session (CKS_, PKCS#11 3.1, section 6.7.1), or 'CLOSED'. */
export type SessionState = Extract<Named<'CKS'>, string> | 'CLOSED';

/** Who logs in. */
export type User = 'USER' | 'SO';

/** A PIN: bytes can be overwritten by the caller afterwards, a string stays in memory until it is collected. */
export type Pin = string | BytesLike;

/** C_GetSessionInfo. */
export interface SessionInfo {
  readonly slot: bigint;
  readonly state: SessionState;
  readonly readWrite: boolean;
  /** The vendor's own error code; 0 for none. */
  readonly deviceError: number | undefined;
}

/**
 * A session with a token. One call at a time is made on it, in the order they were asked for; calls on several sessions
 * run side by side. Objects made with token: false live as long as the session that made them.
 */
export class Session implements AsyncDisposable {
  readonly token: Token;
  /** CK_SESSION_HANDLE, for use with `module.raw`. */
  readonly handle: bigint;
  readonly readWrite: boolean;
  #closing: Promise<void> | undefined;
  readonly #siblings: Set<Session>;

  /** @internal */
  constructor(token: Token, handle: bigint, readWrite: boolean, siblings: Set<Session>) {
    this.token = token;
    this.handle = handle;
    this.readWrite = readWrite;
    this.#siblings = siblings;
    siblings.add(this);
    token.slot.sessions.add(this);
  }

  /** The state right now, without a call. It follows every login and logout of the process on the token. */
  get state(): SessionState {
    if (this.#closing !== undefined || this.token.slot.module.closed) return 'CLOSED';
    const state = this.token.slot.module.raw.sessionState(this.handle);
    return state === undefined ? 'CLOSED' : (constantName('CKS', state) as SessionState);
  }

  /** Whether the session is closed: by close(), with its module, or by the token. */
  get closed(): boolean {
    return this.state === 'CLOSED';
  }

  /** C_GetSessionInfo (PKCS#11 3.1, section 5.6.4). */
  async info(): Promise<SessionInfo> {
    const info = await this.use().C_GetSessionInfo(this.handle);
    const state = constantName('CKS', info.state) as SessionState;
    return { slot: info.slotID, state, readWrite: this.readWrite, deviceError: info.deviceError };
  }

  /**
   * Logs in (C_Login, PKCS#11 3.1, section 5.6.8). The login belongs to the process and the token: all sessions change
   * state together. Being logged in already, as the same user, is no error.
   * @param pin the PIN; null where the token asks for it on its own pad
   * @param options.user 'USER' (default) or 'SO', the security officer
   * @throws CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_USER_PIN_NOT_INITIALIZED,
   *   CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_SESSION_READ_ONLY_EXISTS (SO)
   */
  async login(pin: Pin | null, options: { user?: User } = {}): Promise<void> {
    requireOptions(options, 'the options of login', ['user']);
    const user = options.user ?? 'USER';
    if (user !== 'USER' && user !== 'SO') throw argumentError(TypeError, 'user must be "USER" or "SO"');
    try {
      await this.use().C_Login(this.handle, constantValue('CKU', user), pin);
    } catch (error) {
      const already = isCode(error, 'CKR_USER_ALREADY_LOGGED_IN');
      // Some modules say the same when another user is logged in.
      if (!already || this.state.includes('_SO_') !== (user === 'SO')) throw error;
    }
  }

  /**
   * Logs out (C_Logout, PKCS#11 3.1, section 5.6.10): all sessions of the process on the token. Every private object,
   * and every session object that is private, is dead afterwards. Not being logged in is no error.
   */
  async logout(): Promise<void> {
    try {
      await this.use().C_Logout(this.handle);
    } catch (error) {
      if (!isCode(error, 'CKR_USER_NOT_LOGGED_IN')) throw error;
    }
  }

  /**
   * Closes the session after the calls asked for before (C_CloseSession, PKCS#11 3.1, section 5.6.2). Its session
   * objects die with it. Closing the last session of the process on a token ends the login. A second call returns the
   * promise of the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { slot } = this.token;
    this.#siblings.delete(this);
    slot.sessions.delete(this);
    for (const [handle, creator] of slot.creators) if (creator === this) slot.creators.delete(handle);
    if (slot.module.closed) return; // closed with the module
    try {
      await slot.module.raw.C_CloseSession(this.handle);
    } catch (error) {
      // Gone already: the token was pulled, or something closed all sessions.
      if (!isCode(error, 'CKR_SESSION_HANDLE_INVALID', 'CKR_SESSION_CLOSED')) throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Generates a key pair (C_GenerateKeyPair, PKCS#11 3.1, section 5.18.2).
   * @param keyType 'EC', 'RSA', 'EC_EDWARDS', 'EC_MONTGOMERY', or a mechanism
   * @throws CKR_MECHANISM_INVALID, CKR_TEMPLATE_INCONSISTENT and the like, as the token sees fit;
   *   ERR_CRYPTOKI_SESSION_READ_ONLY for token objects in a read-only session
   */
  async generateKeyPair(
    keyType: KeyPairOptions['keyType'],
    options: Omit<KeyPairOptions, 'keyType'> = {},
  ): Promise<KeyPair> {
    requireObject(options, 'the options of generateKeyPair');
    return generateKeyPair(this, { ...options, keyType });
  }

  /**
   * Generates a secret key (C_GenerateKey, PKCS#11 3.1, section 5.18.1).
   * @param keyType 'AES', 'GENERIC_SECRET' (for HMAC), or another
   */
  async generateKey(
    keyType: KeyOptions['keyType'],
    options: Omit<KeyOptions, 'keyType'> = {},
  ): Promise<SecretKey> {
    requireObject(options, 'the options of generateKey');
    return generateKey(this, { ...options, keyType });
  }

  /**
   * Creates an object from its attributes (C_CreateObject, PKCS#11 3.1, section 5.7.1): a certificate, data, or a key
   * whose value is known.
   */
  createObject(attributes: Attributes): Promise<StorageObject> {
    return createObject(this, attributes);
  }

  /**
   * The objects that have all these attributes (C_FindObjects, PKCS#11 3.1, section 5.7.8). Private ones are found only
   * when logged in.
   * @param options.limit how many at most
   */
  find(attributes: Attributes = {}, options: FindOptions = {}): Promise<StorageObject[]> {
    return findObjects(this, attributes, options);
  }

  /**
   * The one private key that has these attributes.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND, ERR_CRYPTOKI_OBJECT_AMBIGUOUS
   */
  privateKey(attributes: Attributes): Promise<PrivateKey> {
    return findOne(this, 'PRIVATE_KEY', attributes) as Promise<PrivateKey>;
  }

  /** The one public key that has these attributes; throws as {@link privateKey}. */
  publicKey(attributes: Attributes): Promise<PublicKey> {
    return findOne(this, 'PUBLIC_KEY', attributes) as Promise<PublicKey>;
  }

  /** The one secret key that has these attributes; throws as {@link privateKey}. */
  secretKey(attributes: Attributes): Promise<SecretKey> {
    return findOne(this, 'SECRET_KEY', attributes) as Promise<SecretKey>;
  }

  /** The one certificate that has these attributes; throws as {@link privateKey}. */
  certificate(attributes: Attributes): Promise<Certificate> {
    return findOne(this, 'CERTIFICATE', attributes) as Promise<Certificate>;
  }

  /**
   * Digests a message on the token, as one native job (C_DigestInit, C_Digest, PKCS#11 3.1, section 5.12).
   * @param algorithm 'SHA-256' and the like, or a mechanism
   */
  async digest(algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
    return this.use().digest(this.handle, digestMechanism(algorithm), data);
  }

  /** {@link digest}, blocking the calling thread. */
  digestSync(algorithm: MechanismInput, data: BytesLike): Buffer {
    return this.use().digestSync(this.handle, digestMechanism(algorithm), data);
  }

  /**
   * Random bytes from the token (C_GenerateRandom, PKCS#11 3.1, section 5.19.2).
   * @param length in bytes
   * @throws CKR_RANDOM_NO_RNG
   */
  async random(length: number): Promise<Buffer> {
    return this.use().C_GenerateRandom(this.handle, length);
  }

  /** {@link random}, blocking the calling thread. */
  randomSync(length: number): Buffer {
    return this.use().C_GenerateRandomSync(this.handle, length);
  }

  /**
   * The raw module, if the session is open.
   * @internal
   */
  use(): RawModule {
    const raw = this.token.slot.module.use();
    if (this.#closing === undefined && raw.sessionState(this.handle) !== undefined) return raw;
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_SESSION_CLOSED',
      detail:
        this.#closing === undefined
          ? `the session with token "${this.token.label}" is gone: the token was removed, or all sessions were closed; open a new one`
          : `the session with token "${this.token.label}" was closed; open a new one`,
      action: 'reopen',
    });
  }

  /**
   * The raw module, if the session may write token objects.
   * @internal
   */
  useForWriting(token: boolean): RawModule {
    const raw = this.use();
    if (this.readWrite || !token) return raw;
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_SESSION_READ_ONLY',
      detail:
        'a read-only session cannot create, change or destroy token objects; open one with openSession({ readWrite: true })',
    });
  }
}
