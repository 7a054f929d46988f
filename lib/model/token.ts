import { EventEmitter } from 'node:events';
import { argumentError, requireOptions } from '../core/arguments';
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

/** Calls back when listeners came or went; by the emitter's own events, which are none of a token's. */
function followListeners(emitter: EventEmitter, changed: () => void): void {
  emitter.on('removeListener', changed);
  emitter.on('newListener', () => queueMicrotask(changed)); // it is told before
}

/** What a {@link Token} tells; see there. */
export interface TokenEvents {
  login: [{ readonly user: User }];
  logout: [];
}

/**
 * The token in a slot: what holds keys and other objects.
 *
 * It emits 'login' ({ user }) and 'logout' soon after somebody has logged in or out, whoever in the process it was and in
 * whichever thread; the process is not kept alive for it.
 */
export class Token extends EventEmitter<TokenEvents> implements AsyncDisposable {
  readonly slot: Slot;
  readonly label: string;
  readonly serialNumber: string;
  readonly model: string;
  readonly manufacturer: string;
  /** Whether it was initialised when this object was made. */
  readonly initialized: boolean;
  readonly #sessions = new Set<Session>();
  /** The session that keeps the login of {@link login}. */
  #keeper: Promise<Session | undefined> | undefined;
  #loggingIn = 0;
  #mechanisms: Promise<ReadonlySet<number>> | undefined;
  #mechanismsNow: ReadonlySet<number> | undefined;

  /** @internal */
  constructor(slot: Slot, raw: CK_TOKEN_INFO) {
    super();
    const info = toTokenInfo(raw);
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

  /** Who is logged in right now, in this process, without a call; undefined for nobody. */
  get user(): User | undefined {
    return this.slot.login.user;
  }

  /**
   * What this token is known by.
   * @internal
   */
  get identity(): string {
    return `${this.serialNumber}\0${this.label}\0${this.slot.id}`;
  }

  /** C_GetTokenInfo, asked anew. */
  async info(): Promise<TokenInfo> {
    const info = toTokenInfo(await this.slot.module.use().C_GetTokenInfo(this.slot.id));
    this.slot.loginRequired = info.loginRequired;
    return info;
  }

  /**
   * Opens a session (C_OpenSession, PKCS#11 3.1, section 5.6.1). It is logged in if any session of the process on the
   * token is.
   * @param options.readWrite whether token objects can be created, changed and destroyed; default false
   * @throws CKR_SESSION_COUNT when the token allows no more, CKR_TOKEN_WRITE_PROTECTED,
   *   CKR_TOKEN_NOT_RECOGNIZED for a token that is not initialised; ERR_CRYPTOKI_SO_READ_ONLY for a read-only session
   *   while the security officer is logged in
   */
  async openSession(options: SessionOptions = {}): Promise<Session> {
    requireOptions(options, 'the options of openSession', ['readWrite']);
    const readWrite = options.readWrite ?? false;
    if (typeof readWrite !== 'boolean') throw argumentError(TypeError, 'readWrite must be a boolean');
    const flags = CKF.SERIAL_SESSION | (readWrite ? CKF.RW_SESSION : 0);
    const raw = this.slot.module.use();
    if (!readWrite) refuseReadOnlyBesideSO(this.slot);
    const opened = await raw.openSession(this.slot.id, flags);
    const session = new Session(this, opened, readWrite, this.#sessions);
    // Asked here, so that no operation has to ask first: it is queued before its caller goes on.
    if (this.#mechanismsNow === undefined) await Promise.resolve(this.mechanismSet()).catch(() => {});
    return session;
  }

  /**
   * Logs in, as Session.login does; no session has to be open. The token opens one of its own that keeps the login until
   * logout, or until the token is closed (`await using`), even if all other sessions close. Where the token allows no
   * more sessions, an open one is used, and the login ends with the last of them.
   * @throws as Session.login
   */
  async login(pin: Pin | null, options: LoginOptions = {}): Promise<void> {
    const own = copyPin(pin);
    this.#loggingIn += 1;
    try {
      const session = (await this.#keep()) ?? this.#anyOpen() ?? (await this.openSession());
      await session.login(own, options);
    } finally {
      own?.fill(0);
      this.#loggingIn -= 1;
      // It has failed, and says why itself.
      if (this.#loggingIn === 0 && this.user === undefined) await this.#letGo().catch(() => {});
    }
  }

  /** Logs out, as Session.logout does: all sessions of the process on the token. Not being logged in is no error. */
  async logout(): Promise<void> {
    const open = this.#anyOpen();
    if (open !== undefined) {
      await open.logout();
    } else {
      await using session = await this.openSession({ readWrite: this.user === 'SO' });
      await session.logout();
    }
    await this.#letGo();
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

  // Read/write, so that the security officer can log in beside it.
  async #openKeeper(): Promise<Session | undefined> {
    try {
      const session = await this.openSession({ readWrite: true }).catch((error) => {
        if (isCode(error, 'CKR_SESSION_COUNT')) throw error;
        // Tokens that allow no read/write sessions say so with many codes; this one only keeps the login.
        return this.openSession().catch(() => {
          throw error;
        });
      });
      session.on('state', () => {
        if (this.#loggingIn === 0 && this.user === undefined) this.#letGo().catch(() => {});
      });
      return session;
    } catch (error) {
      if (isCode(error, 'CKR_SESSION_COUNT') && this.#anyOpen() !== undefined) return undefined;
      throw error;
    }
  }

  async #letGo(): Promise<void> {
    const keeper = this.#keeper?.catch(() => undefined);
    this.#keeper = undefined;
    await (await keeper)?.close();
  }

  /**
   * The mechanisms of the token, asked once: algorithms choose by them. A promise only while they are not known.
   * @internal
   */
  mechanismSet(): ReadonlySet<number> | Promise<ReadonlySet<number>> {
    if (this.#mechanismsNow !== undefined) return this.#mechanismsNow;
    this.#mechanisms ??= this.#askMechanisms().finally(() => {
      this.#mechanisms = undefined;
    });
    return this.#mechanisms;
  }

  /** @internal */
  mechanismSetSync(): ReadonlySet<number> {
    this.#mechanismsNow ??= new Set(this.slot.module.use().C_GetMechanismListSync(this.slot.id));
    return this.#mechanismsNow;
  }

  async #askMechanisms(): Promise<ReadonlySet<number>> {
    this.#mechanismsNow = new Set(await this.slot.module.use().C_GetMechanismList(this.slot.id));
    return this.#mechanismsNow;
  }

  /** Closes the sessions opened through this object. */
  async [asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }
}
