import { setTimeout as sleep } from 'node:timers/promises';
import { limited, until } from '../../core/deadlines';
import { type Action, CryptokiError, isCode } from '../../core/errors';
import { type RecoveryTrace, traceRecovery } from '../client-tracing';
import type { Settings } from '../connect-options';
import type { Connection } from './connection';

/** How deep a recovery goes. Each level includes those before it. */
export type RecoveryLevel = RecoveryTrace['level'];

/** What {@link Recovery} tells. */
export interface RecoveryNews {
  recovering(level: RecoveryLevel, cause: unknown): void;
  recovered(level: RecoveryLevel, generation: number): void;
  /** It was given up; the next operation tries again. */
  down(error: unknown): void;
}

/** What has been done for one operation so far. */
export interface Tries {
  /** The generation in which it was tried last. */
  generation: number;
  /** How often it was tried; 1 after the first time. */
  count: number;
  /** What its errors have asked for, and how often. */
  readonly actions: Map<Action, number>;
}

/**
 * How often one operation may need the same without anything having changed meanwhile. A lost session says nothing of the
 * next one, which may be lost as well.
 */
const LIMITS: Readonly<Record<Action, number>> = {
  retry: 3,
  relogin: 1, // then the token wants another user, not another login
  refind: 3,
  reopen: 10,
  reinitialise: 3,
  fatal: 0,
};
/** Tries of one operation at most, also when others recovered in between. */
const MOST_TRIES = 20;

/** Pauses, in milliseconds: the first one, which doubles, and the longest. */
const FIRST_PAUSE = 25;
const LONGEST_PAUSE = 2_000;
/** How much longer than the options say a recovery is waited for: its last attempt takes its time, unless a call hangs. */
const PATIENCE = 5_000;
/** Between two reinitialisations, which end the sessions of others in the process: of a module that was given up, and of
 * one that has other tokens. */
const PAUSE_WHEN_DOWN = 1_000;
const PAUSE_BESIDE_OTHERS = 10_000;

/** A little different for each, so that not all come back at once. */
const pause = (attempt: number): number =>
  Math.min(FIRST_PAUSE * 2 ** attempt, LONGEST_PAUSE) * (0.75 + Math.random() / 2);

/** Errors that may be about the operation or about the token: the token is asked. */
const UNCLEAR = ['CKR_DEVICE_ERROR', 'CKR_FUNCTION_FAILED', 'CKR_GENERAL_ERROR', 'CKR_ARGUMENTS_BAD'];
/** Private objects are not found without the login, which may have ended unnoticed. */
const NOT_FOUND = 'ERR_CRYPTOKI_OBJECT_NOT_FOUND';
/** Those of them that may pass when the token is well: how often it is worth a try. */
const MAY_PASS: Readonly<Record<string, number>> = { CKR_FUNCTION_FAILED: 3, CKR_DEVICE_ERROR: 1 };
/** The token is out, or its slot is gone. */
const TOKEN_GONE = [
  ...['CKR_TOKEN_NOT_PRESENT', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_DEVICE_REMOVED', 'CKR_SLOT_ID_INVALID'],
  'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
];

/** What can be done about an error; undefined: nothing. */
function actionOf(error: unknown): Action | undefined {
  if (!(error instanceof CryptokiError) || error.code === 'ERR_CRYPTOKI_LOGIN_NEEDED') return undefined;
  if (TOKEN_GONE.includes(error.code)) return 'reopen';
  return error.action === 'fatal' ? undefined : error.action;
}

/**
 * Gets back what an error tells is lost: a session, the login, the token, the module. One recovery at a time; who comes
 * with an error of an earlier generation finds the work done.
 */
export class Recovery {
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly #news: RecoveryNews;
  readonly #end = new AbortController();
  /** The recovery under way, and what is waited for: that ends in time, also when a call hangs. */
  #current: { readonly inTime: Promise<void> } | undefined;
  #diagnosis: Promise<Action | undefined> | undefined;
  /** How deep a recovery was given up. */
  #down: RecoveryLevel | undefined;
  #reinitialised = Number.NEGATIVE_INFINITY;

  constructor(connection: Connection, settings: Settings, news: RecoveryNews) {
    this.#connection = connection;
    this.#settings = settings;
    this.#news = news;
  }

  /** Nothing is recovered any more; a recovery under way ends after what it is doing. */
  close(error: CryptokiError): void {
    this.#end.abort(error);
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
  #begin(level: RecoveryLevel, cause: unknown): Promise<void> {
    if (this.#current === undefined) {
      const whole = this.#restore(level, cause).finally(() => {
        this.#current = undefined;
      });
      const inTime = this.#limit(whole);
      inTime.catch(() => {}); // whoever waited may have been aborted
      this.#current = { inTime };
    }
    return this.#current.inTime;
  }

  /** A call that hangs must not make operations hang. */
  #limit(whole: Promise<void>): Promise<void> {
    const most = this.#settings.recovery.timeout + PATIENCE;
    if (!Number.isFinite(most)) return whole;
    return limited(whole, most, () => {
      const error = new CryptokiError({
        code: 'ERR_CRYPTOKI_TIMEOUT',
        detail: `the token has not come back for ${most} ms, and a call to the module has not ended; try again later`,
        action: 'retry',
      });
      this.#news.down(error);
      return error;
    });
  }

  /** What to do about an error that may be about the operation: nothing, when the token is well. */
  async #diagnose(error: CryptokiError, tries: Tries): Promise<Action | undefined> {
    const isOver = (): boolean =>
      this.#current !== undefined || tries.generation !== this.#connection.generation;
    await this.#diagnosis; // of an error before this one: what has happened since, it need not have seen
    if (isOver()) return 'reopen';
    this.#diagnosis ??= this.#connection
      .check()
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

  async #restore(first: RecoveryLevel, cause: unknown): Promise<void> {
    const connection = this.#connection;
    const deadline = performance.now() + (this.#down ? 0 : this.#settings.recovery.timeout);
    let level = this.#down ?? first;
    const tell = (event: RecoveryTrace['event'], error?: unknown): void => {
      const code = error instanceof CryptokiError ? error.code : undefined;
      const token = connection.token?.label ?? '';
      traceRecovery({ event, token, level, generation: connection.generation, code });
    };
    tell('begin', cause);
    this.#news.recovering(level, cause);
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#end.signal.throwIfAborted();
        await this.#reach(level, cause);
        this.#down = undefined;
        tell('end');
        this.#news.recovered(level, connection.generation);
        return;
      } catch (error) {
        const next = this.#next(level, error, attempt);
        const left = deadline - performance.now();
        if (next === undefined || left <= 0 || this.#end.signal.aborted) {
          this.#down = next;
          tell('failed', error);
          this.#news.down(error);
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
    if (isCode(error, ...TOKEN_GONE)) {
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
