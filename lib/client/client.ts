import { EventEmitter } from 'node:events';
import { requireOptions, requireOptionsObject, requireSignal } from '../core/arguments';
import { until } from '../core/deadlines';
import { CryptokiError, isCode } from '../core/errors';
import { asyncDispose } from '../core/realms';
import { requirePlain } from '../core/selection';
import type { Attributes } from '../model/attributes';
import { copy, copyMechanism, copyMembers } from '../model/mechanisms/caller-copies';
import type { MechanismInput } from '../model/mechanisms/mechanism';
import type { Module } from '../model/module';
import { privateKeyTemplate } from '../model/objects/create-object';
import { type FindOptions, nounOf } from '../model/objects/find-objects';
import type { KeyOptions, KeyPairOptions } from '../model/objects/generate-keys';
import type { ObjectClass } from '../model/objects/identity';
import { attributesOfOne } from '../model/objects/selection';
import type { BatchOptions } from '../model/operations/batch/batch';
import { type BatchOutcome, digestMany, type Messages } from '../model/operations/batch/batch-operations';
import type { DigestStream } from '../model/operations/streams/message-stream';
import type { Session, User } from '../model/session';
import type { Token } from '../model/token';
import type { PinProvider } from '../pin';
import type { Pin } from '../pin/pin';
import type { BytesLike } from '../raw';
import type { ClientEvents, ClientStatistics, Health, OperationOptions, RunOptions } from './client-types';
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
import { checkOperationOptions, withOptions } from './operations/operation-options';
import { closedError, Runner, withTimeout } from './operations/operation-runner';
import { createDigest } from './operations/streams';
import type { Lease } from './pool/session-pool';
import {
  attributesOf,
  attributesOfSearch,
  type ClientObjectSelection,
  type ClientSearchSelection,
} from './search-attributes';

/** How long health() waits for an answer of the token, in milliseconds. */
const HEALTH_PATIENCE = 5_000;
/** Which part of its time close() waits for operations in flight; the rest is for closing sessions and module. */
const FOR_OPERATIONS = 0.8;

/**
 * A token, for a program that runs for long: sessions are shared, the login is kept, and what is lost (a session, the
 * login, the token, the module) is got back. Made by connect().
 */
