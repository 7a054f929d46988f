import { LONGEST_TIMER } from '../../core/deadlines';
import { CryptokiError, isCode } from '../../core/errors';
import type { Session } from '../../model/session';
import { type PoolTrace, tracePool } from '../client-tracing';
import { type Entry, type LeaseOwner, PoolEntries, PoolLease } from './pool-entries';
import type { Lease, PoolOptions, PoolStatistics, Share } from './pool-types';
import { SessionBound } from './session-bound';
import { Sharing } from './session-sharing';
import { Waiters } from './wait-queue';

export type { Lease, PoolOptions, PoolStatistics } from './pool-types';

/** What tokens answer when they allow no more sessions; some say that they have no memory for another. */
const NO_MORE = ['CKR_SESSION_COUNT', 'CKR_HOST_MEMORY', 'CKR_DEVICE_MEMORY'];

/** After another error the next session is opened so many milliseconds later, as long as there are others. */
const OPEN_AGAIN = 1_000;

/** Errors that leave no doubt that the session itself is fine. */
function leavesSession(error: unknown): boolean {
  return !(error instanceof CryptokiError) || !['reopen', 'reinitialise'].includes(error.action);
}

/**
 * Lends sessions: the one used last first, to as many as the bound allows, and to the others in the order they came.
 * Sessions that own session objects are lent last and never closed before those are gone. Who makes just one native call
 * may share a session when no other is to be had; see {@link Sharing}.
 */
export class SessionPool {
  readonly #options: PoolOptions;
  readonly #open: () => Promise<Session>;
  readonly #lastResort: () => Session | undefined;
  readonly #entries: PoolEntries;
  readonly #waiters = new Waiters<Entry>();
  readonly #trimmer: NodeJS.Timeout | undefined;
  #opening = 0;
  /** Grows with each reset: what was being opened before is not for those who wait now. */
  #epoch = 0;
  readonly #bound: SessionBound;
  readonly #sharing: Sharing;
  #usedAt = 0;
  #openAgainAt = 0;
  #paused: Promise<void> | undefined;
  #whenReturned: (() => void) | undefined;
  #closed: CryptokiError | undefined;
  readonly #numbers = { opened: 0, closed: 0, givenUp: 0, waits: 0, refused: 0 };

  /**
   * @param open opens one more session
   * @param lastResort a session that is open already, to be lent when the token does not allow any other
   */
  constructor(options: PoolOptions, open: () => Promise<Session>, lastResort: () => Session | undefined) {
    this.#options = options;
    this.#entries = new PoolEntries(options.maxHung ?? options.max);
    this.#sharing = new Sharing(this.#entries);
    this.#open = open;
    this.#lastResort = lastResort;
    this.#bound = new SessionBound(options.max);
    if (Number.isFinite(options.idleTimeout)) {
      const often = Math.min(Math.max(options.idleTimeout / 2, 10), LONGEST_TIMER);
      this.#trimmer = setInterval(() => this.#trim(), often).unref();
    }
  }

  /** When a session was used last, as performance.now() counts: at this moment, if one is lent. */
  get usedAt(): number {
    return this.#entries.isAnyLent ? performance.now() : this.#usedAt;
  }

  /** Whether a session can be had: not when all hang, and no other may take their place. */
  get canLend(): boolean {
    return this.#entries.isAnyUsable || this.#opening > 0 || this.#bound.allows(this.#entries.count);
  }

  /** For how long the session that was lent longest ago is lent, in milliseconds; 0 when none is. */
  get longestLent(): number {
    return this.#entries.longestLent;
  }

  /** The token allows no more than this. */
  limit(max: number): void {
    this.#bound.set(max);
  }

  /** Takes a session that is open already and stays open: the only one where a token allows just one. */
  adopt(session: Session): void {
    this.#offer(this.#add(session, true));
  }

  /** Lends a session if one is idle, or may be shared; see {@link acquire}, which waits. */
  tryAcquire(shares?: Share): Lease | undefined {
    const entry = this.#closed ? undefined : this.#takeFree(shares);
    return entry && new PoolLease(this.#owner, entry, shares);
  }

  /**
   * Lends a session.
   * @param shares others of the kind may use it at the same time: one native call is all that is made
   * @param timeout in milliseconds; Infinity waits as long as it takes
   * @throws ERR_CRYPTOKI_POOL_EXHAUSTED when too many wait already; ERR_CRYPTOKI_TIMEOUT; the signal's reason; what opening
   *   a session threw
   */
  async acquire(signal?: AbortSignal, shares?: Share, timeout = this.#options.timeout): Promise<Lease> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#closed;
    const entry = this.#takeFree(shares) ?? (await this.#wait(signal, shares, timeout));
    if (!signal?.aborted) return new PoolLease(this.#owner, entry, shares);
    this.#giveBack(entry, undefined); // nobody is there to use it
    throw signal.reason;
  }

  /** No session is lent until {@link resume}; the promise is fulfilled when all are back. */
  pause(): Promise<void> {
    this.#paused ??= new Promise((resolve) => {
      this.#whenReturned = resolve;
    });
    this.#checkReturned();
    return this.#paused;
  }

