import { setTimeout as sleep } from 'node:timers/promises';
import { limited, until } from '../../core/deadlines';
import { type Action, CryptokiError, isCode } from '../../core/errors';
import { type RecoveryTrace, traceRecovery } from '../client-tracing';
import type { Settings } from '../connect-options';
import type { Connection } from './connection';
import { Loss, type RecoveryLevel, type RecoveryNews } from './loss';
import {
  actionOf,
  LIMITS,
  MAY_PASS,
  MOST_TRIES,
  NO_PIN,
  NOT_AT_FIRST,
  NOT_FOUND,
  pause,
  TOKEN_GONE,
  UNCLEAR,
} from './recovery-rules';

export type { RecoveryLevel } from './loss';

/** What has been done for one operation so far. */
export interface Tries {
  /** The generation in which it was tried last. */
  generation: number;
  /** How often it was tried; 1 after the first time. */
  count: number;
  /** What its errors have asked for, and how often. */
  readonly actions: Map<Action, number>;
}

/** How much longer than the options say a recovery is waited for: its last attempt takes its time, unless a call hangs. */
const PATIENCE = 5_000;
/** How many recoveries may hang in a call while another is tried. Each may keep a thread and a session. */
const MOST_HUNG = 3;
/** Between two reinitialisations, which end the sessions of others in the process: of a module that was given up, and of
 * one that has other tokens. */
const PAUSE_WHEN_DOWN = 1_000;
const PAUSE_BESIDE_OTHERS = 10_000;

/** A recovery. */
interface Attempt {
  /** What is waited for: it ends in time, also when a call hangs. */
  inTime: Promise<void>;
  /** It hangs in a call; another one goes on without it. */
  isAbandoned: boolean;
}

/**
 * Gets back what an error tells is lost: a session, the login, the token, the module. One recovery at a time; who comes
 * with an error of an earlier generation finds the work done.
 */
export class Recovery {
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly #end = new AbortController();
  #current: Attempt | undefined;
  #diagnosis: Promise<Action | undefined> | undefined;
  /** How deep a recovery was given up. */
  #down: RecoveryLevel | undefined;
  readonly #loss: Loss;
  /** Recoveries that hang in a call. */
  #hung = 0;
  #reinitialised = Number.NEGATIVE_INFINITY;

  constructor(connection: Connection, settings: Settings, news: RecoveryNews) {
    this.#connection = connection;
    this.#settings = settings;
    this.#loss = new Loss(news);
  }

  /** Nothing is recovered any more; a recovery under way ends after what it is doing. */
  close(error: CryptokiError): void {
    this.#end.abort(error);
  }

  /** Whether something was lost that has not been got back, as far as was told. */
  get isLost(): boolean {
    return this.#loss.isTold;
  }

