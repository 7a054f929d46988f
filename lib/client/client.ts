import { EventEmitter } from 'node:events';
import { requireOptions, requireOptionsObject, requireSignal } from '../core/arguments';
import { until } from '../core/deadlines';
import { type CryptokiError, isCode, ownError } from '../core/errors';
import { asyncDispose } from '../core/realms';
import { requirePlain } from '../core/selection';
import { emitWarning } from '../core/warnings';
import type { Attributes } from '../model/attributes';
import type { CertificateInput } from '../model/import/certificate-input';
import type { ImportCertificateOptions } from '../model/import/import-certificate';
import type { ImportKeyOptions } from '../model/import/import-key';
import type { KeyInput } from '../model/import/key-input';
import type { ImportedClass } from '../model/import/key-usages';
import { copy, copyMechanism, copyMembers } from '../model/mechanisms/caller-copies';
import type { MechanismInput } from '../model/mechanisms/mechanism';
import type { Module } from '../model/module';
import { privateKeyTemplate } from '../model/objects/create-object';
import { type FindOptions, nounOf } from '../model/objects/find-objects';
import type { KeyOptions, KeyPairOptions } from '../model/objects/generate-keys';
import type { ObjectClass } from '../model/objects/identity';
import { attributesOfOne } from '../model/objects/selection';
import type { StorageObject } from '../model/objects/storage-object';
import type { BatchOptions } from '../model/operations/batch/batch';
import { type BatchOutcome, digestMany, type Messages } from '../model/operations/batch/batch-operations';
import type { DigestStream } from '../model/operations/streams/message-stream';
import type { Session, User } from '../model/session';
import type { Token } from '../model/token';
import type { PinProvider } from '../pin';
import type { Pin } from '../pin/pin';
import type { BytesLike } from '../raw';
import { codeOf } from './client-tracing';
import type {
  ClientEvents,
  ClientObjectMembers,
  ClientStatistics,
  Health,
  OperationOptions,
  RunOptions,
} from './client-types';
import { checkUser, type Settings } from './connect-options';
import { ClientLogin } from './connection/client-login';
import { Connection, type TokenFinder } from './connection/connection';
import { LoginKeeper } from './connection/login-keeper';
import { Recovery } from './connection/recovery';
import { type ClientObject, findClientObject, findClientObjects } from './objects/client-object';
import {
  adoptClientObject,
  adoptClientObjects,
  type ClientCertificate,
  type ClientKeyOfClass,
  type ClientPrivateKey,
  type ClientPublicKey,
  type ClientSecretKey,
  discardIfAborted,
  makeClientObject,
} from './objects/client-objects';
import { onClient } from './operations/batches';
import { importClientCertificates, importClientKey } from './operations/imports';
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

/** Limit of the time that health() waits for an answer of the token. */
const HEALTH_LIMIT_MS = 5_000;
/** The part of closeTimeout in which close() waits for operations in flight. The rest is for closing sessions and module. */
const CLOSE_SHARE_OF_OPERATIONS = 0.8;