  resume(): void {
    this.#paused = undefined;
    this.#whenReturned = undefined;
    this.#serve();
  }

  /** Those who wait get this error in place of a session. */
  refuseWaiting(error: CryptokiError): void {
    this.#waiters.fail(error);
  }

  /**
   * Forgets all sessions: they are closed, those that are lent when they come back. Session objects die with them. Who
   * waits is told that there is nothing to wait for (ERR_CRYPTOKI_SESSION_CLOSED).
   */
  async reset(): Promise<void> {
    this.#epoch += 1;
    this.#opening = 0;
    const closing = this.#entries.giveUp().map((entry) => this.#drop(entry));
    this.#checkReturned();
    this.#waiters.fail(
      new CryptokiError({
        code: 'ERR_CRYPTOKI_SESSION_CLOSED',
        detail: 'the sessions with the token were given up while the operation waited for one',
        action: 'reopen',
      }),
    );
    await Promise.all(closing);
  }

  /**
   * Lends nothing more, and closes the sessions when those that are lent have come back, but not later than after
   * `patience` milliseconds.
   */
  async close(error: CryptokiError, patience: number): Promise<void> {
    this.#closed = error;
    clearInterval(this.#trimmer);
    this.#waiters.fail(error);
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      if (patience <= LONGEST_TIMER) timer = setTimeout(resolve, patience);
    });
    await Promise.race([this.pause(), enough]);
    clearTimeout(timer);
    await this.reset();
  }

  statistics(): PoolStatistics {
    return {
      ...this.#entries.numbers(),
      waiting: this.#waiters.size,
      max: this.#bound.value,
      ...this.#numbers,
    };
  }

  /**
   * An idle session, unless others wait already. One that owns session objects only when no other can be opened, and one
   * that others use only when there is no other.
   */
  #takeFree(shares: Share | undefined): Entry | undefined {
    if (this.#paused || this.#waiters.size > 0) return undefined;
    let entry = this.#takeIdle(true);
    if (!entry && !this.#mayOpen()) {
      entry = this.#takeIdle(false) ?? (shares && this.#sharing.find(shares));
    }
    return entry && this.#use(entry, shares);
  }

  #takeIdle(onlyUnpinned: boolean): Entry | undefined {
    return this.#entries.take(onlyUnpinned, (lost) => void this.#drop(lost));
  }

  #use(entry: Entry, shares: Share | undefined): Entry {
    if (entry.users === 0) entry.lentSince = performance.now();
    entry.users += 1;
    entry.share = shares;
    if (shares) this.#sharing.begun(entry);
    return entry;
  }

  #mayOpen(): boolean {
    const count = this.#entries.count + this.#opening;
    const isTooEarly = count > 0 && performance.now() < this.#openAgainAt;
    return !isTooEarly && this.#bound.allows(count);
  }

  #wait(signal: AbortSignal | undefined, shares: Share | undefined, timeout: number): Promise<Entry> {
    const most = this.#bound.value;
    const room = Math.max(most - this.#entries.count, 0); // for so many a session is, or will be, opened
    const before = Math.max(this.#waiters.size - room, 0);
    if (this.#waiters.size >= room) {
      if (before >= this.#options.queue) {
        this.#numbers.refused += 1;
        this.#trace('exhausted');
        throw new CryptokiError({
          code: 'ERR_CRYPTOKI_POOL_EXHAUSTED',
          detail: `all ${most} sessions are lent and ${before} wait for one already; allow more sessions or a longer queue`,
          action: 'retry',
        });
      }
      this.#numbers.waits += 1;
    }
    const what = `one of ${most} sessions (${before} were waiting before)`;
    const waiting = this.#waiters.wait(what, timeout, signal, shares);
    this.#trace('waiting');
    this.#serve();
    return waiting;
  }

  readonly #owner: LeaseOwner = {
    giveBack: (entry, shares, error) => {
      const now = performance.now();
      if (shares) this.#sharing.ended(entry, error, now);
      entry.lentSince = now;
      this.#giveBack(entry, error, now);
    },
    giveUp: (entry) => this.#giveUp(entry),
  };

  /** A call on the session hangs: it is not waited for. The one that keeps the login cannot be replaced. */
  #giveUp(entry: Entry): void {
    if (entry.isHung || entry.anchor) return;
    entry.isHung = true;
    entry.isLost = true;
    this.#numbers.givenUp += 1;
    this.#trace('hung');
    this.#checkReturned();
    this.#serve();
  }

  #giveBack(entry: Entry, error: unknown, now = performance.now()): void {
    entry.users -= 1;
    entry.isLost ||= entry.stale || entry.session.closed || !(entry.anchor || leavesSession(error));
    if (!entry.isLost) this.#offer(entry, now);
    else if (entry.users === 0) void this.#drop(entry);
    this.#checkReturned();
  }

  /** Gives a session to those who wait longest, or puts it by. */
  #offer(entry: Entry, now = performance.now()): void {
    while (!this.#paused && this.#waiters.size > 0) {
      const shares = this.#waiters.firstShares;
      const hasRoom = entry.users === 0 || (shares !== undefined && this.#sharing.hasRoom(entry, shares));
      if (!hasRoom || !this.#waiters.give(this.#use(entry, shares))) break;
    }
    if (entry.users > 0) return;
    this.#usedAt = now;
    this.#entries.rest(entry, now);
  }

  /** Gives those who wait what is free: idle sessions, or room for new ones. */
  #serve(mayOpen = true): void {
    if (this.#paused || this.#closed) return;
    while (this.#waiters.size > 0) {
      const entry = this.#takeIdle(true) ?? (mayOpen && this.#mayOpen() ? undefined : this.#takeIdle(false));
      if (!entry) break;
      this.#offer(entry);
    }
    while (mayOpen && this.#opening < this.#waiters.size && this.#mayOpen()) void this.#openOne();
  }

  async #openOne(): Promise<void> {
    const epoch = this.#epoch;
    this.#opening += 1;
    const [opened] = await Promise.allSettled([this.#open()]);
    if (epoch !== this.#epoch) {
      if (opened.status === 'fulfilled') await opened.value.close().catch(() => {}); // it is given up
      return;
    }
    this.#opening -= 1;
    if (opened.status === 'rejected') {
      this.#notOpened(opened.reason);
    } else {
      this.#offer(this.#add(opened.value, false));
      this.#bound.opened(this.#entries.count);
    }
    this.#checkReturned();
  }

  #notOpened(error: unknown): void {
    const others = this.#entries.count + this.#opening;
    const only = others === 0 && isCode(error, ...NO_MORE) ? this.#lastResort() : undefined;
    if (only !== undefined) this.adopt(only);
    if (others === 0 && only === undefined) {
      this.#waiters.fail(error); // there is nothing to wait for
    } else if (isCode(error, ...NO_MORE)) {
      this.#bound.refused(this.#entries.count);
      this.#trace('limit');
    } else if (leavesSession(error)) {
      this.#openAgainAt = performance.now() + OPEN_AGAIN; // those who wait get one of the others
    } else {
      this.#waiters.failFirst(error); // who has to do with what is lost
    }
    this.#serve(false);
  }

  #add(session: Session, anchor: boolean): Entry {
    const entry = this.#entries.add(session, anchor);
    this.#numbers.opened += 1;
    this.#trace('opened');
    return entry;
  }

  /** Closes a session; until that is done it counts, since the token counts it. */
  #drop(entry: Entry): Promise<void> {
    entry.closing ??= this.#close(entry);
    return entry.closing;
  }

  async #close(entry: Entry): Promise<void> {
    await (entry.anchor ? undefined : entry.session.close().catch(() => {})); // given up, whatever the token says
    this.#entries.delete(entry);
    this.#numbers.closed += 1;
    this.#trace('closed');
    this.#serve();
  }

  #trim(): void {
    const unused = this.#entries.takeIdleSince(performance.now() - this.#options.idleTimeout);
    for (const entry of unused) void this.#drop(entry);
  }

  #checkReturned(): void {
    if (this.#whenReturned === undefined || this.#opening > 0 || this.#entries.isAnyLent) return;
    this.#whenReturned();
  }

  #trace(event: PoolTrace['event']): void {
    tracePool(() => {
      const { open, idle, waiting, max } = this.statistics();
      return { event, open, idle, waiting, max };
    });
  }
}
