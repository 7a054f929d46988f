import { LONGEST_TIMER_MS } from '../../core/deadlines';
import { CryptokiError, isCode, ownError } from '../../core/errors';
import type { Session } from '../../model/session';
import { type PoolTrace, tracePool } from '../client-tracing';
import { type Entry, type LeaseOwner, PoolEntries, PoolLease } from './pool-entries';
import type { Lease, PoolOptions, PoolStatistics, Share } from './pool-types';
import { SessionBound } from './session-bound';
import { Sharing } from './session-sharing';
import { Waiters } from './wait-queue';

export type { Lease, PoolOptions, PoolStatistics } from './pool-types';

/** The errors of tokens that allow no more sessions; some return that they have no memory for another. */
const LIMIT_CODES = ['CKR_SESSION_COUNT', 'CKR_HOST_MEMORY', 'CKR_DEVICE_MEMORY'];

/** The pause before the next attempt to open a session, after another error, if the pool has sessions. */
const REOPEN_DELAY_MS = 1_000;

/** Returns true for an error after which the session can certainly be used again. */
function leavesSession(error: unknown): boolean {
  return !(error instanceof CryptokiError) || !['reopen', 'reinitialise'].includes(error.action);
}

/**
 * Lends sessions, the last used one first, up to the limit. Further operations wait, and get a session in their order.
 * Sessions that own session objects are lent last, and stay open as long as these objects exist. An operation that is one
 * native call can share a session if no other is free; see {@link Sharing}.
 */
export class SessionPool {
  readonly #options: PoolOptions;
  readonly #open: () => Promise<Session>;
  readonly #lastResort: () => Session | undefined;
  readonly #entries: PoolEntries;
  readonly #waiters = new Waiters<Entry>();
  readonly #trimmer: NodeJS.Timeout | undefined;
  #opening = 0;
  /** The number of resets. A session that was being opened before a reset is not lent after it. */
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
   * @param lastResort returns a session that is open already, to lend it when the token does not allow any other
   */
  constructor(options: PoolOptions, open: () => Promise<Session>, lastResort: () => Session | undefined) {
    this.#options = options;
    this.#entries = new PoolEntries(options.maxHung ?? options.max);
    this.#sharing = new Sharing(this.#entries);
    this.#open = open;
    this.#lastResort = lastResort;
    this.#bound = new SessionBound(options.max);
    if (Number.isFinite(options.idleTimeout)) {
      const often = Math.min(Math.max(options.idleTimeout / 2, 10), LONGEST_TIMER_MS);
      this.#trimmer = setInterval(() => this.#trim(), often).unref();
    }
  }

  /** The time of the last use of a session, as performance.now() counts; now, if one is lent. */
  get usedAt(): number {
    return this.#entries.isAnyLent ? performance.now() : this.#usedAt;
  }

  /** True if a session can be lent now or later: false when all hang and none may be replaced. */
  get canLend(): boolean {
    return this.#entries.isAnyUsable || this.#opening > 0 || this.#bound.allows(this.#entries.count);
  }

  /** The time since the earliest loan that has not ended, in milliseconds; 0 without one. */
  get longestLent(): number {
    return this.#entries.longestLent;
  }

  /** Sets the number of sessions that the token allows. */
  limit(max: number): void {
    this.#bound.set(max);
  }

  /** Adds a session that is open already and stays open: the anchor, if the token allows only one session. */
  adopt(session: Session): void {
    this.#offer(this.#add(session, true));
  }

