import type { Session } from '../../model/session';
import type { Lease, Share } from './pool-types';

/** A session of a pool. */
export interface Entry {
  readonly session: Session;
  /** The number of its loans. */
  users: number;
  /** The sort of its users, if others may share it. */
  share: Share | undefined;
  /** The time of its loan, or of the last return by one of those who share it, as performance.now() counts. */
  movedAt: number;
  /** The number of session objects that it owns. */
  pins: number;
  /** True after {@link PoolEntries.giveUp}: it does not count any more, and is closed when it is given back. */
  stale: boolean;
  /** True after an error that ends a session: it is closed when all have given it back. */
  isLost: boolean;
  /** True while a call on it has not ended in time: another session replaces it. */
  isHung: boolean;
  /** The time of its earliest loan that has not ended, as performance.now() counts. */
  lentSince: number;
  /** True for the session that keeps the login, which stays open. */
  readonly anchor: boolean;
  /** The time since which it is idle, as performance.now() counts. */
  idleSince: number;
  closing: Promise<void> | undefined;
}

/** The pool of a lease. */
export interface LeaseOwner {
  /** Takes a session back, once per lease. @param error the error of the operation, if it failed */
  giveBack(entry: Entry, share: Share | undefined, error: unknown): void;
  /** Replaces a session whose call has not ended in time. */
  giveUp(entry: Entry): void;
}

/** A lent session. */
export class PoolLease implements Lease {
  readonly #owner: LeaseOwner;
  readonly #entry: Entry;
  readonly #share: Share | undefined;
  #isReleased = false;
  #isGivenUp = false;

  constructor(owner: LeaseOwner, entry: Entry, share: Share | undefined) {
    this.#owner = owner;
    this.#entry = entry;
    this.#share = share;
  }

  get session(): Session {
    return this.#entry.session;
  }

  release(error?: unknown): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#owner.giveBack(this.#entry, this.#share, error);
  }

  giveUp(): void {
    if (this.#isReleased || this.#isGivenUp) return;
    this.#isGivenUp = true;
    this.#owner.giveUp(this.#entry);
  }

  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  pin(): () => void {
    const entry = this.#entry;
    let isPinned = true;
    entry.pins += 1;
    return () => {
      if (isPinned) entry.pins -= 1;
      isPinned = false;
    };
  }
}

/** The sessions of a pool: the lent ones, and the idle ones in the order of their last use. */
export class PoolEntries {
  readonly #entries = new Set<Entry>();
  readonly #maxHung: number;
  #idle: Entry[] = [];

  /** @param maxHung the number of hung sessions that do not count */
  constructor(maxHung: number) {
    this.#maxHung = maxHung;
  }

  add(session: Session, anchor: boolean): Entry {
    const entry: Entry = {
      ...{ session, anchor, users: 0, share: undefined, movedAt: 0 },
      ...{ pins: 0, stale: false, isLost: false, idleSince: 0, closing: undefined },
      ...{ isHung: false, lentSince: 0 },
    };
    this.#entries.add(entry);
    return entry;
  }

  [Symbol.iterator](): IterableIterator<Entry> {
    return this.#entries.values();
  }

  delete(entry: Entry): void {
    this.#entries.delete(entry);
  }

  /** Adds a session to the idle ones. @param now as performance.now() counts */
  rest(entry: Entry, now: number): void {
    entry.idleSince = now;
    this.#idle.push(entry);
  }

  /**
   * Takes the idle session that was used last.
   * @param onlyUnpinned skips sessions that own session objects
   * @param lost receives each session that was closed while it was idle
   */
  take(onlyUnpinned: boolean, lost: (entry: Entry) => void): Entry | undefined {
    for (let i = this.#idle.length - 1; i >= 0; i -= 1) {
      const entry = this.#idle[i] as Entry;
      if (onlyUnpinned && entry.pins > 0) continue;
      this.#idle.splice(i, 1);
      if (!entry.session.closed) return entry;
      lost(entry);
    }
    return undefined;
  }

  /** Takes the sessions that are idle since before `time`, except those that are needed. */
  takeIdleSince(time: number): Entry[] {
    const isNeeded = ({ idleSince, pins, anchor }: Entry): boolean => idleSince > time || pins > 0 || anchor;
    const taken = this.#idle.filter((entry) => !isNeeded(entry));
    this.#idle = this.#idle.filter(isNeeded);
    return taken;
  }

  /** Excludes all sessions from further loans. @returns those that are not lent now */
  giveUp(): Entry[] {
    this.#idle = [];
    for (const entry of this.#entries) entry.stale = true;
    return [...this.#entries].filter(({ users }) => users === 0);
  }

  /** The number of sessions without those that were given up while lent, and without hung ones up to a limit. */
  get count(): number {
    let count = 0;
    let hung = 0;
    for (const { stale, isHung } of this.#entries) {
      if (isHung) hung += 1;
      else if (!stale) count += 1;
    }
    return count + Math.max(hung - this.#maxHung, 0);
  }

  /** True if at least one session does not hang. */
  get isAnyUsable(): boolean {
    for (const { stale, isHung } of this.#entries) if (!stale && !isHung) return true;
    return false;
  }

  /** True if a session is lent on which no call hangs. */
  get isAnyLent(): boolean {
    for (const { users, isHung } of this.#entries) if (users > 0 && !isHung) return true;
    return false;
  }

  /** The time since the earliest loan that has not ended, in milliseconds; 0 without one. */
  get longestLent(): number {
    let since = Number.POSITIVE_INFINITY;
    for (const { users, lentSince } of this.#entries) if (users > 0) since = Math.min(since, lentSince);
    return Math.max(performance.now() - since, 0);
  }

  numbers(): { open: number; idle: number; lent: number; hung: number; pinned: number } {
    const entries = [...this.#entries];
    return {
      open: entries.length,
      idle: this.#idle.length,
      lent: entries.filter(({ users }) => users > 0).length,
      hung: entries.filter(({ isHung }) => isHung).length,
      pinned: entries.filter(({ pins }) => pins > 0).length,
    };
  }
}
