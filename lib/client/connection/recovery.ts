import { setTimeout as sleep } from 'node:timers/promises';
import { limited, until } from '../../core/deadlines';
import { type Action, type CryptokiError, isCode, ownError } from '../../core/errors';
import { codeOf, type RecoveryTrace, traceRecovery } from '../client-tracing';
import type { Settings } from '../connect-options';
import type { Connection } from './connection';
import { Loss, type RecoveryLevel, type RecoveryListener } from './loss';
import {
  actionOf,
  FINAL_AT_CONNECT,
  MAX_ACTIONS,
  MAX_ATTEMPTS,
  NO_PIN,
  NOT_FOUND,
  retryPause,
  TEMPORARY_ATTEMPTS,
  TOKEN_GONE,
  UNCLEAR,
} from './recovery-rules';
import { Reinitialiser } from './reinitialiser';

export type { RecoveryLevel } from './loss';

/** The attempts of one operation so far. */
export interface Tries {
  /** The generation of the last attempt. */
  generation: number;
  /** Number of attempts; 1 after the first. */
  count: number;
  /** The actions of their errors, with the number of each. */
  readonly actions: Map<Action, number>;
}

/** Time added to the limit of a recovery, because its last attempt may begin just before the limit. */
const LAST_ATTEMPT_MS = 5_000;
/** Limit of recoveries that hang in a call while another one begins. Each may keep a thread and a session. */
const MAX_HUNG = 3;

/** A recovery. */
interface RecoveryRun {
  /** Settled at the end of the recovery, or at its time limit if a call hangs. */
  inTime: Promise<void>;
  /** True when it hangs in a call and another recovery may begin. */
  isAbandoned: boolean;
}

/**
 * Restores what was lost according to an error: a session, the login, the token, the module. Only one recovery runs at a time. An
 * operation whose error belongs to an earlier generation retries at once.
 */
export class Recovery {
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly #end = new AbortController();
  #current: RecoveryRun | undefined;
  #diagnosis: Promise<Action | undefined> | undefined;
  /** The level at which the last recovery has failed. */
  #down: RecoveryLevel | undefined;
  readonly #loss: Loss;
  readonly #reinitialiser: Reinitialiser;
  /** Number of recoveries that hang in a call. */
  #hung = 0;

  constructor(connection: Connection, settings: Settings, listener: RecoveryListener) {
    this.#connection = connection;
    this.#settings = settings;
    this.#loss = new Loss(listener);
    this.#reinitialiser = new Reinitialiser(connection, this.#end.signal, () => this.#down !== undefined);
  }

  /** Starts no further recovery. A recovery in progress ends after its present step. */
  close(error: CryptokiError): void {
    this.#end.abort(error);
  }

  /** True when a loss was reported that was not recovered. */
  get isLost(): boolean {
    return this.#loss.isReported;
  }

