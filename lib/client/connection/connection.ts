import { limited, until } from '../../core/deadlines';
import { CryptokiError, isCode } from '../../core/errors';
import type { Module } from '../../model/module';
import type { Session } from '../../model/session';
import type { Token } from '../../model/token';
import type { Settings } from '../connect-options';
import { SessionPool } from '../pool/session-pool';
import type { LoginKeeper } from './login-keeper';
import { isLoggedInAlone, onlyOneSession, warnLoginPerSession } from './login-scope';
import { openWriting } from './write-access';

/** Finds the token the client is for, among those that are there now. */
export type TokenFinder = (module: Module) => Promise<Token>;

/** How long sessions that are given up are waited for, in milliseconds. */
const CLOSING = 2_000;
/** How long a refusal waits for sessions that are being opened, in milliseconds: one of them may hang. */
const OPENING = 1_000;

/**
 * What a client holds of a token: an anchor session, which keeps the login and is never lent (unless the token allows
 * only one session), and the pool of those that are. Each {@link establish} begins a new generation: handles of the one
 * before are worth nothing.
 */
export class Connection {
  readonly module: Module;
  readonly login: LoginKeeper;
  readonly pool: SessionPool;
  readonly #settings: Settings;
  readonly #find: TokenFinder;
  #token: Token | undefined;
  #anchor: Session | undefined;
  #readWrite = true;
  #removable = false;
  #generation = 0;
  /** Of the login: when the generation began, and when the client was logged in. */
  #epoch = '';
  #login: string | undefined;
  #establishing: Promise<void> | undefined;
  /** How often everything was given up: what began before must not go on. */
  #released = 0;
  /** How often it was begun to establish the connection, or given up. */
  #attempts = 0;
  /** Whether a login counts on the session that made it only, against PKCS#11; asked once in a generation. */
  #isLoginPerSession: Promise<boolean> | undefined;
  /** Sessions that are being opened. */
  readonly #openings = new Set<Promise<Session>>();
  /** The anchor is the only session, and lent. */
  #usesAnchor = false;
  #tellsLogout = true;
  /** Why the sessions are read-only although the token does not say that it is write-protected. */
  #refusal: CryptokiError | undefined;
  #listener: (() => void) | undefined;
  /** The login has ended, and it was not the client that ended it. */
  onLogout: () => void = () => {};
  /** The token has refused read/write sessions, and the client uses read-only ones from now on. */
  onReadOnly: (error: unknown) => void = () => {};

