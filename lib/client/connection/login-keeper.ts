import { onAbort } from '../../core/abort-signal';
import { LONGEST_TIMER, until } from '../../core/deadlines';
import { CryptokiError, isCode } from '../../core/errors';
import type { Session, User } from '../../model/session';
import type { PinProvider, PinRequest } from '../../pin';
import type { Pin } from '../../pin/pin';
import { traceLogin } from '../client-tracing';
import type { Settings } from '../connect-options';
import { checkedPin, KeptPin, noAnswer, noPinNeeded, wipe } from './client-pin';

export { wipe } from './client-pin';

/** Why a login ended: the program asked; it was not used, or too old; somebody else ended it, or the token was lost. */
export type LogoutReason = 'requested' | 'idle' | 'age' | 'elsewhere';

/** How often a PIN provider is asked again in one login. */
const TRIES = 3;

/** What {@link LoginKeeper} tells. */
export interface LoginNews {
  loggedIn(user: User): void;
  expiring(reason: 'idle' | 'age', within: number): void;
  expired(reason: 'idle' | 'age'): void;
  /** When there was an operation last, as performance.now() counts. */
  usedAt(): number;
}

/** Who is to be logged in, and where the PIN comes from. */
export interface Wish {
  readonly user: User | undefined;
  readonly provider: PinProvider | undefined;
  readonly kept: KeptPin | undefined;
}

/** A login under way, and the signal of who has begun it. */
interface PendingLogin {
  readonly login: Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/** Keeps a client logged in: asks for the PIN when it is needed, one login at a time, and says when it is to end. */
export class LoginKeeper {
  readonly #settings: Settings;
  readonly #news: LoginNews;
  #wish: Wish = { user: undefined, provider: undefined, kept: undefined };
  /** Whether there was a login since {@link want}: the next one is to get it back. */
  #wasIn = false;
  #pending: PendingLogin | undefined;
  /** Of providers that have not answered: aborts their signals. */
  readonly #asking = new Set<AbortController>();
  readonly #clocks = new Map<'idle' | 'age', NodeJS.Timeout>();

  constructor(settings: Settings, news: LoginNews) {
    this.#settings = settings;
    this.#news = news;
  }

  /** Who is to be logged in; undefined for a guest. */
  get wanted(): User | undefined {
    return this.#wish.user;
  }

  /**
   * From now on `user` is to be logged in, with this PIN, or the one from before.
   * @returns what was wanted before, for {@link restore} or {@link replaced}
   */
  want(user: User, pin: Pin | null | PinProvider | undefined): Wish {
    const before = this.#wish;
    const wish = { ...before, user };
    if (pin !== undefined) {
      wish.kept = typeof pin === 'function' ? undefined : new KeptPin(pin);
      wish.provider = typeof pin === 'function' ? pin : wish.kept?.provide.bind(wish.kept);
    }
    this.#wish = wish;
    this.#wasIn = false;
    if (pin !== undefined || user !== before.user)
      this.stopAsking(noPinNeeded('login() was called meanwhile'));
    return before;
  }

  /** The login came to nothing: what was wanted before counts again. */
  restore(before: Wish): void {
    const { kept } = this.#wish;
    if (kept !== before.kept) kept?.forget();
    this.#wish = before;
  }

  /** The login was good: the PIN from before, if it was kept, is wiped. */
  replaced(before: Wish): void {
    if (before.kept !== this.#wish.kept) before.kept?.forget();
  }

  /** From now on nobody is to be logged in. */
  wantNobody(): void {
    this.#wish = { ...this.#wish, user: undefined };
    this.stopAsking(noPinNeeded('the client was logged out'));
    this.stop();
  }

  /** The PIN, if it is kept, is wiped. */
  forget(): void {
    this.#wish.kept?.forget();
  }

  stop(): void {
    for (const clock of this.#clocks.values()) clearTimeout(clock);
    this.#clocks.clear();
  }

  /** Logs in on `session` if that is wanted and nobody is logged in. One at a time; all who ask share the outcome. */
  async ensure(session: Session, reason: 'login' | 'relogin', signal?: AbortSignal): Promise<void> {
    for (;;) {
      const { user } = this.#wish;
      if (user === undefined) return;
      if (session.token.user === user) {
        if (this.#clocks.size === 0) this.#begin(); // somebody else in the process has logged in
        return;
      }
      this.#pending ??= this.#begun(session, reason, signal);
      const { login, signal: its } = this.#pending;
      try {
        return await until(login, signal);
      } catch (error) {
        if (signal?.aborted || !its?.aborted) throw error; // else who began it does not want it any more
      }
    }
  }

  #begun(session: Session, reason: 'login' | 'relogin', signal: AbortSignal | undefined): PendingLogin {
    const login = this.#login(session, this.#wasIn ? reason : 'login', signal).finally(() => {
      this.#pending = undefined;
    });
    login.catch(() => {}); // whoever waited may have been aborted
    return { login, signal };
  }

