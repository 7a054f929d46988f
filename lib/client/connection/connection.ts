import { limited, until } from '../../core/deadlines';
import { type CryptokiError, isCode, ownError } from '../../core/errors';
import type { Module } from '../../model/module';
import type { Session } from '../../model/session';
import type { Token } from '../../model/token';
import type { Settings } from '../connect-options';
import { SessionPool } from '../pool/session-pool';
import type { LoginKeeper } from './login-keeper';
import { isLoggedInAlone, onlyOneSession, warnLoginPerSession } from './login-scope';
import { openWriting } from './write-access';

/** Finds the token of the client among the present ones. */
export type TokenFinder = (module: Module) => Promise<Token>;

/** The time limit for closing all sessions. */
const CLOSE_LIMIT_MS = 2_000;
/** The time that a refusal waits for sessions that are being opened, of which one may hang. */
const OPENINGS_LIMIT_MS = 1_000;

/**
 * The sessions of a client with its token: an anchor session, which keeps the login and is never lent (unless the token allows
 * only one session), and the pool. Each {@link establish} begins a new generation, in which the handles of objects from
 * before are invalid.
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
  /** The epoch of the login at the beginning of the generation, and at the client's own login. */
  #epoch = '';
  #login: string | undefined;
  #establishing: Promise<void> | undefined;
  /** The number of calls of {@link release}. Work that began before the latest one must not continue. */
  #released = 0;
  /** The number of attempts to establish the connection, including abandoned ones. */
  #attempts = 0;
  /** True if a login counts only on its own session, against PKCS#11; determined once per generation. */
  #isLoginPerSession: Promise<boolean> | undefined;
  /** The sessions that are being opened. */
  readonly #openings = new Set<Promise<Session>>();
  /** True if the anchor is the only session, and is lent. */
  #usesAnchor = false;
  #reportsLogout = true;
  /** The error because of which sessions are read-only, although the token is not write-protected by its flags. */
  #refusal: CryptokiError | undefined;
  #listener: (() => void) | undefined;
  /** Called when the login has ended, but not by this client. */
  onLogout: () => void = () => {};
  /** Called when the token has refused read/write sessions, so that the client uses read-only ones. */
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

  /** A number that increases whenever handles may have become invalid: with the sessions, or with the login. */
  get generation(): number {
    return this.#generation;
  }

  get token(): Token | undefined {
    return this.#token;
  }

  /** True if the anchor session is open, as far as this process knows. */
  get isUp(): boolean {
    return this.#anchor !== undefined && !this.#anchor.closed;
  }

  /** True if, in addition, the wanted user is logged in. */
  get isReady(): boolean {
    const { wanted } = this.login;
    return this.isUp && (wanted === undefined || this.#token?.user === wanted);
  }

  /** True if, in addition, no login has ended since the generation began, as far as this process knows. */
  get isCurrent(): boolean {
    return this.isReady && this.#epoch === this.#loginEpoch;
  }

  /** A value that changes with each logout on the token that this process knows. */
  get #loginEpoch(): string {
    if (this.#token === undefined) return '';
    const { id } = this.#token.slot;
    return `${id} ${this.module.raw.loginEpoch(id)}`;
  }

  /** True if the token can be removed from its slot. */
  get isRemovable(): boolean {
    return this.#removable;
  }

  /** True if its sessions are read-only. */
  get isReadOnly(): boolean {
    return !this.#readWrite;
  }

  get anchor(): Session {
    if (this.#anchor !== undefined) return this.#anchor;
    throw goneError();
  }

  /**
   * Closes all sessions, finds the token, opens the anchor session, and logs in if a login is wanted. Concurrent calls share
   * the outcome.
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

  /** Abandons an attempt that hangs in a call. Its outcome is discarded when the call ends. */
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
    const isNewRefusal = refusal !== undefined && !isCode(this.#refusal, refusal.code);
    this.#refusal = refusal;
    this.#readWrite = readWrite;
    this.#anchor = anchor;
    this.#isLoginPerSession = undefined;
    this.#usesAnchor = false;
    this.#listener = () => {
      this.invalidate();
      this.#reportLogout();
    };
    if (isNewRefusal) this.onReadOnly(refusal);
    token.on('logout', this.#listener).on('login', this.#noteLogin);
    this.#reportLogout();
    const maxSessions = Math.min(
      info.maxSessions ?? Number.POSITIVE_INFINITY,
      (readWrite ? info.maxReadWriteSessions : undefined) ?? Number.POSITIVE_INFINITY,
    );
    this.pool.limit(maxSessions - 1);
    if (maxSessions === 1) this.pool.adopt(anchor);
    await this.login.ensure(anchor, reason, signal);
    this.#noteLogin();
    this.invalidate(); // searches before the login did not see private objects
  }

  readonly #noteLogin = (): void => {
    if (this.login.wanted !== undefined && this.isReady) this.#login = this.#loginEpoch;
  };

  /** Calls {@link onLogout} if the client's login has ended. */
  #reportLogout(): void {
    const before = this.#login;
    if (!this.#reportsLogout || before === undefined || before === this.#loginEpoch) return;
    this.#login = undefined;
    this.onLogout();
  }

  /** Closes all sessions. Session objects end with them. */
  async release(): Promise<void> {
    this.#released += 1;
    this.invalidate();
    if (this.#listener) this.#token?.off('logout', this.#listener).off('login', this.#noteLogin);
    this.#listener = undefined;
    const anchor = this.#anchor;
    this.#anchor = undefined;
    // The token may have closed them already. A session on which a call hangs is closed when that call ends.
    const closing = Promise.allSettled([this.pool.reset(), anchor?.close()]);
    await limited(closing, CLOSE_LIMIT_MS, () => goneError()).catch(() => {});
  }

  /** Opens one more session for the pool. A refusal is reported after the earlier openings: the pool judges it by their number. */
  async #openSession(): Promise<Session> {
    const earlier = [...this.#openings];
    const opening = this.#openCompared();
    this.#openings.add(opening);
    try {
      return await opening;
    } catch (error) {
      if (isCode(error, 'CKR_SESSION_COUNT')) {
        await limited(Promise.allSettled(earlier), OPENINGS_LIMIT_MS, goneError).catch(() => {});
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

  /** Finds out if a login counts on one session only. Its queries can look like a logout, so none is reported meanwhile. */
  async #isLoggedInAlone(anchor: Session, other: Session): Promise<boolean> {
    this.#reportsLogout = false;
    try {
      return await isLoggedInAlone(anchor, other);
    } finally {
      this.#reportsLogout = true;
    }
  }

  /** Begins a new generation: handles of objects from before are found again. */
  invalidate(): void {
    this.#generation += 1;
    this.#epoch = this.#loginEpoch;
  }

  /** Checks with calls that the anchor is open and on this token, and records the state of its login. */
  async check(): Promise<void> {
    const { anchor } = this;
    const { token } = anchor;
    await anchor.info(); // also records a lost login
    const { label, serialNumber } = await token.info();
    if (label !== token.label || serialNumber !== token.serialNumber) throw goneError(); // another token is in the slot
    await anchor.random(1).catch((error) => {
      // The call only shows a lost device; some tokens have no random number generator.
      if (!isCode(error, 'CKR_RANDOM_NO_RNG', 'CKR_FUNCTION_NOT_SUPPORTED')) throw error;
    });
  }
}

function goneError(): CryptokiError {
  return ownError(
    'ERR_CRYPTOKI_SESSION_CLOSED',
    'the client has no session with its token now; repeat the operation, which opens one',
  );
}