  /** Notes that an operation has succeeded, which ends a loss that did not need a recovery. */
  works(): void {
    // After the operation, because an exception of a listener would make it fail.
    queueMicrotask(() => {
      if (this.isLost && this.#current === undefined) this.#recovered(this.#down ?? 'login');
    });
  }

  /** Ends the pause before the next recovery, because the program has given another PIN. */
  retryNow(): void {
    this.#loss.retryNow();
  }

  /**
   * Makes the first connection, and tries again as a running client does.
   * @param timeout limit of the time for further attempts, in milliseconds
   * @throws the error of the last attempt; the signal's reason
   */
  async connect(timeout: number, signal?: AbortSignal): Promise<void> {
    const connecting = this.#connection.establish('login', signal);
    try {
      await until(connecting, signal);
    } catch (error) {
      if (signal?.aborted || isCode(error, ...FINAL_AT_CONNECT)) throw error;
      const level = this.#next('token', error, 1);
      if (level === undefined || timeout <= 0) throw error;
      await until(this.#begin(level, error, timeout), signal);
    }
  }

  /** True when no recovery is in progress and no loss is known. */
  get isIdle(): boolean {
    return this.#current === undefined && this.#connection.isReady;
  }

  /** Waits for a recovery in progress, and starts one if sessions or login are missing. */
  async ready(signal?: AbortSignal): Promise<void> {
    while (this.#current) await until(this.#current.inTime, signal);
    if (this.#connection.isReady) return;
    await until(this.#begin(this.#connection.isUp ? 'login' : 'token', undefined), signal);
  }

  /**
   * Recovers from the error of an operation, if that is possible.
   * @returns true when a further attempt of the operation can succeed
   * @throws the error of a recovery that has failed; the signal's reason
   */
  async heal(error: unknown, tries: Tries, signal?: AbortSignal): Promise<boolean> {
    const isUnclear = isCode(error, ...UNCLEAR, NOT_FOUND);
    const action = isUnclear ? await this.#diagnose(error, tries) : actionOf(error);
    if (action === undefined || tries.count > MAX_ATTEMPTS) return false;
    if (isCode(error, 'ERR_CRYPTOKI_POOL_EXHAUSTED', 'ERR_CRYPTOKI_TIMEOUT')) return false;
    if (isCode(error, 'ERR_CRYPTOKI_ACCESS') && this.#connection.isCurrent) return false; // it needs another user
    if (action === 'relogin' && this.#connection.login.wanted === undefined) return false; // it needs a user
    if (action !== 'retry' && tries.generation !== this.#connection.generation) return true; // already recovered
    const before = tries.actions.get(action) ?? 0;
    if (before >= MAX_ACTIONS[action]) return false;
    if (action === 'retry' || this.#connection.isCurrent) tries.actions.set(action, before + 1);
    if (action === 'retry') {
      await until(sleep(retryPause(before + 1)), signal);
    } else {
      await until(this.#begin(this.#levelOf(error, action), error), signal);
    }
    return true;
  }

  /** Starts a recovery, unless one is in progress. @returns a promise of its end, or of its time limit */
  #begin(level: RecoveryLevel, cause: unknown, timeout = this.#settings.recovery.timeout): Promise<void> {
    if (this.#current === undefined) {
      const run: RecoveryRun = { inTime: Promise.resolve(), isAbandoned: false };
      const limit = (this.#down ? 0 : timeout) + this.#loss.pause + LAST_ATTEMPT_MS;
      const restored = this.#restore(level, cause, run, timeout).finally(() => {
        if (this.#current === run) this.#current = undefined;
        if (run.isAbandoned) this.#hung -= 1;
      });
      run.inTime = this.#limit(restored, run, level, limit);
      run.inTime.catch(() => {}); // all that wait for it may have been aborted
      this.#current = run;
    }
    return this.#current.inTime;
  }

  /** Limits the wait for a recovery to `limit` milliseconds: a call that hangs must not make operations hang. */
  #limit(restored: Promise<void>, run: RecoveryRun, level: RecoveryLevel, limit: number): Promise<void> {
    if (!Number.isFinite(limit)) return restored;
    return limited(restored, limit, () => {
      const { isAsking } = this.#connection.login;
      const detail = `the client has not recovered the token within ${Math.round(limit)} ms`;
      const reason = isAsking
        ? 'the PIN provider has not returned; call login() with the PIN, or try again later'
        : 'a call to the module has not ended; try again later';
      const error = ownError('ERR_CRYPTOKI_TIMEOUT', `${detail}: ${reason}`);
      this.#loss.goDown(error);
      if (!isAsking && this.#hung < MAX_HUNG) this.#abandon(run, level);
      return error;
    });
  }

  /** Lets the next operation begin another recovery, while this one hangs. */
  #abandon(run: RecoveryRun, level: RecoveryLevel): void {
    run.isAbandoned = true;
    this.#hung += 1;
    this.#down = level;
    this.#loss.failed();
    this.#connection.abandon();
    if (this.#current === run) this.#current = undefined;
  }

  #recovered(level: RecoveryLevel): void {
    this.#down = undefined;
    this.#loss.end(level, this.#connection.generation);
  }

  /** Checks the token. A call that hangs counts as a lost session. */
  #check(): Promise<void> {
    const { operationTimeout, recovery } = this.#settings;
    const limit = Math.min(operationTimeout, recovery.timeout + LAST_ATTEMPT_MS);
    const checked = this.#connection.check();
    if (!Number.isFinite(limit)) return checked;
    return limited(checked, limit, () =>
      ownError('ERR_CRYPTOKI_SESSION_CLOSED', `the token has not answered within ${limit} ms`),
    );
  }

  /**
   * Finds the action for an error that can be caused by the operation or by the token.
   * @returns undefined when the token works, so that the operation has caused it
   */
  async #diagnose(error: CryptokiError, tries: Tries): Promise<Action | undefined> {
    const isOver = (): boolean =>
      this.#current !== undefined || tries.generation !== this.#connection.generation;
    await this.#diagnosis; // it may have begun before this error, so a further check follows
    if (isOver()) return 'reopen';
    this.#diagnosis ??= this.#check()
      .then(
        () => undefined,
        (tokenError) => (isCode(tokenError, ...UNCLEAR) ? 'reinitialise' : actionOf(tokenError)),
      )
      .finally(() => {
        this.#diagnosis = undefined;
      });
    const action = await this.#diagnosis;
    if (action !== undefined) return action;
    if (isOver()) return 'reopen';
    // After a logout during the operation, some tokens return any error for its key.
    if (!this.#connection.isCurrent) return 'relogin';
    if (error.code === NOT_FOUND) return undefined;
    return tries.count <= (TEMPORARY_ATTEMPTS[error.code] ?? 0) ? 'retry' : undefined;
  }

  async #restore(first: RecoveryLevel, cause: unknown, run: RecoveryRun, timeout: number): Promise<void> {
    const connection = this.#connection;
    if (this.#loss.pause > 0) await this.#sleep(this.#loss.pause);
    const deadline = performance.now() + (this.#down ? 0 : timeout);
    let level = this.#down ?? first;
    const trace = (event: RecoveryTrace['event'], error?: unknown): void => {
      const token = connection.token?.label ?? '';
      traceRecovery({ event, token, level, generation: connection.generation, code: codeOf(error) });
    };
    trace('begin', cause);
    this.#loss.begin(level, cause);
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#end.signal.throwIfAborted();
        await this.#reach(level, cause);
        if (run.isAbandoned) return;
        trace('end');
        this.#recovered(level);
        return;
      } catch (error) {
        if (run.isAbandoned) throw error;
        const next = this.#next(level, error, attempt);
        const left = deadline - performance.now();
        if (next === undefined || left <= 0 || this.#end.signal.aborted) {
          this.#down = next;
          trace('failed', error);
          // Without a PIN no attempt was made, so the operation after the next login() does not wait.
          if (!isCode(error, ...NO_PIN)) this.#loss.failed();
          this.#loss.goDown(error);
          throw error;
        }
        // Another level follows at once, the same level after a pause.
        if (next === level || attempt > 2) await this.#sleep(Math.min(retryPause(attempt), left));
        level = next;
      }
    }
  }

  /** Waits. Returns early when the client is closed, which the next attempt detects. */
  async #sleep(time: number): Promise<void> {
    await sleep(time, undefined, { signal: this.#end.signal }).catch(() => {});
  }

  async #reach(level: RecoveryLevel, cause: unknown): Promise<void> {
    const connection = this.#connection;
    if (level === 'module') return this.#reinitialiser.run();
    if (level === 'token' || !connection.isUp) return connection.establish('relogin');
    await connection.check();
    const action = actionOf(cause);
    if (action === 'relogin' && connection.isCurrent) {
      // The token reports a login, but refuses operations that need it (a card that was removed for a moment).
      await connection.anchor.logout();
    }
    // The loss of a single session leaves handles of token objects valid.
    if (level === 'login' || action === 'refind') connection.invalidate();
    await connection.login.ensure(connection.anchor, 'relogin');
  }

  get #deepest(): RecoveryLevel {
    return this.#settings.recovery.reinitialise ? 'module' : 'token';
  }

  /** Returns the level at which a recovery begins. */
  #levelOf(error: unknown, action: Action): RecoveryLevel {
    // Another user of the module may be reinitialising it at this moment.
    if (isCode(error, 'CKR_CRYPTOKI_NOT_INITIALIZED', ...TOKEN_GONE)) return 'token';
    if (action === 'reinitialise') return this.#deepest;
    return action === 'relogin' ? 'login' : 'session';
  }

  /** Returns the level of the next attempt after `error`; undefined when no attempt can succeed. */
  #next(level: RecoveryLevel, error: unknown, attempt: number): RecoveryLevel | undefined {
    if (isCode(error, 'CKR_USER_ALREADY_LOGGED_IN')) return level; // another user of the module was, for a moment
    const action = isCode(error, ...UNCLEAR) ? 'reinitialise' : actionOf(error);
    if (action === undefined) return undefined;
    const deepest = this.#deepest;
    if (action === 'reinitialise') return deepest;
    if (action === 'retry') return level;
    if (level === 'session' || level === 'login') return 'token';
    // Wait for a removable token. The module may not detect another one before it is initialised again.
    if (isCode(error, ...TOKEN_GONE)) return this.#connection.isRemovable ? 'token' : deepest;
    // Sessions were lost again: another user of the module may be reinitialising it.
    return attempt > 3 ? deepest : 'token';
  }
}