  /** Whether a provider has been asked for the PIN and has not answered. */
  get isAsking(): boolean {
    return this.#asking.size > 0;
  }

  /** Nobody waits for a provider any more; its signal is aborted. @param reason what the waiting ends with */
  stopAsking(reason: CryptokiError): void {
    for (const asking of this.#asking) asking.abort(reason);
  }

  /** What a provider is told, but for the reason and the attempt. */
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

  /** The PIN for one operation of a key that is always authenticated. */
  async contextPin(session: Session, key: PinRequest['key'], signal?: AbortSignal): Promise<Pin | null> {
    const request = await this.request(session, 'CONTEXT_SPECIFIC');
    for (;;) {
      const wish = this.#wish;
      try {
        return await this.#ask({ ...request, reason: 'contextSpecific', attempt: 1, key }, signal);
      } catch (error) {
        if (signal?.aborted || wish === this.#wish || this.#wish.user === undefined) throw error;
      }
    }
  }

  /** Asks for the PIN, until the time limit, the signal, or a login() with another PIN. */
  async #ask(request: PinRequest, signal: AbortSignal | undefined): Promise<Pin | null> {
    const { provider } = this.#wish;
    signal?.throwIfAborted();
    if (!provider) {
      throw new CryptokiError({
        code: 'ERR_CRYPTOKI_LOGIN_NEEDED',
        detail: `token "${request.token.label}" wants a PIN and the client has none; give connect() or login() one`,
      });
    }
    const asking = new AbortController();
    const ignore = signal && onAbort(signal, () => asking.abort(signal.reason));
    const { pinTimeout } = this.#settings.login;
    const giveUp = (): void => asking.abort(noAnswer(pinTimeout));
    const timer = pinTimeout <= LONGEST_TIMER ? setTimeout(giveUp, pinTimeout) : undefined;
    this.#asking.add(asking);
    try {
      const given = Promise.resolve(provider({ ...request, signal: asking.signal }));
      given.then((pin) => asking.signal.aborted && wipe(pin)).catch(() => {}); // it comes too late
      return checkedPin(await until(given, asking.signal));
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
    let wish = this.#wish;
    let refusal: unknown;
    for (let attempt = 1; ; attempt += 1) {
      const { user } = wish;
      if (user === undefined) throw noPinNeeded('the client was logged out');
      const request = await this.request(session, user);
      const why = attempt > 1 ? 'retry' : reason;
      let pin: Pin | null;
      try {
        pin = await this.#ask({ ...request, reason: why, attempt }, signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        if (wish !== this.#wish) {
          // Another PIN was given meanwhile: it is asked for as if there had not been this one.
          [wish, attempt, refusal] = [this.#wish, 0, undefined];
          continue;
        }
        throw refusal ?? error; // there is no other PIN: what matters is that the first was wrong
      }
      try {
        await session.login(pin, { user, username: this.#settings.username });
      } catch (error) {
        traceLogin({ event: 'failed', token: label, user, reason: why, code: codeOf(error) });
        // The same PIN again is not sent; what matters is that it was wrong.
        const isSame = isCode(error, 'ERR_CRYPTOKI_PIN_REFUSED');
        refusal = isSame ? (refusal ?? error) : error;
        if (attempt >= TRIES || !(isSame || isCode(error, 'CKR_PIN_INCORRECT'))) throw refusal;
        continue;
      } finally {
        wipe(pin);
      }
      traceLogin({ event: 'login', token: label, user, reason: why });
      this.#begin();
      this.#news.loggedIn(user);
      return;
    }
  }

  /** Starts the clocks of a new login. */
  #begin(): void {
    this.stop();
    this.#wasIn = true;
    const { maxAge } = this.#settings.login;
    const begun = performance.now();
    if (Number.isFinite(maxAge)) this.#watch('age', maxAge, () => begun);
    const { idleTimeout } = this.#settings.login;
    if (Number.isFinite(idleTimeout))
      this.#watch('idle', idleTimeout, () => Math.max(begun, this.#news.usedAt()));
  }

  /** Warns and ends the login when `limit` has passed since `since()`, which may move on. */
  #watch(reason: 'idle' | 'age', limit: number, since: () => number, warnedOf?: number): void {
    const from = since();
    const left = from + limit - performance.now();
    const warning = Math.min(this.#settings.login.warning ?? Math.min(limit / 10, 60_000), limit);
    const isWarned = warnedOf === from;
    if (left <= 0) {
      this.#news.expired(reason);
      return;
    }
    if (left <= warning && !isWarned) this.#news.expiring(reason, Math.ceil(left));
    const wait = left > warning ? left - warning : left;
    const next = left <= warning ? from : warnedOf;
    const clock = setTimeout(
      () => this.#watch(reason, limit, since, next),
      Math.min(Math.max(Math.ceil(wait), 1), LONGEST_TIMER),
    );
    this.#clocks.set(reason, clock.unref());
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof CryptokiError ? error.code : undefined;
}
