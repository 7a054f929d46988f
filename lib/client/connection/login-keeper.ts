import { onAbort } from '../../core/abort-signal';
import { LONGEST_TIMER_MS, until } from '../../core/deadlines';
import { type CryptokiError, isCode, ownError } from '../../core/errors';
import type { Session, User } from '../../model/session';
import type { PinProvider, PinRequest } from '../../pin';
import type { Pin } from '../../pin/pin';
import { codeOf, traceLogin } from '../client-tracing';
import type { Settings } from '../connect-options';
import { checkedPin, KeptPin, pinTimeoutError, pinWaitEnded, wipe } from './client-pin';

export { wipe } from './client-pin';

/**
 * The reason for the end of a login: the program has logged out; the login was idle; it has reached its maximum age; or it ended
 * elsewhere, by another user of the module or the loss of the token.
 */
export type LogoutReason = 'requested' | 'idle' | 'age' | 'elsewhere';

/** Limit of PINs that one login requests from a provider. */
const MAX_PINS = 3;

/** Callbacks of {@link LoginKeeper}. */
export interface LoginListener {
  loggedIn(user: User): void;
  expiring(reason: 'idle' | 'age', within: number): void;
  expired(reason: 'idle' | 'age'): void;
  /** Returns the time of the last operation, in the time of performance.now(). */
  usedAt(): number;
}

/** The user that the client logs in, and the source of the PIN. */
export interface WantedLogin {
  readonly user: User | undefined;
  readonly provider: PinProvider | undefined;
  readonly kept: KeptPin | undefined;
}

/** A login in progress, and the signal of the caller that has begun it. */
interface PendingLogin {
  readonly login: Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/** Keeps a client logged in: requests the PIN when it is needed, runs one login at a time, and limits its duration. */
export class LoginKeeper {
  readonly #settings: Settings;
  readonly #listener: LoginListener;
  #wanted: WantedLogin = { user: undefined, provider: undefined, kept: undefined };
  /** True after a login since {@link want}: a further one is a relogin. */
  #wasLoggedIn = false;
  #pending: PendingLogin | undefined;
  /** The controllers of the signals of providers that have not returned. */
  readonly #asking = new Set<AbortController>();
  readonly #timers = new Map<'idle' | 'age', NodeJS.Timeout>();

  constructor(settings: Settings, listener: LoginListener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  /** The user that the client logs in; undefined for none. */
  get wanted(): User | undefined {
    return this.#wanted.user;
  }

  /**
   * Sets the user of further logins, and the PIN, if there is a new one.
   * @returns the previous values, for {@link restore} or {@link replaced}
   */
  want(user: User, pin: Pin | null | PinProvider | undefined): WantedLogin {
    const before = this.#wanted;
    const wanted = { ...before, user };
    if (pin !== undefined) {
      wanted.kept = typeof pin === 'function' ? undefined : new KeptPin(pin);
      wanted.provider = typeof pin === 'function' ? pin : wanted.kept?.provide.bind(wanted.kept);
    }
    this.#wanted = wanted;
    this.#wasLoggedIn = false;
    if (pin !== undefined || user !== before.user) this.stopAsking(pinWaitEnded('login() was called again'));
    return before;
  }

  /** Restores the previous values after a login that has failed. */
  restore(before: WantedLogin): void {
    const { kept } = this.#wanted;
    if (kept !== before.kept) kept?.forget();
    this.#wanted = before;
  }

  /** Wipes the previous PIN, if it was kept, after a login that has succeeded. */
  replaced(before: WantedLogin): void {
    if (before.kept !== this.#wanted.kept) before.kept?.forget();
  }

  /** Ends the login: the client does not log in by itself from then on. */
  wantNobody(): void {
    this.#wanted = { ...this.#wanted, user: undefined };
    this.stopAsking(pinWaitEnded('the client was logged out'));
    this.stop();
  }

  /** Wipes the PIN, if it is kept. */
  forget(): void {
    this.#wanted.kept?.forget();
  }

  /** Stops the timers of the login. */
  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /**
   * Logs in on `session`, if the client has a user and that user is not logged in. Only one login runs at a time; simultaneous
   * calls share its outcome.
   */
  async ensure(session: Session, reason: 'login' | 'relogin', signal?: AbortSignal): Promise<void> {
    for (;;) {
      const { user } = this.#wanted;
      if (user === undefined) return;
      if (session.token.user === user) {
        if (this.#timers.size === 0) this.#startTimers(); // another user of the module has logged in
        return;
      }
      this.#pending ??= this.#startLogin(session, reason, signal);
      const { login, signal: firstSignal } = this.#pending;
      try {
        return await until(login, signal);
      } catch (error) {
        // If the caller that began the login has aborted it, the others begin another one.
        if (signal?.aborted || !firstSignal?.aborted) throw error;
      }
    }
  }

  #startLogin(session: Session, reason: 'login' | 'relogin', signal: AbortSignal | undefined): PendingLogin {
    const login = this.#login(session, this.#wasLoggedIn ? reason : 'login', signal).finally(() => {
      this.#pending = undefined;
    });
    login.catch(() => {}); // all callers may have been aborted
    return { login, signal };
  }

  /** True while a PIN provider has not returned. */
  get isAsking(): boolean {
    return this.#asking.size > 0;
  }