  /** An operation has succeeded: what was lost is there again, if it was not a recovery that got it back. */
  works(): void {
    // Not in the middle of the operation, which a listener that throws would fail.
    queueMicrotask(() => {
      if (this.isLost && this.#current === undefined) this.#recovered(this.#down ?? 'login');
    });
  }

  /** The program has given another PIN: the next recovery need not wait. */
  retryNow(): void {
    this.#loss.retryNow();
  }

  /**
   * Makes the first connection, and tries again as a running client would.
   * @param timeout how long it tries, in milliseconds
   * @throws what the last attempt threw; the signal's reason
   */
  async connect(timeout: number, signal?: AbortSignal): Promise<void> {
    const connecting = this.#connection.establish('login', signal);
    try {
      await until(connecting, signal);
    } catch (error) {
      if (signal?.aborted || isCode(error, ...NOT_AT_FIRST)) throw error;
      const level = this.#next('token', error, 1);
      if (level === undefined || timeout <= 0) throw error;
      await until(this.#begin(level, error, timeout), signal);
    }
  }

  /** Nothing is under way, and nothing is known to be lost. */
  get isIdle(): boolean {
    return this.#current === undefined && this.#connection.isReady;
  }

  /** Waits for a recovery under way, and sees to it that there are sessions and the login that is wanted. */
  async ready(signal?: AbortSignal): Promise<void> {
    while (this.#current) await until(this.#current.inTime, signal);
    if (this.#connection.isReady) return;
    await until(this.#begin(this.#connection.isUp ? 'login' : 'token', undefined), signal);
  }

  /**
   * After an operation has failed.
   * @returns whether it is worth trying again, as far as the state of things goes
   * @throws what ended a recovery in vain; the signal's reason
   */
  async heal(error: unknown, tries: Tries, signal?: AbortSignal): Promise<boolean> {
    const isUnclear = isCode(error, ...UNCLEAR, NOT_FOUND);
    const action = isUnclear ? await this.#diagnose(error, tries) : actionOf(error);
    if (action === undefined || tries.count > MOST_TRIES) return false;
    if (isCode(error, 'ERR_CRYPTOKI_POOL_EXHAUSTED', 'ERR_CRYPTOKI_TIMEOUT')) return false;
    if (isCode(error, 'ERR_CRYPTOKI_ACCESS') && this.#connection.isCurrent) return false; // it is not for this user
    if (action === 'relogin' && this.#connection.login.wanted === undefined) return false; // nor for a guest
    if (action !== 'retry' && tries.generation !== this.#connection.generation) return true; // somebody was here before
    const before = tries.actions.get(action) ?? 0;
    if (before >= LIMITS[action]) return false;
    if (action === 'retry' || this.#connection.isCurrent) tries.actions.set(action, before + 1);
    if (action === 'retry') {
      await until(sleep(pause(before + 1)), signal);
    } else {
      await until(this.#begin(this.#levelOf(error, action), error), signal);
    }
    return true;
  }

  /** One recovery at a time. */
  #begin(level: RecoveryLevel, cause: unknown, timeout = this.#settings.recovery.timeout): Promise<void> {
    if (this.#current === undefined) {
      const attempt: Attempt = { inTime: Promise.resolve(), isAbandoned: false };
      const patience = (this.#down ? 0 : timeout) + this.#loss.pause;
      const whole = this.#restore(level, cause, attempt, timeout).finally(() => {
        if (this.#current === attempt) this.#current = undefined;
        if (attempt.isAbandoned) this.#hung -= 1;
      });
      attempt.inTime = this.#limit(whole, attempt, level, patience + PATIENCE);
      attempt.inTime.catch(() => {}); // whoever waited may have been aborted
      this.#current = attempt;
    }
    return this.#current.inTime;
  }

  /** A call that hangs must not make operations hang. */
  #limit(whole: Promise<void>, attempt: Attempt, level: RecoveryLevel, most: number): Promise<void> {
    if (!Number.isFinite(most)) return whole;
    return limited(whole, most, () => {
      const time = `the token has not come back for ${Math.round(most)} ms`;
      const isAsking = this.#connection.login.isAsking;
      const error = new CryptokiError({
        code: 'ERR_CRYPTOKI_TIMEOUT',
        detail: isAsking
          ? `${time}: the PIN provider has not answered; call login() with the PIN, or try again later`
          : `${time}, and a call to the module has not ended; try again later`,
        action: 'retry',
      });
      this.#loss.isDown(error);
      if (!isAsking && this.#hung < MOST_HUNG) this.#abandon(attempt, level);
      return error;
    });
  }

  /** The next operation begins another recovery, while this one hangs. */
  #abandon(attempt: Attempt, level: RecoveryLevel): void {
    attempt.isAbandoned = true;
    this.#hung += 1;
    this.#down = level;
    this.#loss.failed();
    this.#connection.abandon();
    if (this.#current === attempt) this.#current = undefined;
  }

  #recovered(level: RecoveryLevel): void {
    this.#down = undefined;
    this.#loss.ends(level, this.#connection.generation);
  }

  /** Asks the token whether all is well. A call that hangs is taken for a session that is lost. */
  #check(): Promise<void> {
    const { operationTimeout, recovery } = this.#settings;
    const most = Math.min(operationTimeout, recovery.timeout + PATIENCE);
    const checked = this.#connection.check();
    if (!Number.isFinite(most)) return checked;
    return limited(checked, most, () => {
      const detail = `the token has not answered for ${most} ms`;
      return new CryptokiError({ code: 'ERR_CRYPTOKI_SESSION_CLOSED', detail, action: 'reopen' });
    });
  }

  /** What to do about an error that may be about the operation: nothing, when the token is well. */
  async #diagnose(error: CryptokiError, tries: Tries): Promise<Action | undefined> {
    const isOver = (): boolean =>
      this.#current !== undefined || tries.generation !== this.#connection.generation;
    await this.#diagnosis; // of an error before this one: what has happened since, it need not have seen
    if (isOver()) return 'reopen';
    this.#diagnosis ??= this.#check()
      .then(
        () => undefined,
        (itsError) => (isCode(itsError, ...UNCLEAR) ? 'reinitialise' : actionOf(itsError)),
      )
      .finally(() => {
        this.#diagnosis = undefined;
      });
    const action = await this.#diagnosis;
    if (action !== undefined) return action;
    if (isOver()) return 'reopen';
    // Somebody was logged out while the operation was under way; some tokens then say anything of its key.
    if (!this.#connection.isCurrent) return 'relogin';
    if (error.code === NOT_FOUND) return undefined;
    return tries.count <= (MAY_PASS[error.code] ?? 0) ? 'retry' : undefined;
  }

  async #restore(first: RecoveryLevel, cause: unknown, its: Attempt, timeout: number): Promise<void> {
    const connection = this.#connection;
    if (this.#loss.pause > 0) await this.#sleep(this.#loss.pause);
    const deadline = performance.now() + (this.#down ? 0 : timeout);
    let level = this.#down ?? first;
    const tell = (event: RecoveryTrace['event'], error?: unknown): void => {
      const code = error instanceof CryptokiError ? error.code : undefined;
      const token = connection.token?.label ?? '';
      traceRecovery({ event, token, level, generation: connection.generation, code });
    };
    tell('begin', cause);
    this.#loss.begins(level, cause);
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#end.signal.throwIfAborted();
        await this.#reach(level, cause);
        if (its.isAbandoned) return;
        tell('end');
        this.#recovered(level);
        return;
      } catch (error) {
        if (its.isAbandoned) throw error;
        const next = this.#next(level, error, attempt);
        const left = deadline - performance.now();
        if (next === undefined || left <= 0 || this.#end.signal.aborted) {
          this.#down = next;
          tell('failed', error);
          // Without a PIN nothing was tried: the operation after the next login() need not wait.
          if (!isCode(error, ...NO_PIN)) this.#loss.failed();
          this.#loss.isDown(error);
          throw error;
        }
        // The next level is tried at once, the same one after a while.
        if (next === level || attempt > 2) await this.#sleep(Math.min(pause(attempt), left));
        level = next;
      }
    }
  }

  async #sleep(time: number): Promise<void> {
    await sleep(time, undefined, { signal: this.#end.signal }).catch(() => {}); // the next attempt notices
  }

  async #reach(level: RecoveryLevel, cause: unknown): Promise<void> {
    const connection = this.#connection;
    if (level === 'module') return this.#reinitialise();
    if (level === 'token' || !connection.isUp) return connection.establish('relogin');
    await connection.check();
    const action = actionOf(cause);
    if (action === 'relogin' && connection.isCurrent) {
      // The token says that somebody is logged in, and refuses what needs it (a card that was out for a moment).
      await connection.anchor.logout();
    }
    // A session that was lost alone has taken no handles of token objects with it.
    if (level === 'login' || action === 'refind') connection.invalidate();
    await connection.login.ensure(connection.anchor, 'relogin');
  }

  /**
   * C_Finalize and C_Initialize, which end the sessions of all who use the module in this process. So not when somebody
   * else has just done it, and not again and again for a token that is missed among others.
   */
  async #reinitialise(): Promise<void> {
    const connection = this.#connection;
    const { raw } = connection.module;
    let since = raw.reinitialisations();
    while (!connection.isUp) {
      try {
        await connection.establish('relogin');
        await connection.check();
        return;
      } catch (error) {
        const pause = await this.#leastPause(error);
        if (performance.now() - this.#reinitialised < pause) throw error;
        this.#end.signal.throwIfAborted();
        if (raw.reinitialisations() === since) break;
        since = raw.reinitialisations(); // somebody else's came between
      }
    }
    this.#end.signal.throwIfAborted();
    this.#reinitialised = performance.now();
    try {
      await connection.module.reinitialise({ since });
    } catch (error) {
      // Something outside of this package holds the module. All sessions were closed at least.
      if (!isCode(error, 'ERR_CRYPTOKI_MODULE_SHARED')) throw error;
    }
    await connection.establish('relogin');
  }

  async #leastPause(error: unknown): Promise<number> {
    if (isCode(error, 'CKR_CRYPTOKI_NOT_INITIALIZED')) return 0; // there is nobody whose sessions it would end
    // Perhaps it is another token that cannot be asked.
    if (
      isCode(error, ...TOKEN_GONE) ||
      (error instanceof CryptokiError && error.function === 'C_GetTokenInfo')
    ) {
      const tokens = await this.#connection.module.tokens().catch(() => []);
      if (tokens.some(({ initialized }) => initialized)) return PAUSE_BESIDE_OTHERS;
    }
    return this.#down ? PAUSE_WHEN_DOWN : 0;
  }

  get #deepest(): RecoveryLevel {
    return this.#settings.recovery.reinitialise ? 'module' : 'token';
  }

  /** Where to begin. */
  #levelOf(error: unknown, action: Action): RecoveryLevel {
    // Perhaps somebody else reinitialises the module at this moment.
    if (isCode(error, 'CKR_CRYPTOKI_NOT_INITIALIZED', ...TOKEN_GONE)) return 'token';
    if (action === 'reinitialise') return this.#deepest;
    return action === 'relogin' ? 'login' : 'session';
  }

  /** The level to go on with after `error`; undefined: nothing will help. */
  #next(level: RecoveryLevel, error: unknown, attempt: number): RecoveryLevel | undefined {
    if (isCode(error, 'CKR_USER_ALREADY_LOGGED_IN')) return level; // somebody else was, for a moment
    const action = isCode(error, ...UNCLEAR) ? 'reinitialise' : actionOf(error);
    if (action === undefined) return undefined;
    const deepest = this.#deepest;
    if (action === 'reinitialise') return deepest;
    if (action === 'retry') return level;
    if (level === 'session' || level === 'login') return 'token';
    // A token that can be taken out is waited for. One that cannot may be seen by an initialised module only.
    if (isCode(error, ...TOKEN_GONE)) return this.#connection.isRemovable ? 'token' : deepest;
    // Sessions were lost again meanwhile: perhaps somebody else in the process reinitialises.
    return attempt > 3 ? deepest : 'token';
  }
}