export class Client extends EventEmitter<ClientEvents> implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #keeper: LoginKeeper;
  readonly #login: ClientLogin;
  readonly #recovery: Recovery;
  /** Runs the operations of the client and its objects. @internal */
  readonly runner: Runner;
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
    this.#recovery = new Recovery(this.#connection, settings, {
      recovering: (level, cause) => this.emit('recovering', { level, cause }),
      recovered: (level, generation) => {
        this.#numbers.recoveries += 1;
        this.emit('recovered', { level, generation });
      },
      down: (error) => this.emit('down', { error }),
    });
    this.#connection.onReadOnly = (error) => {
      process.emitWarning(
        `token "${this.#connection.token?.label ?? ''}" refuses read/write sessions (${codeOf(error)}): the client can read and use keys, and write nothing. With readOnly: true it does not try`,
        { type: 'CryptokiWarning', code: 'CRYPTOKI_READ_ONLY' },
      );
      this.emit('readOnly', { error });
    };
    this.runner = new Runner(this.#connection, this.#recovery, settings);
    this.#login = new ClientLogin(this.#connection, this.#recovery, (reason) =>
      this.emit('loggedOut', { reason }),
    );
  }

  /** @internal */
  async start(
    pin: Pin | null | PinProvider | undefined,
    timeout: number,
    signal?: AbortSignal,
  ): Promise<void> {
    if (pin !== undefined) this.#keeper.want(this.#settings.user, pin);
    await this.#recovery.connect(timeout, signal);
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
   * Whether nothing can be written to the token at present: the program or the token wants it so, or the token has refused
   * read/write sessions (then 'readOnly' was emitted, and a CryptokiWarning with the code CRYPTOKI_READ_ONLY).
   */
  get readOnly(): boolean {
    return this.#connection.isReadOnly;
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
    this.runner.checkOpen();
    requireOptions(options, 'the options of login', ['user', 'signal']);
    requireSignal(options.signal);
    const user = checkUser(options.user ?? this.#settings.user);
    await this.#login.login(pin, user, options.signal);
  }

  /** Logs out: the client is a guest. Private objects are dead; operations in flight end first. */
  async logout(): Promise<void> {
    this.runner.checkOpen();
    await this.#login.logout('guest');
  }

  /**
   * Logs out, closes every session (which ends session objects), and wipes the PIN if it is kept. Operations in flight end
   * first; those that wait for a session fail. The next operation logs in again if a function gives the PIN, and fails with
   * ERR_CRYPTOKI_LOGIN_NEEDED if not, until login() is called.
   */
  async secureLogout(): Promise<void> {
    this.runner.checkOpen();
    await this.#login.logout('secure');
  }

  /**
   * The one private key with these attributes, or of this PKCS#11 URI; left out, the one that connect()'s URI names; with
   * 'only', the only private key that there is. What says nothing is refused: attributes without members or with one that is
   * undefined, a URI that names no object. An unset variable must not choose the key.
   *
   * Before the key is used after a loss (of the login, the sessions, the token), it is found again by its label and id, as
   * this object knows them, and proved to be the same: by CKA_UNIQUE_ID, its public key or its check value, or by a trial (a
   * signature, a MAC, an encrypted block of random data) where the token tells none of them.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND, ERR_CRYPTOKI_OBJECT_AMBIGUOUS, ERR_CRYPTOKI_URI; TypeError ERR_INVALID_ARG_TYPE,
   *   TypeError ERR_INVALID_ARG_VALUE
   */
  privateKey(which?: ClientObjectSelection, options?: OperationOptions): Promise<ClientPrivateKey> {
    return this.#one('PRIVATE_KEY', which, options) as Promise<ClientPrivateKey>;
  }

  /** The one public key; see {@link privateKey}. */
  publicKey(which?: ClientObjectSelection, options?: OperationOptions): Promise<ClientPublicKey> {
    return this.#one('PUBLIC_KEY', which, options) as Promise<ClientPublicKey>;
  }

  /** The one secret key; see {@link privateKey}. */
  secretKey(which?: ClientObjectSelection, options?: OperationOptions): Promise<ClientSecretKey> {
    return this.#one('SECRET_KEY', which, options) as Promise<ClientSecretKey>;
  }

  /** The one certificate; see {@link privateKey}. */
  certificate(which?: ClientObjectSelection, options?: OperationOptions): Promise<ClientCertificate> {
    return this.#one('CERTIFICATE', which, options) as Promise<ClientCertificate>;
  }

  /**
   * The objects with these attributes, or of this PKCS#11 URI; without an argument, or with 'all', all objects. What says
   * nothing is refused, as by {@link privateKey}.
   * @param options.limit ends the search after this many objects
   * @throws ERR_CRYPTOKI_URI; TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
   */
  async find(
    ...given: [which?: ClientSearchSelection, options?: OperationOptions & FindOptions]
  ): Promise<ClientObject[]> {
    const [which, options] = given;
    const attributes =
      given.length === 0 ? {} : attributesOfSearch(which as ClientSearchSelection, this.token);
    return findClientObjects(this, attributes, options, (object, generation) =>
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
    requireOptionsObject(options, 'the options of generateKeyPair');
    const { signal: theirs, timeout, ...rest } = copyMembers(options);
    return withOptions({ signal: theirs, timeout }, (signal) =>
      this.run('generateKeyPair', { signal, repeatable: false }, async (session, lease) => {
        const pair = await session.generateKeyPair(keyType, rest);
        await discardIfAborted(signal, lease, pair.privateKey, pair.publicKey);
        return {
          publicKey: (await adoptClientObject(this, pair.publicKey, lease)) as ClientPublicKey,
          privateKey: (await adoptClientObject(this, pair.privateKey, lease)) as ClientPrivateKey,
        };
      }),
    );
  }

  /** Generates a secret key; see {@link generateKeyPair}. */
  async generateKey(
    keyType: KeyOptions['keyType'],
    options: Omit<KeyOptions, 'keyType'> & OperationOptions = {},
  ): Promise<ClientSecretKey> {
    requireOptionsObject(options, 'the options of generateKey');
    const { signal: theirs, timeout, ...rest } = copyMembers(options);
    return withOptions({ signal: theirs, timeout }, (signal) =>
      this.run('generateKey', { signal, repeatable: false }, async (session, lease) => {
        const key = await session.generateKey(keyType, rest as Parameters<Session['generateKey']>[1]);
        await discardIfAborted(signal, lease, key);
        return (await adoptClientObject(this, key, lease)) as ClientSecretKey;
      }),
    );
  }

  /**
   * Creates an object; see Session.createObject and, for session objects, {@link generateKeyPair}. Private and secret keys are
   * private unless the attributes say something else, when the client is to be logged in as the user.
   */
  async createObject(attributes: Attributes, options: OperationOptions = {}): Promise<ClientObject> {
    requirePlain(attributes, 'the attributes');
    const own = copyMembers(attributes);
    const { wanted } = this.#keeper;
    return withOptions(options, (signal) =>
      this.run('createObject', { signal, repeatable: false }, async (session, lease) => {
        const object = await session.createObject(privateKeyTemplate(own, wanted));
        await discardIfAborted(signal, lease, object);
        return adoptClientObject(this, object, lease);
      }),
    );
  }

  /** Digests a message on the token; see Session.digest. */
  digest(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const [message, { input }] = [copy(data), copyMechanism(algorithm)];
    return this.run('digest', { given: options, repeatable: true, shares: 'operation' }, (session) =>
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
    return this.run('random', { given: options, repeatable: true }, (session) => session.random(length));
  }

  /**
   * Lends a session for as long as `work` takes. Nothing is repeated after an error; the session must not be closed or kept.
   */
  withSession<T>(work: (session: Session) => Promise<T>, options?: OperationOptions): Promise<T> {
    return this.run('withSession', { given: options, repeatable: false }, work);
  }

  /**
   * Asks the token how it is, without repairing anything: whether it answers within operationTimeout (5,000 ms at most), whether
   * who is to be logged in is, and whether a session can be had.
   * @param options.signal ends the waiting for an answer: it is not ok then
   * @param options.timeout does so after this number of milliseconds
   */
  async health(options: OperationOptions = {}): Promise<Health> {
    checkOperationOptions(options, 'the options of health');
    const begun = performance.now();
    const { pool } = this.#connection;
    const answer = (ok: boolean, error?: unknown): Health => {
      const { hung, givenUp } = pool.statistics();
      return {
        ...{ ok, loggedIn: this.user, latency: performance.now() - begun },
        ...{ hung, givenUp, longestLent: pool.longestLent, readOnly: this.readOnly },
        ...(error === undefined ? {} : { error }),
      };
    };
    try {
      this.runner.checkOpen();
      const patience = Math.min(this.#settings.operationTimeout, HEALTH_PATIENCE);
      await withOptions(options, (signal) => until(withTimeout(this.#connection.check(), patience), signal));
      if (!pool.canLend) return answer(false, allHang(pool.statistics().hung));
      return answer(this.#keeper.wanted === undefined || this.user === this.#keeper.wanted);
    } catch (error) {
      return answer(false, error);
    }
  }

  statistics(): ClientStatistics {
    const { generation, pool } = this.#connection;
    return { ...pool.statistics(), ...this.runner.numbers, ...this.#numbers, generation };
  }

  /**
   * Ends the client: operations in flight end first (those that wait fail), sessions are closed, which ends session
   * objects, and the module is given up. That takes closeTimeout at most: a call that hangs longer goes on without the
   * client. A second call returns the promise of the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [asyncDispose](): Promise<void> {
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
    return this.runner.run(operation, options, (_none, session, lease) => work(session, lease));
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
  contextPin(
    session: Session,
    key: Pick<ClientObject, 'label' | 'id'>,
    options?: OperationOptions,
  ): Promise<Pin | null> {
    const { label, id } = key;
    return this.#keeper.contextPin(session, { label, id }, options?.signal);
  }

  async #close(): Promise<void> {
    releaseReferences(this);
    this.runner.close();
    this.#keeper.wantNobody();
    this.#keeper.forget();
    const { closeTimeout } = this.#settings;
    const end = performance.now() + closeTimeout;
    await this.#inTime(this.#connection.pool.close(closedError(), closeTimeout * FOR_OPERATIONS), end);
    await this.#inTime(this.#connection.release(), end);
    await this.#inTime(this.#connection.module.close(), end);
    this.removeAllListeners();
  }

  /** A call that hangs in the module cannot be ended; it is not waited for. What else goes wrong is thrown. */
  async #inTime(work: Promise<void>, end: number): Promise<void> {
    const left = Math.max(end - performance.now(), 1);
    if (!Number.isFinite(left)) return work;
    await withTimeout(work, left).catch((error) => {
      if (!isCode(error, 'ERR_CRYPTOKI_TIMEOUT')) throw error;
    });
  }

  #objectOfUri(noun: string): Attributes {
    if (Object.keys(this.#object).some((name) => name !== 'class')) return this.#object;
    return attributesOfOne(undefined, noun);
  }

  async #one(
    objectClass: ObjectClass,
    which: ClientObjectSelection | undefined,
    options: OperationOptions | undefined,
  ): Promise<ClientObject> {
    const noun = nounOf(objectClass);
    const attributes = which === undefined ? this.#objectOfUri(noun) : attributesOf(which, this.token, noun);
    return findClientObject(this, objectClass, attributes, options, (object, generation) =>
      makeClientObject(this, object, generation),
    );
  }
}

function codeOf(error: unknown): string {
  return error instanceof CryptokiError ? error.code : 'no code';
}

function allHang(count: number): CryptokiError {
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_TIMEOUT',
    detail: `${count} sessions hang in calls to the module, and no other session can be opened (sessions.max, sessions.maxHung)`,
    action: 'retry',
  });
}