  /** Ends the wait for providers and aborts their signals. @param reason the error of those that wait */
  stopAsking(reason: CryptokiError): void {
    for (const asking of this.#asking) asking.abort(reason);
  }

  /** Builds the request for a provider, without the reason and the attempt. */
  async request(session: Session, user: PinRequest['user']): Promise<Omit<PinRequest, 'reason' | 'attempt'>> {
    const { token } = session;
    const { label, serialNumber, model, manufacturer, slot } = token;
    const info = await token.info();
    const { countLow, finalTry, locked } = user === 'SO' ? info.soPin : info.userPin;
    const { protectedAuthenticationPath } = info;
    return {
      user,
      token: { label, serialNumber, model, manufacturer, slot: slot.id },
      flags: { countLow, finalTry, locked, protectedAuthenticationPath },
    };
  }

  /** Returns the PIN for one operation of a key that is always authenticated. */
  async contextPin(session: Session, key: PinRequest['key'], signal?: AbortSignal): Promise<Pin | null> {
    const request = await this.request(session, 'CONTEXT_SPECIFIC');
    for (;;) {
      const wanted = this.#wanted;
      try {
        return await this.#ask({ ...request, reason: 'contextSpecific', attempt: 1, key }, signal);
      } catch (error) {
        if (signal?.aborted || wanted === this.#wanted || this.#wanted.user === undefined) throw error;
      }
    }
  }

  /** Calls the provider, and waits until the time limit, the signal, or a login() with another PIN. */
  async #ask(request: PinRequest, signal: AbortSignal | undefined): Promise<Pin | null> {
    const { provider } = this.#wanted;
    signal?.throwIfAborted();
    if (!provider) {
      throw ownError(
        'ERR_CRYPTOKI_LOGIN_NEEDED',
        `token "${request.token.label}" requires a PIN, and the client has none; give connect() or login() a PIN`,
      );
    }
    const asking = new AbortController();
    const ignore = signal && onAbort(signal, () => asking.abort(signal.reason));
    const { pinTimeout } = this.#settings.login;
    const giveUp = (): void => asking.abort(pinTimeoutError(pinTimeout));
    const timer = pinTimeout <= LONGEST_TIMER_MS ? setTimeout(giveUp, pinTimeout) : undefined;
    this.#asking.add(asking);
    try {
      const providing = Promise.resolve(provider({ ...request, signal: asking.signal }));
      providing.then((pin) => asking.signal.aborted && wipe(pin)).catch(() => {}); // a late PIN is not used
      return checkedPin(await until(providing, asking.signal));
    } finally {
      this.#asking.delete(asking);
      clearTimeout(timer);
      ignore?.();
    }
  }

  async #login(
    session: Session,
    reason: 'login' | 'relogin',
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { label } = session.token;
    let wanted = this.#wanted;
    let refusal: unknown;
    for (let attempt = 1; ; attempt += 1) {
      const { user } = wanted;
      if (user === undefined) throw pinWaitEnded('the client was logged out');
      const request = await this.request(session, user);
      const pinReason = attempt > 1 ? 'retry' : reason;
      let pin: Pin | null;
      try {
        pin = await this.#ask({ ...request, reason: pinReason, attempt }, signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        if (wanted !== this.#wanted) {
          // login() has set another PIN meanwhile: begin again with it.
          [wanted, attempt, refusal] = [this.#wanted, 0, undefined];
          continue;
        }
        throw refusal ?? error; // without another PIN, the refusal of the first one is the error to report
      }
      try {
        await session.login(pin, { user, username: this.#settings.username });
      } catch (error) {
        traceLogin({ event: 'failed', token: label, user, reason: pinReason, code: codeOf(error) });
        // The model does not send the same PIN twice. Report the token's refusal instead.
        const isSame = isCode(error, 'ERR_CRYPTOKI_PIN_REFUSED');
        refusal = isSame ? (refusal ?? error) : error;
        if (attempt >= MAX_PINS || !(isSame || isCode(error, 'CKR_PIN_INCORRECT'))) throw refusal;
        continue;
      } finally {
        wipe(pin);
      }
      traceLogin({ event: 'login', token: label, user, reason: pinReason });
      this.#startTimers();
      this.#listener.loggedIn(user);
      return;
    }
  }

  /** Starts the timers of a new login. */
  #startTimers(): void {
    this.stop();
    this.#wasLoggedIn = true;
    const { maxAge } = this.#settings.login;
    const loggedInAt = performance.now();
    if (Number.isFinite(maxAge)) this.#watch('age', maxAge, () => loggedInAt);
    const { idleTimeout } = this.#settings.login;
    if (Number.isFinite(idleTimeout))
      this.#watch('idle', idleTimeout, () => Math.max(loggedInAt, this.#listener.usedAt()));
  }

  /**
   * Warns of the end of the login, and ends it, `limit` milliseconds after `since()`, which can return a later time at the next
   * call.
   * @param warnedSince the result of `since()` for which the warning was given
   */
  #watch(reason: 'idle' | 'age', limit: number, since: () => number, warnedSince?: number): void {
    const from = since();
    const left = from + limit - performance.now();
    const warning = Math.min(this.#settings.login.warning ?? Math.min(limit / 10, 60_000), limit);
    const isWarned = warnedSince === from;
    if (left <= 0) {
      this.#listener.expired(reason);
      return;
    }
    if (left <= warning && !isWarned) this.#listener.expiring(reason, Math.ceil(left));
    const wait = left > warning ? left - warning : left;
    const next = left <= warning ? from : warnedSince;
    const timer = setTimeout(
      () => this.#watch(reason, limit, since, next),
      Math.min(Math.max(Math.ceil(wait), 1), LONGEST_TIMER_MS),
    );
    this.#timers.set(reason, timer.unref());
  }
}
