import { EventEmitter } from 'node:events';
import { requireOptions, requireOptionsObject } from '../core/arguments';
import { constantName } from '../core/constant-names';
import { isCode, ownError } from '../core/errors';
import { asyncDispose } from '../core/realms';
import type { StateName } from '../generated/session-states';
import type { Pin } from '../pin/pin';
import type { BytesLike, RawModule } from '../raw';
import type { RawSession } from '../raw/raw-module';
import { stateVersion } from '../raw/state-version';
import type { Attributes } from './attributes';
import type { CertificateInput } from './import/certificate-input';
import {
  type ImportCertificateOptions,
  importCertificate,
  importCertificates,
  prepareCertificate,
  prepareCertificates,
} from './import/import-certificate';
import { type ImportKeyOptions, importKey, prepareKey, wipeKey } from './import/import-key';
import type { KeyInput } from './import/key-input';
import type { ImportedClass } from './import/key-usages';
import { type ForceOptions, type LoginOptions, login } from './login/login';
import { initPin, setPin } from './login/pin-admin';
import { digestMechanism } from './mechanisms/digest';
import type { MechanismInput } from './mechanisms/mechanism';
import type { MadeObject } from './model-types';
import type { Certificate } from './objects/certificate';
import {
  adoptHandle,
  adoptKey,
  adoptKeyPair,
  createObject,
  type KeyOfClass,
  type KeyPair,
} from './objects/create-object';
import { type FindOptions, findObjects, findOne, nounOf } from './objects/find-objects';
import { generateKey, generateKeyPair, type KeyOptions, type KeyPairOptions } from './objects/generate-keys';
import type { ObjectClass } from './objects/identity';
import type { PrivateKey } from './objects/private-key';
import type { PublicKey } from './objects/public-key';
import type { SecretKey } from './objects/secret-key';
import {
  attributesOfAll,
  attributesOfOne,
  type ObjectSelection,
  type SearchSelection,
} from './objects/selection';
import type { StorageObject } from './objects/storage-object';
import { type BatchOutcome, digestMany, type Messages } from './operations/batch/batch-operations';
import { batchOptions, type ModelBatchOptions, onSessions } from './operations/batch/batch-sessions';
import { digestKey } from './operations/recover';
import type { DigestStream } from './operations/streams/message-stream';
import { createDigest } from './operations/streams/session-streams';
import type { StreamOptions } from './operations/streams/stream-options';
import type { SessionEvents, SessionInfo, SessionState } from './session-types';
import type { Token } from './token';

export type { Pin } from '../pin/pin';
export type { SessionEvents, SessionInfo, SessionOptions, SessionState, User } from './session-types';

/**
 * A session with a token. Its calls run one at a time, in the order in which they were made; calls on several sessions
 * run at the same time. Objects created with token: false exist until the session that created them ends.
 *
 * It emits 'state' (state, previous) soon after its state has changed through any login or logout in the process, and when
 * it is closed. The loss of the token is noticed, and emitted, at the next use, login or logout.
 */
export class Session extends EventEmitter<SessionEvents> implements AsyncDisposable {
  readonly token: Token;
  /** CK_SESSION_HANDLE, for use with `module.raw`. */
  readonly handle: bigint;
  readonly readWrite: boolean;
  /**
   * The session in raw calls: the handle, and a number that distinguishes it from later sessions with the same handle.
   * @internal
   */
  readonly name: bigint;
  #closing: Promise<void> | undefined;
  readonly #siblings: Set<Session>;
  /** Handles of the session objects that this session created. They end with it. */
  readonly #created = new Set<bigint>();
  /** Called when {@link #created} becomes empty. */
  readonly #whenEmpty: (() => void)[] = [];
  #reported: SessionState;
  #wasGone = false;
  /** The state version at which the session was open. */
  #openAt = Number.NaN;

