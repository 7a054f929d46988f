import { EventEmitter } from 'node:events';
import { requireOptions } from '../core/arguments';
import { until } from '../core/deadlines';
import { isCode } from '../core/errors';
import type { Attributes } from '../model/attributes';
import { copy, copyMechanism, copyMembers } from '../model/mechanisms/caller-copies';
import type { MechanismInput } from '../model/mechanisms/mechanism';
import type { Module } from '../model/module';
import type { KeyOptions, KeyPairOptions } from '../model/objects/generate-keys';
import type { ObjectClass } from '../model/objects/storage-object';
import type { BatchOptions } from '../model/operations/batch/batch';
import { type BatchOutcome, digestMany, type Messages } from '../model/operations/batch/batch-operations';
import type { DigestStream } from '../model/operations/streams/message-stream';
import type { Session, User } from '../model/session';
import type { Token } from '../model/token';
import type { PinProvider } from '../pin';
import type { Pin } from '../pin/pin';
import type { BytesLike } from '../raw';
import type { ClientEvents, ClientStatistics, Health, OperationOptions } from './client-types';
import { checkUser, type Settings } from './connect-options';
import { ClientLogin } from './connection/client-login';
import { Connection, type TokenFinder } from './connection/connection';
import { LoginKeeper } from './connection/login-keeper';
import { Recovery } from './connection/recovery';
import {
  adoptClientObject,
  type ClientCertificate,
  type ClientPrivateKey,
  type ClientPublicKey,
  type ClientSecretKey,
  discardIfAborted,
  makeClientObject,
} from './objects/client-key';
import { type ClientObject, findClientObject, findClientObjects } from './objects/client-object';
import { onClient } from './operations/batches';
import { releaseReferences } from './operations/native-keys';
import { closedError, Runner, type RunOptions, withTimeout } from './operations/operation-runner';
import { createDigest } from './operations/streams';
import type { Lease } from './pool/session-pool';
import { attributesOf } from './search-attributes';

/** How long close() waits for operations in flight, in milliseconds. */
const PATIENCE = 10_000;

/**
 * A token, for a program that runs for long: sessions are shared, the login is kept, and what is lost (a session, the
 * login, the token, the module) is got back. Made by connect().
 */
