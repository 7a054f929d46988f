import { EventEmitter } from 'node:events';
import { requireBoolean, requireOptions } from '../core/arguments';
import { isCode } from '../core/errors';
import { asyncDispose } from '../core/realms';
import { CKF } from '../generated/constants';
import type { CK_TOKEN_INFO } from '../generated/structures';
import type { Pin } from '../pin/pin';
import { copyPin, type LoginOptions } from './login/login';
import { refuseReadOnlyBesideSO } from './login/session-access';
import { Session, type SessionOptions, type User } from './session';
import type { Slot } from './slot';
import { type TokenInfo, toTokenInfo } from './token-info';

/** Calls back after listeners were added or removed. */
function followListeners(emitter: EventEmitter, onChange: () => void): void {
  emitter.on('removeListener', onChange);
  // Node emits 'newListener' before it adds the listener.
  emitter.on('newListener', () => queueMicrotask(onChange));
}

/** The events of a {@link Token}. */
export interface TokenEvents {
  login: [{ readonly user: User }];
  logout: [];
}

/**
 * The token in a slot. It holds keys and other objects.
 *
 * It emits 'login' ({ user }) and 'logout' soon after any code in the process, in any thread, has logged in or out.
 * Listeners do not keep the process alive.
 */
export class Token extends EventEmitter<TokenEvents> implements AsyncDisposable {
  readonly slot: Slot;
  readonly label: string;
  readonly serialNumber: string;
  readonly model: string;
  readonly manufacturer: string;
  /** True when the token was initialised at the time this object was created. */
  readonly initialized: boolean;
  readonly #sessions = new Set<Session>();
  /** The session that keeps the login of {@link login}. */
  #keeper: Promise<Session | undefined> | undefined;
  /** Number of calls of {@link login} in progress. */
  #logins = 0;
  #mechanisms: Promise<ReadonlySet<number>> | undefined;
  #mechanismsNow: ReadonlySet<number> | undefined;

  /** @internal */
  constructor(slot: Slot, rawInfo: CK_TOKEN_INFO) {
    super();
    const info = toTokenInfo(rawInfo);
    this.slot = slot;
    slot.loginRequired = info.loginRequired;
    this.label = info.label;
    this.serialNumber = info.serialNumber;
    this.model = info.model;
    this.manufacturer = info.manufacturer;
    this.initialized = info.initialized;
    followListeners(this, () => {
      const { listening } = slot.login;
      if (this.listenerCount('login') + this.listenerCount('logout') > 0) listening.add(this);
      else listening.delete(this);
    });
  }

  /** @internal */
  loginChanged(user: User | undefined): void {
    if (user === undefined) this.emit('logout');
    else this.emit('login', { user });
  }

  /** The user of this process who is logged in at this moment, without a call of the module; undefined if none is. */
  get user(): User | undefined {
    return this.slot.login.user;
  }

  /**
   * Distinguishes this token from others: serial number, label and slot.
   * @internal
   */
  get identity(): string {
    return `${this.serialNumber}\0${this.label}\0${this.slot.id}`;
  }

  /** Reads information about the token (C_GetTokenInfo), on each call. */
  async info(): Promise<TokenInfo> {
    const info = toTokenInfo(await this.slot.module.use().C_GetTokenInfo(this.slot.id));
    this.slot.loginRequired = info.loginRequired;
    return info;
  }