  /** @internal */
  constructor(token: Token, { handle, name, state }: RawSession, readWrite: boolean, siblings: Set<Session>) {
    super();
    this.token = token;
    this.handle = handle;
    this.name = name;
    this.readWrite = readWrite;
    this.#siblings = siblings;
    siblings.add(this);
    token.slot.sessions.add(this);
    this.#reported = constantName('CKS', state) as StateName;
    if (this.state !== this.#reported) queueMicrotask(() => this.report(this.state)); // it has changed since the call
  }

  /** The state at this moment, without a call of the module. It follows every login and logout of the process on the token. */
  get state(): SessionState {
    if (this.#closing !== undefined || this.#isGone()) return 'CLOSED';
    const state = this.token.slot.module.raw.sessionState(this.name);
    return state === undefined ? 'CLOSED' : (constantName('CKS', state) as StateName);
  }

  /** True when the session is closed: by close(), with its module, or by the token. */
  get closed(): boolean {
    return this.#closing !== undefined || this.#isGone();
  }

  /** Reads information about the session (C_GetSessionInfo, PKCS#11 3.1, section 5.6.4). */
  async info(): Promise<SessionInfo> {
    const { slotID, state, deviceError } = await this.use().C_GetSessionInfo(this.name);
    return {
      slot: slotID,
      state: constantName('CKS', state) as StateName,
      readWrite: this.readWrite,
      deviceError,
    };
  }

  /**
   * Logs in (C_Login or C_LoginUser, PKCS#11 3.1, sections 5.6.8 and 5.6.9). The login belongs to the process and the
   * token: all sessions change state together. If the same user is logged in already, login() succeeds. A PIN that the
   * token has refused is not sent again by this process, and no PIN is sent if the next wrong one would lock the token.
   * @param pin the PIN, not empty; null if it is entered at the token's own PIN pad (NSS accepts null for a database without
   *   a PIN). Bytes are copied at once, and the copy is wiped.
   * @throws CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_USER_PIN_NOT_INITIALIZED,
   *   CKR_USER_ANOTHER_ALREADY_LOGGED_IN; ERR_CRYPTOKI_PIN_REFUSED, ERR_CRYPTOKI_PIN_FINAL_TRY,
   *   ERR_CRYPTOKI_SO_READ_ONLY (SO, while read-only sessions are open)
   */
  login(pin: Pin | null, options: LoginOptions = {}): Promise<void> {
    return login(this, pin, options);
  }

  /**
   * Logs all sessions of the process on the token out (C_Logout, PKCS#11 3.1, section 5.6.10). Handles of private objects
   * are not valid afterwards, and private session objects are destroyed. Does nothing if nobody is logged in.
   */
  async logout(): Promise<void> {
    try {
      await this.use().C_Logout(this.name);
    } catch (error) {
      if (!isCode(error, 'CKR_USER_NOT_LOGGED_IN')) throw error;
    } finally {
      this.token.slot.login.update();
    }
  }

  /**
   * Sets the user's PIN (C_InitPIN, PKCS#11 3.1, section 5.5.8), as the security officer in a read/write session.
   * @param newPin not empty; null if it is entered at the token's own PIN pad
   * @throws CKR_PIN_LEN_RANGE, CKR_PIN_INVALID; ERR_CRYPTOKI_ACCESS, ERR_CRYPTOKI_SESSION_READ_ONLY
   */
  async initPin(newPin: Pin | null): Promise<void> {
    return initPin(this, newPin);
  }

  /**
   * Changes the PIN of the user who is logged in, or that of USER if nobody is (C_SetPIN, PKCS#11 3.1, section 5.5.9).
   * @param oldPin, newPin not empty; null if they are entered at the token's own PIN pad
   * @throws CKR_PIN_INCORRECT, CKR_PIN_LEN_RANGE, CKR_PIN_INVALID, CKR_PIN_LOCKED; ERR_CRYPTOKI_SESSION_READ_ONLY,
   *   ERR_CRYPTOKI_PIN_REFUSED, ERR_CRYPTOKI_PIN_FINAL_TRY
   */
  async setPin(oldPin: Pin | null, newPin: Pin | null, options: ForceOptions = {}): Promise<void> {
    await setPin(this, oldPin, newPin, options);
  }

  /**
   * Closes the session after the calls that were made before (C_CloseSession, PKCS#11 3.1, section 5.6.2). Its session
   * objects are destroyed; the login ends with the last session on the token. A second call returns the promise of the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { slot } = this.token;
    this.#forget();
    if (!slot.module.closed && !this.#isGone()) {
      try {
        await slot.module.raw.C_CloseSession(this.name);
      } catch (error) {
        if (!isCode(error, 'CKR_SESSION_HANDLE_INVALID', 'CKR_SESSION_CLOSED')) throw error;
      }
    }
    for (const handle of this.#created) if (slot.creators.get(handle) === this) slot.creators.delete(handle);
    this.#created.clear();
    slot.login.update(); // the login ends with the last session
  }

  #isGone(): boolean {
    const { module } = this.token.slot;
    if (module.closed || this.#wasGone) return true;
    const version = stateVersion();
    if (version === this.#openAt) return false;
    this.#wasGone = module.raw.sessionState(this.name) === undefined;
    this.#openAt = version;
    return this.#wasGone;
  }

  #forget(): void {
    this.#siblings.delete(this);
    this.token.slot.sessions.delete(this);
    queueMicrotask(() => this.report('CLOSED'));
  }

  /**
   * Emits 'state' if the state differs from the one emitted last.
   * @internal
   */
  report(state: SessionState): void {
    const previous = this.#reported;
    if (previous === state || previous === 'CLOSED') return;
    this.#reported = state;
    if (state === 'CLOSED' && this.#closing === undefined) this.#forget();
    this.emit('state', state, previous);
  }

  /**
   * Records that this session has created a session object.
   * @internal
   */
  created(handle: bigint): void {
    this.#created.add(handle);
    this.token.slot.creators.set(handle, this);
  }

  /**
   * Records that a session object of this session was destroyed.
   * @internal
   */
  destroyed(handle: bigint): void {
    this.#created.delete(handle);
    this.token.slot.creators.delete(handle);
    if (this.#created.size > 0) return;
    for (const release of this.#whenEmpty.splice(0)) release();
  }

  /** Handles of the session objects that this session has created and that exist, as far as the model knows. @internal */
  get ownedObjects(): ReadonlySet<bigint> {
    return this.#created;
  }

  /** Calls `release` when the last session object of this session was destroyed. @internal */
  whenEmpty(release: () => void): void {
    if (this.#created.size === 0) release();
    else this.#whenEmpty.push(release);
  }

  /**
   * Returns the object that a call on this session has just created.
   * @internal
   */
  adoptMade(made: MadeObject): Promise<StorageObject> {
    return adoptKey(this, made);
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Generates a key pair (C_GenerateKeyPair, PKCS#11 3.1, section 5.18.2).
   * @param keyType 'EC', 'RSA', 'EC_EDWARDS', 'EC_MONTGOMERY', or a mechanism
   * @throws CKR_MECHANISM_INVALID, CKR_TEMPLATE_INCONSISTENT and similar ones, depending on the token;
   *   ERR_CRYPTOKI_SESSION_READ_ONLY for token objects in a read-only session
   */
  async generateKeyPair(
    keyType: KeyPairOptions['keyType'],
    options: Omit<KeyPairOptions, 'keyType'> = {},
  ): Promise<KeyPair> {
    requireOptionsObject(options, 'the options of generateKeyPair');
    return adoptKeyPair(this, await generateKeyPair(this, { ...options, keyType }));
  }

  /**
   * Generates a secret key (C_GenerateKey, PKCS#11 3.1, section 5.18.1).
   * @param keyType 'AES', 'GENERIC_SECRET' (for HMAC), or another
   */
  async generateKey(
    keyType: KeyOptions['keyType'],
    options: Omit<KeyOptions, 'keyType'> = {},
  ): Promise<SecretKey> {
    requireOptionsObject(options, 'the options of generateKey');
    return (await adoptKey(this, await generateKey(this, { ...options, keyType }))) as SecretKey;
  }

  /**
   * Creates an object from its attributes (C_CreateObject, PKCS#11 3.1, section 5.7.1): a certificate, data, or a key
   * whose value is known. Without the attribute `private`, a private or secret key that is created while the user is logged
   * in is private (CKA_PRIVATE); for other objects the token decides. Attributes that are undefined are left out.
   * @throws TypeError ERR_INVALID_ARG_TYPE if `attributes` is not a plain object; ERR_CRYPTOKI_ACCESS if a logout happened
   *   during the call, and the token made a data object without the attribute `private` public: it was destroyed
   */
  async createObject(attributes: Attributes): Promise<StorageObject> {
    return createObject(this, attributes);
  }

  /**
   * Imports a key (C_CreateObject, PKCS#11 3.1, section 5.7.1): PEM (PKCS#8, SPKI, SEC 1, PKCS#1), DER, a JSON web key, a
   * KeyObject, or the bytes of a secret key (with keyType). The key is read and checked before any call. A private or secret key
   * is sensitive and not extractable unless the options say otherwise, and has only the usages that were asked for.
   * @returns a PrivateKey, PublicKey or SecretKey; with { class } the type is known
   * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE (no key, a wrong passphrase, another type than asked
   *   for), RangeError ERR_OUT_OF_RANGE (the length of a secret key); ERR_CRYPTOKI_UNSUPPORTED; ERR_CRYPTOKI_SESSION_READ_ONLY,
   *   ERR_CRYPTOKI_ACCESS; errors of C_CreateObject, after which nothing was created
   */
  async importKey<Class extends ImportedClass = ImportedClass>(
    key: KeyInput,
    options: ImportKeyOptions<Class> = {},
  ): Promise<KeyOfClass[Class]> {
    const prepared = prepareKey(key, options);
    try {
      return (await adoptKey(this, await importKey(this, prepared))) as KeyOfClass[Class];
    } finally {
      wipeKey(prepared);
    }
  }

  /**
   * Imports one X.509 certificate (C_CreateObject, PKCS#11 3.1, section 5.7.1), with subject, issuer and serial number, and with
   * the CKA_ID of the key on the token that has the same public key.
   * @param certificate an X509Certificate, DER, or PEM with one certificate; for a chain see {@link importCertificates}
   * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE; ERR_CRYPTOKI_SESSION_READ_ONLY,
   *   ERR_CRYPTOKI_ACCESS; errors of C_CreateObject, after which nothing was created
   */
  async importCertificate(
    certificate: CertificateInput,
    options: ImportCertificateOptions = {},
  ): Promise<Certificate> {
    const prepared = prepareCertificate(certificate, options);
    return (await adoptKey(this, await importCertificate(this, prepared))) as Certificate;
  }

  /**
   * Imports several certificates, all or none: a text in PEM with a chain, or an array. Label and id of the options are those of
   * the first one; the others have no label, and the id of their own keys.
   * @throws as {@link importCertificate}
   */
  async importCertificates(
    certificates: CertificateInput | readonly CertificateInput[],
    options: ImportCertificateOptions = {},
  ): Promise<Certificate[]> {
    const prepared = prepareCertificates(certificates, options);
    const created = await importCertificates(this, prepared);
    return (await Promise.all(created.map((each) => adoptKey(this, each)))) as Certificate[];
  }

  /**
   * Returns the object with a handle that a raw call has returned (`module.raw.C_UnwrapKey(session.handle, ...)`). A session object is
   * taken as one that this session has created: it ends with this session.
   * @param handle CK_OBJECT_HANDLE
   * @throws TypeError ERR_INVALID_ARG_TYPE; CKR_OBJECT_HANDLE_INVALID, ERR_CRYPTOKI_SESSION_CLOSED
   */
  adopt(handle: bigint): Promise<StorageObject> {
    return adoptHandle(this, handle);
  }

  /**
   * Finds the objects that have all these attributes (C_FindObjects, PKCS#11 3.1, section 5.7.8); without an argument, or
   * with 'all', all objects. Private objects are only found after a login. Attributes without members, or with one that is
   * undefined, are refused: an unset variable must not widen the search.
   * @param options.limit the maximum number of objects; default all
   * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE
   */
  async find(...args: [selection?: SearchSelection, options?: FindOptions]): Promise<StorageObject[]> {
    const [selection, options = {}] = args;
    return findObjects(this, args.length === 0 ? {} : attributesOfAll(selection), options);
  }

  /**
   * Finds the one private key that has these attributes; with 'only', the only private key that exists. Attributes without
   * members, or with one that is undefined, are refused: an unset variable must not choose the key.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND, ERR_CRYPTOKI_OBJECT_AMBIGUOUS; TypeError ERR_INVALID_ARG_TYPE, TypeError
   *   ERR_INVALID_ARG_VALUE
   */
  privateKey(selection: ObjectSelection): Promise<PrivateKey> {
    return this.#findOne('PRIVATE_KEY', selection) as Promise<PrivateKey>;
  }

  /** Finds the one public key that has these attributes; throws as {@link privateKey}. */
  publicKey(selection: ObjectSelection): Promise<PublicKey> {
    return this.#findOne('PUBLIC_KEY', selection) as Promise<PublicKey>;
  }

  /** Finds the one secret key that has these attributes; throws as {@link privateKey}. */
  secretKey(selection: ObjectSelection): Promise<SecretKey> {
    return this.#findOne('SECRET_KEY', selection) as Promise<SecretKey>;
  }

  /** Finds the one certificate that has these attributes; throws as {@link privateKey}. */
  certificate(selection: ObjectSelection): Promise<Certificate> {
    return this.#findOne('CERTIFICATE', selection) as Promise<Certificate>;
  }

  async #findOne(objectClass: ObjectClass, selection: ObjectSelection): Promise<StorageObject> {
    return findOne(this, objectClass, attributesOfOne(selection, nounOf(objectClass)));
  }

  /**
   * Digests a message on the token, as one native job (C_DigestInit, C_Digest, PKCS#11 3.1, section 5.12).
   * @param algorithm a digest such as 'SHA-256', or a mechanism
   */
  async digest(algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
    return this.use().digest(this.name, digestMechanism(algorithm), data);
  }

  /**
   * Digests many messages; see PrivateKey.signMany.
   * @param options.sessions sessions with this token to use at the same time; default this one
   */
  digestMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options: ModelBatchOptions = {},
  ): BatchOutcome<M, Buffer> {
    const { sessions = [this], ...rest } = batchOptions(options);
    return digestMany(onSessions(sessions, undefined), algorithm, messages, rest);
  }

  /**
   * Creates a stream that digests a message of any length part by part (C_DigestInit, C_DigestUpdate, C_DigestFinal,
   * PKCS#11 3.1, section 5.12); see PrivateKey.createSign.
   */
  createDigest(algorithm: MechanismInput, options: StreamOptions = {}): DigestStream {
    return createDigest(this, algorithm, options);
  }

  /** Does the same as {@link digest}, and blocks the calling thread. */
  digestSync(algorithm: MechanismInput, data: BytesLike): Buffer {
    return this.use().digestSync(this.name, digestMechanism(algorithm), data);
  }

  /**
   * Digests the value of a secret key on the token, as one native job (C_DigestInit, C_DigestKey, C_DigestFinal, PKCS#11 3.1,
   * section 5.12.4).
   * @param key a secret key of the same token
   * @throws CKR_KEY_INDIGESTIBLE, CKR_KEY_HANDLE_INVALID and similar ones, depending on the module
   */
  async digestKey(algorithm: MechanismInput, key: SecretKey): Promise<Buffer> {
    return digestKey(this, algorithm, key);
  }

  /**
   * Returns the state of the operation that is active on this session after raw calls (C_GetOperationState, PKCS#11 3.1,
   * section 5.6.6), so that it can continue later or on another session.
   * @throws CKR_OPERATION_NOT_INITIALIZED, CKR_STATE_UNSAVEABLE, CKR_FUNCTION_NOT_SUPPORTED
   */
  async operationState(): Promise<Buffer> {
    return this.use().C_GetOperationState(this.name);
  }

  /**
   * Continues an operation (C_SetOperationState, PKCS#11 3.1, section 5.6.7).
   * @param state from {@link operationState}
   * @param keys.encryption the key of an encryption or decryption
   * @param keys.authentication the key of a signature or verification
   * @throws CKR_SAVED_STATE_INVALID, CKR_KEY_NEEDED, CKR_KEY_NOT_NEEDED, CKR_KEY_CHANGED, CKR_FUNCTION_NOT_SUPPORTED
   */
  async setOperationState(
    state: BytesLike,
    keys: { readonly encryption?: StorageObject; readonly authentication?: StorageObject } = {},
  ): Promise<void> {
    const raw = this.use();
    requireOptions(keys, 'the keys of setOperationState', ['encryption', 'authentication']);
    const [encryption, authentication] = [keys.encryption, keys.authentication].map((key) => {
      key?.use();
      return key?.on(this).handle ?? 0n;
    }) as [bigint, bigint];
    await raw.C_SetOperationState(this.name, state, encryption, authentication);
  }

  /**
   * Mixes bytes into the token's random number generator (C_SeedRandom, PKCS#11 3.1, section 5.19.1).
   * @throws CKR_RANDOM_SEED_NOT_SUPPORTED, CKR_RANDOM_NO_RNG
   */
  async seedRandom(seed: BytesLike): Promise<void> {
    return this.use().C_SeedRandom(this.name, seed);
  }

  /**
   * Reads random bytes from the token (C_GenerateRandom, PKCS#11 3.1, section 5.19.2).
   * @param length in bytes
   * @throws CKR_RANDOM_NO_RNG
   */
  async random(length: number): Promise<Buffer> {
    return this.use().C_GenerateRandom(this.name, length);
  }

  /** Does the same as {@link random}, and blocks the calling thread. */
  randomSync(length: number): Buffer {
    return this.use().C_GenerateRandomSync(this.name, length);
  }

  /**
   * Returns the raw module, if the session is open.
   * @throws ERR_CRYPTOKI_SESSION_CLOSED, ERR_CRYPTOKI_MODULE_CLOSED
   * @internal
   */
  use(): RawModule {
    const raw = this.token.slot.module.use();
    if (this.#closing === undefined && !this.#isGone()) return raw;
    if (this.#closing === undefined) this.#forget();
    const reason =
      this.#closing === undefined
        ? 'has ended, because the token was removed or all its sessions were closed'
        : 'was closed';
    throw ownError(
      'ERR_CRYPTOKI_SESSION_CLOSED',
      `the session with token "${this.token.label}" ${reason}; open a new one`,
    );
  }
}