  constructor(module: Module, find: TokenFinder, login: LoginKeeper, settings: Settings) {
    this.module = module;
    this.login = login;
    this.#settings = settings;
    this.#find = find;
    this.pool = new SessionPool(
      settings.sessions,
      () => this.#openSession(),
      () => (this.isUp ? this.#anchor : undefined),
    );
  }

  /** Grows whenever handles may have died: with the token's sessions, or with the login. */
  get generation(): number {
    return this.#generation;
  }

  get token(): Token | undefined {
    return this.#token;
  }

  /** Whether there is an anchor session, as far as is known. */
  get isUp(): boolean {
    return this.#anchor !== undefined && !this.#anchor.closed;
  }

  /** Whether the login that is wanted is there as well. */
  get isReady(): boolean {
    const { wanted } = this.login;
    return this.isUp && (wanted === undefined || this.#token?.user === wanted);
  }

  /** Whether, as far as this process knows, all is as it was when the generation began. */
  get isCurrent(): boolean {
    return this.isReady && this.#epoch === this.#loginEpoch;
  }

  /** Another value after every logout on the token that this process knows of. */
  get #loginEpoch(): string {
    if (this.#token === undefined) return '';
    const { id } = this.#token.slot;
    return `${id} ${this.module.raw.loginEpoch(id)}`;
  }

  /** Whether the token can be taken out of its slot. */
  get isRemovable(): boolean {
    return this.#removable;
  }

  /** Whether its sessions are read-only. */
  get isReadOnly(): boolean {
    return !this.#readWrite;
  }

  get anchor(): Session {
    if (this.#anchor !== undefined) return this.#anchor;
    throw goneError();
  }

  /**
   * Finds the token and opens the anchor session, giving up all sessions that there were; logs in if that is wanted. All
   * who ask at the same time share the outcome.
   */
  async establish(reason: 'login' | 'relogin', signal?: AbortSignal): Promise<void> {
    if (this.#establishing === undefined) {
      const establishing = this.#establish(reason, signal).finally(() => {
        if (this.#establishing === establishing) this.#establishing = undefined;
      });
      this.#establishing = establishing;
    }
    await until(this.#establishing, signal);
  }

  /** What is being established hangs in a call: it is not waited for, and comes to nothing if the call ends. */
  abandon(): void {
    this.#attempts += 1;
    this.#establishing = undefined;
  }

  async #establish(reason: 'login' | 'relogin', signal: AbortSignal | undefined): Promise<void> {
    this.#attempts += 1;
    const attempt = this.#attempts;
    await this.release();
    const released = this.#released;
    const token = await this.#find(this.module);
    const info = await token.info();
    this.#removable = (await token.slot.info()).removable;
    const mayWrite = !(this.#settings.readOnly || info.writeProtected);
    // The security officer cannot log in on read-only sessions.
    const fallsBack = mayWrite && this.login.wanted !== 'SO';
    const { session: anchor, refusal } = fallsBack
      ? await openWriting(token)
      : { session: await token.openSession({ readWrite: mayWrite }), refusal: undefined };
    const { readWrite } = anchor;
    if (released !== this.#released || attempt !== this.#attempts) {
      await anchor.close().catch(() => {});
      throw goneError();
    }
    this.#token = token;
    const isNews = refusal !== undefined && !isCode(this.#refusal, refusal.code);
    this.#refusal = refusal;
    this.#readWrite = readWrite;
    this.#anchor = anchor;
    this.#isLoginPerSession = undefined;
    this.#usesAnchor = false;
    this.#listener = () => {
      this.invalidate();
      this.#tellLogout();
    };
    if (isNews) this.onReadOnly(refusal);
    token.on('logout', this.#listener).on('login', this.#noteLogin);
    this.#tellLogout();
    const most = Math.min(
      info.maxSessions ?? Number.POSITIVE_INFINITY,
      (readWrite ? info.maxReadWriteSessions : undefined) ?? Number.POSITIVE_INFINITY,
    );
    this.pool.limit(most - 1);
    if (most === 1) this.pool.adopt(anchor);
    await this.login.ensure(anchor, reason, signal);
    this.#noteLogin();
    this.invalidate(); // what was looked up before the login is not all that there is
  }

  readonly #noteLogin = (): void => {
    if (this.login.wanted !== undefined && this.isReady) this.#login = this.#loginEpoch;
  };

  /** Says so when the login is not the one that there was. */
  #tellLogout(): void {
    const before = this.#login;
    if (!this.#tellsLogout || before === undefined || before === this.#loginEpoch) return;
    this.#login = undefined;
    this.onLogout();
  }

  /** Closes all sessions. The pool's session objects die with them. */
  async release(): Promise<void> {
    this.#released += 1;
    this.invalidate();
    if (this.#listener) this.#token?.off('logout', this.#listener).off('login', this.#noteLogin);
    this.#listener = undefined;
    const anchor = this.#anchor;
    this.#anchor = undefined;
    // They may be gone already, with the token; or a call on one hangs, and it is closed when that ends.
    const closing = Promise.allSettled([this.pool.reset(), anchor?.close()]);
    await limited(closing, CLOSING, () => goneError()).catch(() => {});
  }

  /** One more session for the pool. A refusal comes after the sessions that were asked for before: it is judged by their number. */
  async #openSession(): Promise<Session> {
    const earlier = [...this.#openings];
    const opening = this.#openCompared();
    this.#openings.add(opening);
    try {
      return await opening;
    } catch (error) {
      if (isCode(error, 'CKR_SESSION_COUNT')) {
        await limited(Promise.allSettled(earlier), OPENING, goneError).catch(() => {});
      }
      throw error;
    } finally {
      this.#openings.delete(opening);
    }
  }

  async #openCompared(): Promise<Session> {
    const { anchor } = this;
    if (this.#usesAnchor) throw onlyOneSession();
    const session = await anchor.token.openSession({ readWrite: this.#readWrite });
    if (this.login.wanted === undefined || anchor.token.user !== this.login.wanted) return session;
    this.#isLoginPerSession ??= this.#isLoggedInAlone(anchor, session);
    if (!(await this.#isLoginPerSession)) return session;
    await session.close().catch(() => {});
    if (!this.#usesAnchor && anchor === this.#anchor) {
      this.#usesAnchor = true;
      warnLoginPerSession(anchor.token);
      this.pool.limit(1);
      this.pool.adopt(anchor);
    }
    throw onlyOneSession();
  }

  /** What is asked of the other session may be noted as a logout of all: nobody is told of it. */
  async #isLoggedInAlone(anchor: Session, other: Session): Promise<boolean> {
    this.#tellsLogout = false;
    try {
      return await isLoggedInAlone(anchor, other);
    } finally {
      this.#tellsLogout = true;
    }
  }

  /** Handles of objects are not to be relied on any more. */
  invalidate(): void {
    this.#generation += 1;
    this.#epoch = this.#loginEpoch;
  }

  /** Asks the token whether the anchor is what it should be: open, on this token, and logged in if that is wanted. */
  async check(): Promise<void> {
    const { anchor } = this;
    const { token } = anchor;
    await anchor.info(); // a login that was lost is noticed by this, too
    const { label, serialNumber } = await token.info();
    if (label !== token.label || serialNumber !== token.serialNumber) throw goneError(); // another one is in the slot
    await anchor.random(1).catch((error) => {
      // Only the loss of the device is of interest here; some tokens have no random numbers to give.
      if (!isCode(error, 'CKR_RANDOM_NO_RNG', 'CKR_FUNCTION_NOT_SUPPORTED')) throw error;
    });
  }
}

function goneError(): CryptokiError {
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_SESSION_CLOSED',
    detail: 'the client has no session with the token at the moment',
    action: 'reopen',
  });
}
