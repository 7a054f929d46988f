import { isCode } from '../../core/errors';
import type { Entry } from './pool-entries';
import type { Share } from './pool-types';

/** Amount of work in a session's native queue: more than the time that JavaScript needs to add further work. */
const QUEUED_WORK_MS = 2;
/** Operations that take longer do not gain from sharing: the wait for JavaScript is short in comparison. */
const LONG_OPERATION_MS = 2;
const MAX_USERS = 64;
/** One piece runs and one waits. */
const MAX_PIECES = 2;
/** Weight of the last operation in the mean time. */
const WEIGHT = 1 / 16;
/** A shared session that ends nothing for this time hangs. Pieces are longer than operations, and wait for a core. */
const HANG_MS: Readonly<Record<Share, number>> = { operation: 20, piece: 1000 };

/**
 * Sessions that several operations use at the same time. Each operation is one native call, and the calls of a session wait for
 * each other in its native queue. So a session with short calls is not idle until JavaScript has processed the end of one and
 * begun the next. Long operations wait for a session of their own, and so do those that waited behind a call that hangs.
 */
export class Sharing {
  readonly #entries: Iterable<Entry>;
  /** Mean time of an operation on a session, in milliseconds. */
  #meanTime: number | undefined;
  #watch: NodeJS.Timeout | undefined;

  /** @param entries the sessions of the pool */
  constructor(entries: Iterable<Entry>) {
    this.#entries = entries;
  }

  /** Returns the session with the fewest users, of those with room for one more. */
  find(share: Share): Entry | undefined {
    if (this.#depth(share) === 1) return undefined;
    const now = performance.now();
    let found: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.users < (found?.users ?? MAX_USERS) && this.hasRoom(entry, share, now)) found = entry;
    }
    return found;
  }

  /** Returns true when one more may use a session that is in use. @param now the time of performance.now() */
  hasRoom(entry: Entry, share: Share, now = performance.now()): boolean {
    if (entry.share !== share || entry.users >= this.#depth(share) || entry.stale || entry.isLost)
      return false;
    return now - entry.movedAt < HANG_MS[share] && !entry.session.closed;
  }

  /** Notes that a session was lent to one more that shares it. */
  begun(entry: Entry): void {
    if (entry.users === 1) entry.movedAt = performance.now();
    else this.#watch ??= setInterval(() => this.#refuseBehindHung(), HANG_MS.operation).unref();
  }

  /** Notes that one of those that share a session has released it. @param now as performance.now() counts */
  ended(entry: Entry, error: unknown, now: number): void {
    if (isCode(error, 'ERR_CRYPTOKI_NOT_BEGUN')) return;
    const time = now - entry.movedAt;
    entry.movedAt = now;
    if (entry.share !== 'operation') return;
    this.#meanTime = this.#meanTime === undefined ? time : this.#meanTime + (time - this.#meanTime) * WEIGHT;
  }

  /** Refuses operations that wait behind a call that hangs, so that they run on other sessions. */
  #refuseBehindHung(): void {
    let isAnyShared = false;
    for (const { session, users, share, movedAt } of this.#entries) {
      if (users < 2 || share === undefined || session.closed) continue;
      isAnyShared = true;
      if (performance.now() - movedAt > HANG_MS[share]) session.use().refuseWaiting(session.name);
    }
    if (isAnyShared) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** Returns the limit of users of a session at the same time. */
  #depth(share: Share): number {
    if (share === 'piece') return MAX_PIECES;
    if (this.#meanTime === undefined || this.#meanTime > LONG_OPERATION_MS) return 1;
    return Math.min(MAX_USERS, 1 + Math.ceil(QUEUED_WORK_MS / this.#meanTime));
  }
}
