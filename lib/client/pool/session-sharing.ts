import { isCode } from '../../core/errors';
import type { Entry } from './pool-entries';
import type { Share } from './pool-types';

/** What may wait in a session's own queue, in milliseconds: longer than JavaScript takes to give it more. */
const ENOUGH = 2;
/** Operations that take longer, in milliseconds, lose nothing by waiting for JavaScript. */
const LONG = 2;
const MOST = 64;
/** One is being done and one waits. */
const PIECES = 2;
/** How much the last operation counts in the mean. */
const WEIGHT = 1 / 16;
/** A session that has not ended anything for so many milliseconds hangs; pieces take a while, and wait for a core. */
const HANGS: Readonly<Record<Share, number>> = { operation: 20, piece: 1000 };

/**
 * Sessions that several operations use at the same time. Each of these is one native call, and the calls of a session wait
 * for each other in its native queue, so a session whose calls are short is never idle until JavaScript has heard of the
 * end of one and begun the next. Long operations wait for a session of their own, and so do those that waited behind a
 * call that hangs.
 */
export class Sharing {
  readonly #entries: Iterable<Entry>;
  /** What a session takes for an operation, in milliseconds. */
  #each: number | undefined;
  #watch: NodeJS.Timeout | undefined;

  /** @param entries the sessions of the pool */
  constructor(entries: Iterable<Entry>) {
    this.#entries = entries;
  }

  /** The session that has the least to do, of those that one more may use. */
  find(share: Share): Entry | undefined {
    if (this.#depth(share) === 1) return undefined;
    const now = performance.now();
    let found: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.users < (found?.users ?? MOST) && this.hasRoom(entry, share, now)) found = entry;
    }
    return found;
  }

  /** Whether one more may use a session that is in use. @param now as performance.now() counts */
  hasRoom(entry: Entry, share: Share, now = performance.now()): boolean {
    if (entry.share !== share || entry.users >= this.#depth(share) || entry.stale || entry.isLost)
      return false;
    return now - entry.movedAt < HANGS[share] && !entry.session.closed;
  }

  /** A session has been lent to one who shares it. */
  begun(entry: Entry): void {
    if (entry.users === 1) entry.movedAt = performance.now();
    else this.#watch ??= setInterval(() => this.#look(), HANGS.operation).unref();
  }

  /** Records that an operation on a shared session has ended. @param now as performance.now() counts */
  ended(entry: Entry, error: unknown, now: number): void {
    if (isCode(error, 'ERR_CRYPTOKI_NOT_BEGUN')) return;
    const took = now - entry.movedAt;
    entry.movedAt = now;
    if (entry.share !== 'operation') return;
    this.#each = this.#each === undefined ? took : this.#each + (took - this.#each) * WEIGHT;
  }

  /** Nobody waits behind a call that hangs. */
  #look(): void {
    let isAnyShared = false;
    for (const { session, users, share, movedAt } of this.#entries) {
      if (users < 2 || share === undefined || session.closed) continue;
      isAnyShared = true;
      if (performance.now() - movedAt > HANGS[share]) session.use().refuseWaiting(session.name);
    }
    if (isAnyShared) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** So many may use a session at once. */
  #depth(share: Share): number {
    if (share === 'piece') return PIECES;
    if (this.#each === undefined || this.#each > LONG) return 1;
    return Math.min(MOST, 1 + Math.ceil(ENOUGH / this.#each));
  }
}
