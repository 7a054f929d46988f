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
  /** It keeps the login as well, so it stays open. */
  readonly anchor: boolean;
  /** As performance.now() counts. */
  idleSince: number;
  closing: Promise<void> | undefined;
}

/** A session, lent. @param giveBack is called once */
export function leaseOf(entry: Entry, giveBack: (error: unknown) => void): Lease {
  let released = false;
  return {
    session: entry.session,
    release: (error) => {
      if (released) return;
      released = true;
      giveBack(error);
    },
    pin: () => {
      let pinned = true;
      entry.pins += 1;
      return () => {
        if (pinned) entry.pins -= 1;
        pinned = false;
      };
    },
  };
}

/** The sessions of a pool: those that are lent, and those that lie idle, the one used last on top. */
export class PoolEntries {
  readonly #entries = new Set<Entry>();
  #idle: Entry[] = [];

  add(session: Session, anchor: boolean): Entry {
    const entry: Entry = {
      ...{ session, anchor, users: 0, share: undefined, movedAt: 0 },
      ...{ pins: 0, stale: false, isLost: false, idleSince: 0, closing: undefined },
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

  /** Puts a session by. @returns when that was, as performance.now() counts */
  rest(entry: Entry): number {
    entry.idleSince = performance.now();
    this.#idle.push(entry);
    return entry.idleSince;
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

  /** How many count: not those that were given up while they were lent. */
  get count(): number {
    let count = 0;
    for (const { stale } of this.#entries) if (!stale) count += 1;
    return count;
  }

  get isAnyLent(): boolean {
    for (const { users } of this.#entries) if (users > 0) return true;
    return false;
  }

  numbers(): { open: number; idle: number; lent: number; pinned: number } {
    const entries = [...this.#entries];
    return {
      open: entries.length,
      idle: this.#idle.length,
      lent: entries.filter(({ users }) => users > 0).length,
      pinned: entries.filter(({ pins }) => pins > 0).length,
    };
  }
}