export class Client extends EventEmitter<ClientEvents> implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #keeper: LoginKeeper;
  readonly #login: ClientLogin;
  readonly #runner: Runner;
  readonly #object: Attributes;
  #closing: Promise<void> | undefined;
  readonly #numbers = { logins: 0, recoveries: 0 };

  /** @internal */
  constructor(module: Module, find: TokenFinder, settings: Settings, object: Attributes) {
    super();
    this.#settings = settings;
    this.#object = object;
    this.#keeper = new LoginKeeper(settings, {
      loggedIn: (user) => {
        this.#numbers.logins += 1;
        this.emit('login', { user });
      },
      expiring: (reason, within) => this.emit('expiring', { reason, within }),
      expired: (reason) => this.#login.expire(reason),
      usedAt: () => this.#connection.pool.usedAt,
    });
    this.#connection = new Connection(module, find, this.#keeper, settings);
    const recovery = new Recovery(this.#connection, settings, {
      recovering: (level, cause) => this.emit('recovering', { level, cause }),
      recovered: (level, generation) => {
        this.#numbers.recoveries += 1;
        this.emit('recovered', { level, generation });
      },
      down: (error) => this.emit('down', { error }),
    });
    this.#runner = new Runner(this.#connection, recovery, settings);
    this.#login = new ClientLogin(this.#connection, recovery, (reason) => this.emit('loggedOut', { reason }));
  }

  /** @internal */
  async start(pin: Pin | null | PinProvider | undefined, signal?: AbortSignal): Promise<void> {
    if (pin !== undefined) this.#keeper.want(this.#settings.user, pin);
    await until(this.#connection.establish('login', signal), signal);
  }

  /** The token, as it was found last. */
  get token(): Token {
    const { token } = this.#connection;
    if (token === undefined) throw closedError();
    return token;
  }

  /** Who is logged in at this moment. */
  get user(): User | undefined {
    return this.#connection.token?.user;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Logs in, or changes to another user. Sessions stay; from then on the client keeps this login. When it fails, what was
   * kept before counts again. Where the user is logged in already, the PIN is not tried, but kept for the next login.
   * @param pin as in ConnectOptions; left out, the one of connect() or of the last login
   * @throws those of Session.login; ERR_CRYPTOKI_LOGIN_NEEDED without a PIN
   */
  async login(
    pin?: Pin | null | PinProvider,
    options: { readonly user?: User; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#runner.checkOpen();
    requireOptions(options, 'the options of login', ['user', 'signal']);
    const user = checkUser(options.user ?? this.#settings.user);
    await this.#login.login(pin, user, options.signal);
  }

  /** Logs out: the client is a guest. Private objects are dead; operations in flight end first. */
  async logout(): Promise<void> {
    this.#runner.checkOpen();
    await this.#login.logout('guest');
  }

  /**
   * Logs out, closes every session (which ends session objects), and wipes the PIN if it is kept. Operations in flight end
   * first; those that wait for a session fail. The next operation logs in again if a function gives the PIN, and fails with
   * ERR_CRYPTOKI_LOGIN_NEEDED if not, until login() is called.
   */
  async secureLogout(): Promise<void> {
    this.#runner.checkOpen();
    await this.#login.logout('secure');
  }

  /** The one private key with these attributes, or of this PKCS#11 URI; without either, the one of connect()'s URI. */
  privateKey(which?: Attributes | string, options?: OperationOptions): Promise<ClientPrivateKey> {
    return this.#one('PRIVATE_KEY', which, options) as Promise<ClientPrivateKey>;
  }

  /** The one public key; see {@link privateKey}. */
  publicKey(which?: Attributes | string, options?: OperationOptions): Promise<ClientPublicKey> {
    return this.#one('PUBLIC_KEY', which, options) as Promise<ClientPublicKey>;
  }

  /** The one secret key; see {@link privateKey}. */
  secretKey(which?: Attributes | string, options?: OperationOptions): Promise<ClientSecretKey> {
    return this.#one('SECRET_KEY', which, options) as Promise<ClientSecretKey>;
  }

  /** The one certificate; see {@link privateKey}. */
  certificate(which?: Attributes | string, options?: OperationOptions): Promise<ClientCertificate> {
    return this.#one('CERTIFICATE', which, options) as Promise<ClientCertificate>;
  }

  /** All objects with these attributes, or of this PKCS#11 URI. */
  async find(which: Attributes | string = {}, options?: OperationOptions): Promise<ClientObject[]> {
    return findClientObjects(this, attributesOf(which, this.token), options, (object, generation) =>
      makeClientObject(this, object, generation),
    );
  }

  /**
   * Generates a key pair; see Session.generateKeyPair. With token: false (the default) the keys keep their session open
   * until they are disposed.
   */
  async generateKeyPair(
    keyType: KeyPairOptions['keyType'],
    options: Omit<KeyPairOptions, 'keyType'> & OperationOptions = {},
  ): Promise<{ readonly publicKey: ClientPublicKey; readonly privateKey: ClientPrivateKey }> {
    const { signal, ...rest } = copyMembers(options);
    return this.run('generateKeyPair', { signal, repeatable: false }, async (session, lease) => {
      const pair = await session.generateKeyPair(keyType, rest);
      await discardIfAborted(signal, pair.privateKey, pair.publicKey);
      return {
        publicKey: adoptClientObject(this, pair.publicKey, lease) as ClientPublicKey,
        privateKey: adoptClientObject(this, pair.privateKey, lease) as ClientPrivateKey,
      };
    });
  }

  /** Generates a secret key; see {@link generateKeyPair}. */
  async generateKey(
    keyType: KeyOptions['keyType'],
    options: Omit<KeyOptions, 'keyType'> & OperationOptions = {},
  ): Promise<ClientSecretKey> {
    const { signal, ...rest } = copyMembers(options);
    return this.run('generateKey', { signal, repeatable: false }, async (session, lease) => {
      const key = await session.generateKey(keyType, rest as Parameters<Session['generateKey']>[1]);
      await discardIfAborted(signal, key);
      return adoptClientObject(this, key, lease) as ClientSecretKey;
    });
  }

  /** Creates an object; see Session.createObject and, for session objects, {@link generateKeyPair}. */
  createObject(attributes: Attributes, options: OperationOptions = {}): Promise<ClientObject> {
    const own = copyMembers(attributes);
    return this.run('createObject', { ...options, repeatable: false }, async (session, lease) => {
      const object = await session.createObject(own);
      await discardIfAborted(options.signal, object);
      return adoptClientObject(this, object, lease);
    });
  }

  /** Digests a message on the token; see Session.digest. */
  digest(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const [message, { input }] = [copy(data), copyMechanism(algorithm)];
    return this.run('digest', { ...options, repeatable: true, shares: 'operation' }, (session) =>
      session.digest(input, message),
    );
  }

  /** Digests many messages on the sessions that are free; see PrivateKey.signMany. */
  digestMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return digestMany(onClient(this, undefined), algorithm, messages, options);
  }

  /** Digests a message as it comes; see Session.createDigest and ClientPrivateKey.createSign. */
  createDigest(algorithm: MechanismInput, options: OperationOptions = {}): DigestStream {
    return createDigest(this, algorithm, options);
  }

  /** Random bytes of the token; see Session.random. */
  random(length: number, options?: OperationOptions): Promise<Buffer> {
    return this.run('random', { ...options, repeatable: true }, (session) => session.random(length));
  }

  /**
   * Lends a session for as long as `work` takes. Nothing is repeated after an error; the session must not be closed or kept.
   */
  withSession<T>(work: (session: Session) => Promise<T>, options?: OperationOptions): Promise<T> {
    return this.run('withSession', { ...options, repeatable: false }, work);
  }

  /**
   * Asks the token how it is, without repairing anything: whether it answers, and whether who is to be logged in is.
   * @param options.signal ends the waiting for an answer, such as AbortSignal.timeout(1000): it is not ok then
   */
  async health(options: OperationOptions = {}): Promise<Health> {
    const begun = performance.now();
    const answer = (ok: boolean, error?: unknown): Health => ({
      ok,
      loggedIn: this.user,
      latency: performance.now() - begun,
      ...(error === undefined ? {} : { error }),
    });
    try {
      this.#runner.checkOpen();
      await until(this.#connection.check(), options.signal);
      return answer(this.#keeper.wanted === undefined || this.user === this.#keeper.wanted);
    } catch (error) {
      return answer(false, error);
    }
  }

  statistics(): ClientStatistics {
    const { generation, pool } = this.#connection;
    return { ...pool.statistics(), ...this.#runner.numbers, ...this.#numbers, generation };
  }

  /**
   * Ends the client: operations in flight end first (those that wait fail), sessions are closed, which ends session
   * objects, and the module is given up. A second call returns the promise of the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Does an operation on a lent session, and does it again when it may be and something was lost that could be got back.
   * @internal
   */
  run<T>(
    operation: string,
    options: RunOptions,
    work: (session: Session, lease: Lease) => Promise<T>,
  ): Promise<T> {
    return this.#runner.run(operation, options, work);
  }

  /** Grows whenever handles of objects may have died. @internal */
  get generation(): number {
    return this.#connection.generation;
  }

  /** The session that stays open and is never closed before the others. @internal */
  get anchor(): Session {
    return this.#connection.anchor;
  }

  /** The PIN for one operation of a key that is always authenticated. @internal */
  contextPin(session: Session, key: ClientObject, options?: OperationOptions): Promise<Pin | null> {
    const { label, id } = key;
    return this.#keeper.contextPin(session, { label, id }, options?.signal);
  }

  async #close(): Promise<void> {
    releaseReferences(this);
    this.#runner.close();
    this.#keeper.wantNobody();
    this.#keeper.forget();
    await this.#connection.pool.close(closedError(), PATIENCE);
    await this.#connection.release();
    await withTimeout(this.#connection.module.close(), PATIENCE).catch((error) => {
      // A call that hangs in the module cannot be ended; what else went wrong is told.
      if (!isCode(error, 'ERR_CRYPTOKI_TIMEOUT')) throw error;
    });
    this.removeAllListeners();
  }

  async #one(
    objectClass: ObjectClass,
    which: Attributes | string | undefined,
    options: OperationOptions | undefined,
  ): Promise<ClientObject> {
    const attributes = which === undefined ? this.#object : attributesOf(which, this.token);
    return findClientObject(this, objectClass, attributes, options, (object, generation) =>
      makeClientObject(this, object, generation),
    );
  }
}