/**
 * A token, for a program that runs for long. It shares sessions, keeps the login, and restores a lost session, login, token or
 * module. connect() returns it.
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
      emitWarning(
        'CRYPTOKI_READ_ONLY',
        `token "${this.#connection.token?.label ?? ''}" refuses read/write sessions (${codeOf(error) ?? 'no code'}): the client can read and use keys, but not write. Set readOnly: true to open read-only sessions at once`,
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

  /** The token, as it was found at the last connection. */
  get token(): Token {
    const { token } = this.#connection;
    if (token === undefined) throw closedError();
    return token;
  }

  /** The user who is logged in; undefined when nobody is. */
  get user(): User | undefined {
    return this.#connection.token?.user;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * True when the client cannot write to the token: because of the option, or because the token is write-protected or has
   * refused read/write sessions (after the event 'readOnly' and a CryptokiWarning with the code CRYPTOKI_READ_ONLY).
   */
  get readOnly(): boolean {
    return this.#connection.isReadOnly;
  }

  /**
   * Logs in, or changes to another user. Sessions stay open, and the client keeps this login from then on. If the login fails,
   * user and PIN of the previous one are kept. If the user is logged in already, the PIN is not sent, but kept for the next
   * login.
   * @param pin as in ConnectOptions; left out, the PIN of connect() or of the last login
   * @throws the errors of Session.login; ERR_CRYPTOKI_LOGIN_NEEDED without a PIN
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

  /** Logs out, after operations in flight have ended. Private objects can no longer be used. */
  async logout(): Promise<void> {
    this.runner.checkOpen();
    await this.#login.logout('guest');
  }

  /**
   * Logs out, closes every session (which destroys session objects), and wipes a kept PIN. Operations in flight end first;
   * those that wait for a session fail. The next operation logs in again if the PIN comes from a function. Otherwise operations
   * fail with ERR_CRYPTOKI_LOGIN_NEEDED until login() is called.
   */
  async secureLogout(): Promise<void> {
    this.runner.checkOpen();
    await this.#login.logout('secure');
  }

  /**
   * Finds the one private key with these attributes or this PKCS#11 URI. Without a selection: the key that the URI of connect()
   * names; with 'only': the only private key. Throws for an empty selection (attributes without members or with an undefined
   * one, a URI that names no object), because an unset variable must not choose the key.
   *
   * After a loss (of the login, the sessions, the token) the key is found again by its label and id, as this object has them,
   * and proved to be the same before it is used: by CKA_UNIQUE_ID, its public key or its check value, or by a trial (a
   * signature, a MAC, an encrypted block of random data) if the token reveals none of them.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND, ERR_CRYPTOKI_OBJECT_AMBIGUOUS, ERR_CRYPTOKI_URI; TypeError ERR_INVALID_ARG_TYPE,
   *   TypeError ERR_INVALID_ARG_VALUE
   */
  privateKey(selection?: ClientObjectSelection, options?: OperationOptions): Promise<ClientPrivateKey> {
    return this.#findOne('PRIVATE_KEY', selection, options) as Promise<ClientPrivateKey>;
  }

  /** Finds the one public key; see {@link privateKey}. */
  publicKey(selection?: ClientObjectSelection, options?: OperationOptions): Promise<ClientPublicKey> {
    return this.#findOne('PUBLIC_KEY', selection, options) as Promise<ClientPublicKey>;
  }

  /** Finds the one secret key; see {@link privateKey}. */
  secretKey(selection?: ClientObjectSelection, options?: OperationOptions): Promise<ClientSecretKey> {
    return this.#findOne('SECRET_KEY', selection, options) as Promise<ClientSecretKey>;
  }

  /** Finds the one certificate; see {@link privateKey}. */
  certificate(selection?: ClientObjectSelection, options?: OperationOptions): Promise<ClientCertificate> {
    return this.#findOne('CERTIFICATE', selection, options) as Promise<ClientCertificate>;
  }

  /**
   * Finds the objects with these attributes or this PKCS#11 URI; without an argument, or with 'all', all objects. Throws for an
   * empty selection, as {@link privateKey} does.
   * @param options.limit ends the search after this number of objects
   * @throws ERR_CRYPTOKI_URI; TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
   */
  async find(
    ...parameters: [selection?: ClientSearchSelection, options?: OperationOptions & FindOptions]
  ): Promise<ClientObject[]> {
    const [selection, options] = parameters;
    const attributes =
      parameters.length === 0 ? {} : attributesOfSearch(selection as ClientSearchSelection, this.token);
    return findClientObjects(this, attributes, options, (object, generation) =>
      makeClientObject(this, object, generation),
    );
  }

  /**
   * Generates a key pair; see Session.generateKeyPair. With token: false (the default) the keys keep their session open until
   * they are disposed of.
   */
  async generateKeyPair(
    keyType: KeyPairOptions['keyType'],
    options: Omit<KeyPairOptions, 'keyType'> & OperationOptions = {},
  ): Promise<{ readonly publicKey: ClientPublicKey; readonly privateKey: ClientPrivateKey }> {
    requireOptionsObject(options, 'the options of generateKeyPair');
    const { signal, timeout, ...rest } = copyMembers(options);
    const created = await this.#create('generateKeyPair', { signal, timeout }, async (session) => {
      const pair = await session.generateKeyPair(keyType, rest);
      return [pair.publicKey, pair.privateKey];
    });
    const [publicKey, privateKey] = created as [ClientPublicKey, ClientPrivateKey];
    return { publicKey, privateKey };
  }

  /** Generates a secret key; see {@link generateKeyPair}. */
  async generateKey(
    keyType: KeyOptions['keyType'],
    options: Omit<KeyOptions, 'keyType'> & OperationOptions = {},
  ): Promise<ClientSecretKey> {
    requireOptionsObject(options, 'the options of generateKey');
    const { signal, timeout, ...rest } = copyMembers(options);
    const created = await this.#create('generateKey', { signal, timeout }, async (session) => [
      await session.generateKey(keyType, rest as Parameters<Session['generateKey']>[1]),
    ]);
    return created[0] as ClientSecretKey;
  }

  /**
   * Creates an object; see Session.createObject and, for session objects, {@link generateKeyPair}. If the client logs in as the
   * user, private and secret keys get CKA_PRIVATE, unless the attributes have another value for it.
   */
  async createObject(attributes: Attributes, options: OperationOptions = {}): Promise<ClientObject> {
    requirePlain(attributes, 'the attributes');
    const copied = copyMembers(attributes);
    const { wanted } = this.#keeper;
    const created = await this.#create('createObject', options, async (session) => [
      await session.createObject(privateKeyTemplate(copied, wanted)),
    ]);
    return created[0] as ClientObject;
  }

  /**
   * Imports a key; see Session.importKey and, for session objects, {@link generateKeyPair}. The key is read and checked before a
   * session is lent. The import is repeated after a loss only if nothing was created.
   */
  async importKey<Class extends ImportedClass = ImportedClass>(
    key: KeyInput,
    options: ImportKeyOptions<Class> & OperationOptions = {},
  ): Promise<ClientKeyOfClass[Class]> {
    const [imported] = await importClientKey(this, key, options, adoptClientObjects(this));
    return imported as ClientKeyOfClass[Class];
  }

  /** Imports one certificate; see Session.importCertificate and {@link importKey}. */
  async importCertificate(
    certificate: CertificateInput,
    options: ImportCertificateOptions & OperationOptions = {},
  ): Promise<ClientCertificate> {
    const adopt = adoptClientObjects(this);
    const [imported] = await importClientCertificates(this, 'importCertificate', certificate, options, adopt);
    return imported as ClientCertificate;
  }

  /** Imports several certificates, all or none; see Session.importCertificates and {@link importKey}. */
  async importCertificates(
    certificates: CertificateInput | readonly CertificateInput[],
    options: ImportCertificateOptions & OperationOptions = {},
  ): Promise<ClientCertificate[]> {
    const adopt = adoptClientObjects(this);
    const imported = importClientCertificates(this, 'importCertificates', certificates, options, adopt);
    return (await imported) as ClientCertificate[];
  }

  /** Digests a message on the token; see Session.digest. */
  digest(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const [message, { input }] = [copy(data), copyMechanism(algorithm)];
    return this.run('digest', { callerOptions: options, repeatable: true, shares: 'operation' }, (session) =>
      session.digest(input, message),
    );
  }

  /** Digests many messages on the free sessions; see PrivateKey.signMany. */
  digestMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return digestMany(onClient(this, undefined), algorithm, messages, options);
  }

  /** Creates a stream that digests a message; see Session.createDigest and ClientPrivateKey.createSign. */
  createDigest(algorithm: MechanismInput, options: OperationOptions = {}): DigestStream {
    return createDigest(this, algorithm, options);
  }

  /** Returns random bytes from the token; see Session.random. */
  random(length: number, options?: OperationOptions): Promise<Buffer> {
    return this.run('random', { callerOptions: options, repeatable: true }, (session) =>
      session.random(length),
    );
  }

  /**
   * Lends a session to `work` until its promise is settled. `work` is not repeated after an error. It must not close or keep the
   * session. Session objects that `work` creates by methods of the session, or gives to session.adopt(), keep the session open
   * until they are destroyed.
   */
  withSession<T>(work: (session: Session) => Promise<T>, options?: OperationOptions): Promise<T> {
    return this.run('withSession', { callerOptions: options, repeatable: false }, async (session, lease) => {
      const before = new Set(session.ownedObjects);
      try {
        return await work(session);
      } finally {
        const isNew = [...session.ownedObjects].some((handle) => !before.has(handle));
        if (isNew) session.whenEmpty(lease.pin());
      }
    });
  }

  /**
   * Checks if the token answers within operationTimeout (at most 5,000 ms), if the user is logged in, and if a session is
   * available. Recovers nothing.
   * @param options.signal ends the wait for an answer; `ok` is false then
   * @param options.timeout does the same after this number of milliseconds
   */
  async health(options: OperationOptions = {}): Promise<Health> {
    checkOperationOptions(options, 'the options of health');
    const begin = performance.now();
    const { pool } = this.#connection;
    const result = (ok: boolean, error?: unknown): Health => {
      const { hung, givenUp } = pool.statistics();
      return {
        ...{ ok, loggedIn: this.user, latency: performance.now() - begin },
        ...{ hung, givenUp, longestLent: pool.longestLent, readOnly: this.readOnly },
        ...(error === undefined ? {} : { error }),
      };
    };
    try {
      this.runner.checkOpen();
      const limit = Math.min(this.#settings.operationTimeout, HEALTH_LIMIT_MS);
      await withOptions(options, (signal) => until(withTimeout(this.#connection.check(), limit), signal));
      if (!pool.canLend) return result(false, allHungError(pool.statistics().hung));
      return result(this.#keeper.wanted === undefined || this.user === this.#keeper.wanted);
    } catch (error) {
      return result(false, error);
    }
  }

  statistics(): ClientStatistics {
    const { generation, pool } = this.#connection;
    return { ...pool.statistics(), ...this.runner.numbers, ...this.#numbers, generation };
  }

  /**
   * Closes the client: waits for operations in flight (waiting ones fail), closes the sessions, which destroys session objects,
   * and releases the module. This takes at most closeTimeout; a call that hangs longer continues without the client. A second
   * call returns the promise of the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Runs an operation on a lent session. Repeats it, if it is repeatable, after a loss that was recovered.
   * @internal
   */
  run<T>(
    operation: string,
    options: RunOptions,
    work: (session: Session, lease: Lease) => Promise<T>,
  ): Promise<T> {
    return this.runner.run(operation, options, (_none, session, lease) => work(session, lease));
  }

  /** See makeClientObject. @internal */
  makeObject(object: StorageObject, generation: number): ClientObject {
    return makeClientObject(this, object, generation);
  }

  /** Number that increases whenever handles of objects may have become invalid. @internal */
  get generation(): number {
    return this.#connection.generation;
  }

  /** The session that keeps the login; it is closed last. @internal */
  get anchor(): Session {
    return this.#connection.anchor;
  }

  /** Returns the PIN for one operation of a key that is always authenticated. @internal */
  contextPin(
    session: Session,
    key: Pick<ClientObject, 'label' | 'id'>,
    options?: OperationOptions,
  ): Promise<Pin | null> {
    const { label, id } = key;
    return this.#keeper.contextPin(session, { label, id }, options?.signal);
  }

  /** Runs an operation that creates objects. It is not repeated. */
  #create(
    operation: string,
    options: OperationOptions,
    work: (session: Session) => Promise<readonly StorageObject[]>,
  ): Promise<ClientObject[]> {
    return this.make(operation, options, undefined, (_none, session) => work(session));
  }

  /**
   * Runs an operation that creates objects, with a key. It is not repeated.
   * @internal
   */
  make(
    operation: string,
    options: OperationOptions,
    key: ClientObjectMembers | undefined,
    work: (key: StorageObject, session: Session) => Promise<readonly StorageObject[]>,
  ): Promise<ClientObject[]> {
    return withOptions(options, (signal) =>
      this.runner.run<ClientObject[], StorageObject>(
        operation,
        { signal, repeatable: false },
        async (object, session, lease) => {
          const objects = await work(object, session);
          await discardIfAborted(signal, lease, ...objects);
          const adopted: ClientObject[] = [];
          for (const made of objects) adopted.push(await adoptClientObject(this, made, lease));
          return adopted;
        },
        key,
      ),
    );
  }

  async #close(): Promise<void> {
    releaseReferences(this);
    this.runner.close();
    this.#keeper.wantNobody();
    this.#keeper.forget();
    const { closeTimeout } = this.#settings;
    const end = performance.now() + closeTimeout;
    const operationsLimit = closeTimeout * CLOSE_SHARE_OF_OPERATIONS;
    await this.#waitUntil(end, this.#connection.pool.close(closedError(), operationsLimit));
    await this.#waitUntil(end, this.#connection.release());
    await this.#waitUntil(end, this.#connection.module.close());
    this.removeAllListeners();
  }

  /** Waits for `work`, but not longer than until `end`, because a call that hangs in the module cannot be ended. */
  async #waitUntil(end: number, work: Promise<void>): Promise<void> {
    const left = Math.max(end - performance.now(), 1);
    if (!Number.isFinite(left)) return work;
    await withTimeout(work, left).catch((error) => {
      if (!isCode(error, 'ERR_CRYPTOKI_TIMEOUT')) throw error;
    });
  }

  /** Returns the attributes of the object that the URI of connect() names. */
  #objectOfUri(noun: string): Attributes {
    if (Object.keys(this.#object).some((name) => name !== 'class')) return this.#object;
    return attributesOfOne(undefined, noun);
  }

  async #findOne(
    objectClass: ObjectClass,
    selection: ClientObjectSelection | undefined,
    options: OperationOptions | undefined,
  ): Promise<ClientObject> {
    const noun = nounOf(objectClass);
    const attributes =
      selection === undefined ? this.#objectOfUri(noun) : attributesOf(selection, this.token, noun);
    return findClientObject(this, objectClass, attributes, options, (object, generation) =>
      makeClientObject(this, object, generation),
    );
  }
}

function allHungError(count: number): CryptokiError {
  return ownError(
    'ERR_CRYPTOKI_TIMEOUT',
    `calls to the module hang on ${count} sessions, and no other session can be opened; raise sessions.max or sessions.maxHung, or restart the module's service`,
  );
}