  /**
   * Opens a session (C_OpenSession, PKCS#11 3.1, section 5.6.1). It is logged in if any session of the process on the
   * token is.
   * @param options.readWrite true to allow token objects to be created, changed and destroyed; default false
   * @throws CKR_SESSION_COUNT when the token allows no more, CKR_TOKEN_WRITE_PROTECTED,
   *   CKR_TOKEN_NOT_RECOGNIZED for a token that is not initialised; ERR_CRYPTOKI_SO_READ_ONLY for a read-only session
   *   while the security officer is logged in
   */
  async openSession(options: SessionOptions = {}): Promise<Session> {
    requireOptions(options, 'the options of openSession', ['readWrite']);
    const readWrite = options.readWrite ?? false;
    requireBoolean(readWrite, 'readWrite');
    const flags = CKF.SERIAL_SESSION | (readWrite ? CKF.RW_SESSION : 0);
    const raw = this.slot.module.use();
    if (!readWrite) refuseReadOnlyBesideSO(this.slot);
    const opened = await raw.openSession(this.slot.id, flags);
    const session = new Session(this, opened, readWrite, this.#sessions);
    // The mechanisms are read here, so that operations are queued synchronously, without a wait for the list.
    if (this.#mechanismsNow === undefined) await Promise.resolve(this.mechanismSet()).catch(() => {});
    return session;
  }

  /**
   * Logs in, as Session.login does; no session has to be open. This object opens an additional session that keeps the login
   * until logout, or until the token is closed (`await using`), even if all other sessions close. If the token allows no
   * more sessions, an open one is used, and the login ends with the last of them.
   * @throws as Session.login
   */
  async login(pin: Pin | null, options: LoginOptions = {}): Promise<void> {
    const pinCopy = copyPin(pin);
    this.#logins += 1;
    try {
      const session = (await this.#keep()) ?? this.#anyOpen() ?? (await this.openSession());
      await session.login(pinCopy, options);
    } finally {
      pinCopy?.fill(0);
      this.#logins -= 1;
      // After a failed login. Its error is thrown, not that of closing the session.
      if (this.#logins === 0 && this.user === undefined) await this.#closeKeeper().catch(() => {});
    }
  }

  /** Logs all sessions of the process on the token out, as Session.logout does. Does nothing if nobody is logged in. */
  async logout(): Promise<void> {
    const open = this.#anyOpen();
    if (open !== undefined) {
      await open.logout();
    } else {
      await using session = await this.openSession({ readWrite: this.user === 'SO' });
      await session.logout();
    }
    await this.#closeKeeper();
  }

  #anyOpen(): Session | undefined {
    return [...this.slot.sessions].find((session) => !session.closed);
  }

  #keep(): Promise<Session | undefined> {
    const before = this.#keeper?.catch(() => undefined);
    const keeper = (async () => {
      const kept = await before;
      return kept?.closed === false ? kept : this.#openKeeper();
    })();
    this.#keeper = keeper;
    return keeper;
  }

  // Read/write, because the security officer cannot log in while a read-only session is open.
  async #openKeeper(): Promise<Session | undefined> {
    try {
      const session = await this.openSession({ readWrite: true }).catch((error) => {
        if (isCode(error, 'CKR_SESSION_COUNT')) throw error;
        // Tokens without read/write sessions return various codes. A read-only session can keep the login too.
        return this.openSession().catch(() => {
          throw error;
        });
      });
      session.on('state', () => {
        if (this.#logins === 0 && this.user === undefined) this.#closeKeeper().catch(() => {});
      });
      return session;
    } catch (error) {
      if (isCode(error, 'CKR_SESSION_COUNT') && this.#anyOpen() !== undefined) return undefined;
      throw error;
    }
  }

  async #closeKeeper(): Promise<void> {
    const keeper = this.#keeper?.catch(() => undefined);
    this.#keeper = undefined;
    await (await keeper)?.close();
  }

  /**
   * Returns the mechanisms of the token, among which algorithms choose. They are read once; a promise until then.
   * @internal
   */
  mechanismSet(): ReadonlySet<number> | Promise<ReadonlySet<number>> {
    if (this.#mechanismsNow !== undefined) return this.#mechanismsNow;
    this.#mechanisms ??= this.#readMechanisms().finally(() => {
      this.#mechanisms = undefined;
    });
    return this.#mechanisms;
  }

  /** Does the same as {@link mechanismSet}, and blocks the calling thread. @internal */
  mechanismSetSync(): ReadonlySet<number> {
    this.#mechanismsNow ??= new Set(this.slot.module.use().C_GetMechanismListSync(this.slot.id));
    return this.#mechanismsNow;
  }

  async #readMechanisms(): Promise<ReadonlySet<number>> {
    this.#mechanismsNow = new Set(await this.slot.module.use().C_GetMechanismList(this.slot.id));
    return this.#mechanismsNow;
  }

  /** Closes the sessions opened through this object. */
  async [asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }
}