  /** Lends a session if one is idle or can be shared, without waiting; see {@link acquire}. */
  tryAcquire(shares?: Share): Lease | undefined {
    const entry = this.#closed ? undefined : this.#takeFree(shares);
    return entry && new PoolLease(this.#owner, entry, shares);
  }

  /**
   * Lends a session, and waits for one if necessary.
   * @param shares allows others of the same sort to use the session at the same time; for work of one native call
   * @param timeout limit of the wait, in milliseconds; Infinity for none
   * @throws ERR_CRYPTOKI_POOL_EXHAUSTED when too many operations wait; ERR_CRYPTOKI_TIMEOUT; the signal's reason; the error
   *   with which a session could not be opened
   */
  async acquire(signal?: AbortSignal, shares?: Share, timeout = this.#options.timeout): Promise<Lease> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#closed;
    const entry = this.#takeFree(shares) ?? (await this.#wait(signal, shares, timeout));
    if (!signal?.aborted) return new PoolLease(this.#owner, entry, shares);
    this.#giveBack(entry, undefined); // the operation has ended
    throw signal.reason;
  }

  /** Lends no session until {@link resume}. The promise resolves when all sessions are back. */
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

  /** Fails the operations that wait for a session. */
  refuseWaiting(error: CryptokiError): void {
    this.#waiters.fail(error);
  }

  /**
   * Closes all sessions, lent ones when they are given back. Session objects end with them. Operations that wait for a session
   * fail with ERR_CRYPTOKI_SESSION_CLOSED.
   */
  async reset(): Promise<void> {
    this.#epoch += 1;
    this.#opening = 0;
    const closing = this.#entries.giveUp().map((entry) => this.#drop(entry));
    this.#checkReturned();
    this.#waiters.fail(
      ownError(
        'ERR_CRYPTOKI_SESSION_CLOSED',
        'the sessions with the token were closed while the operation waited for one',
      ),
    );
    await Promise.all(closing);
  }

  /**
   * Lends no more sessions, and closes them when all are back or after `limit` milliseconds.
   */
  async close(error: CryptokiError, limit: number): Promise<void> {
    this.#closed = error;
    clearInterval(this.#trimmer);
    this.#waiters.fail(error);
    let timer: NodeJS.Timeout | undefined;
    const limitReached = new Promise<void>((resolve) => {
      if (limit <= LONGEST_TIMER_MS) timer = setTimeout(resolve, limit);
    });
    await Promise.race([this.pause(), limitReached]);
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
   * Takes an idle session, unless other operations wait already. A session that owns session objects is taken only if no
   * other can be opened, and a shared one only if none is idle.
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
    const max = this.#bound.value;
    const room = Math.max(max - this.#entries.count, 0); // the number of sessions that are being or will be opened
    const before = Math.max(this.#waiters.size - room, 0);
    if (this.#waiters.size >= room) {
      if (before >= this.#options.queue) {
        this.#numbers.refused += 1;
        this.#trace('exhausted');
        throw ownError(
          'ERR_CRYPTOKI_POOL_EXHAUSTED',
          `all ${max} sessions are lent, and ${before} operations wait for one; allow more sessions or a longer queue`,
        );
      }
      this.#numbers.waits += 1;
    }
    const subject = `one of ${max} sessions (${before} were waiting before)`;
    const waiting = this.#waiters.wait(subject, timeout, signal, shares);
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

  /** Replaces a session on which a call hangs. The anchor cannot be replaced, because it keeps the login. */
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

  /** Lends a session to the operations that have waited longest, or makes it idle. */
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

  /** Lends idle sessions to the waiting operations, and opens new ones for the others. */
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
      if (opened.status === 'fulfilled') await opened.value.close().catch(() => {}); // opened before a reset
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
    const only = others === 0 && isCode(error, ...LIMIT_CODES) ? this.#lastResort() : undefined;
    if (only !== undefined) this.adopt(only);
    if (others === 0 && only === undefined) {
      this.#waiters.fail(error); // no session will come
    } else if (isCode(error, ...LIMIT_CODES)) {
      this.#bound.refused(this.#entries.count);
      this.#trace('limit');
    } else if (leavesSession(error)) {
      this.#openAgainAt = performance.now() + REOPEN_DELAY_MS; // the waiting operations get another session
    } else {
      this.#waiters.failFirst(error); // its recovery handles the loss
    }
    this.#serve(false);
  }

  #add(session: Session, anchor: boolean): Entry {
    const entry = this.#entries.add(session, anchor);
    this.#numbers.opened += 1;
    this.#trace('opened');
    return entry;
  }

  /** Closes a session. It counts until it is closed, because the token counts it. */
  #drop(entry: Entry): Promise<void> {
    entry.closing ??= this.#close(entry);
    return entry.closing;
  }

  async #close(entry: Entry): Promise<void> {
    await (entry.anchor ? undefined : entry.session.close().catch(() => {})); // the token may have closed it already
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
