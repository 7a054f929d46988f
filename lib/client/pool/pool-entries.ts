import type { Session } from '../../model/session';
import type { Lease, Share } from './pool-types';

/** A session of a pool. */
export interface Entry {
  readonly session: Session;
  /** How many it is lent to. */
  users: number;
  /** What they are, if others may use it as well. */
  share: Share | undefined;
  /** When it was lent, or the last of those who share it gave it back, as performance.now() counts. */
  movedAt: number;
  /** Session objects that live by this session. */
  pins: number;
  /** Given up by {@link PoolEntries.giveUp}: it counts no more, and is closed when it comes back. */
  stale: boolean;
  /** An error said that it is of no use any more: it is closed when all have given it back. */
  isLost: boolean;
  /** A call on it has not ended in time: another session takes its place. */
  isHung: boolean;
  /** When it was lent, or shared by the first of those who use it, as performance.now() counts. */
  lentSince: number;
  /** It keeps the login as well, so it stays open. */
  readonly anchor: boolean;
  /** As performance.now() counts. */
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

/** The sessions of a pool: those that are lent, and those that lie idle, the one used last on top. */
export class PoolEntries {
  readonly #entries = new Set<Entry>();
  readonly #mostHung: number;
  #idle: Entry[] = [];

  /** @param mostHung how many sessions that hang do not count */
  constructor(mostHung: number) {
    this.#mostHung = mostHung;
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
   * @param onlyUnpinned leaves those that own session objects
   * @param lost is given those that turn out to be closed
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

  /** Takes those that are idle since before `time`, if nothing needs them. */
  takeIdleSince(time: number): Entry[] {
    const isNeeded = ({ idleSince, pins, anchor }: Entry): boolean => idleSince > time || pins > 0 || anchor;
    const taken = this.#idle.filter((entry) => !isNeeded(entry));
    this.#idle = this.#idle.filter(isNeeded);
    return taken;
  }

  /** None is to be lent again. @returns those that are not lent now */
  giveUp(): Entry[] {
    this.#idle = [];
    for (const entry of this.#entries) entry.stale = true;
    return [...this.#entries].filter(({ users }) => users === 0);
  }

  /** How many count: not those that were given up while they were lent, nor those that hang, up to a bound. */
  get count(): number {
    let count = 0;
    let hung = 0;
    for (const { stale, isHung } of this.#entries) {
      if (isHung) hung += 1;
      else if (!stale) count += 1;
    }
    return count + Math.max(hung - this.#mostHung, 0);
  }

  /** Whether there is a session that does not hang. */
  get isAnyUsable(): boolean {
    for (const { stale, isHung } of this.#entries) if (!stale && !isHung) return true;
    return false;
  }

  /** Whether a session is lent that may come back soon. */
  get isAnyLent(): boolean {
    for (const { users, isHung } of this.#entries) if (users > 0 && !isHung) return true;
    return false;
  }

  /** For how long the session that was lent longest ago is lent, in milliseconds. */
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
