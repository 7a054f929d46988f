import type { GroupMember } from './group-member';
import type { GroupStrategy } from './group-options';

/** A member is slow that takes so many times as long as the quickest one, and so many milliseconds longer. */
const SLOW_FACTOR = 8;
const SLOW_BY = 50;
/** How often a slow member gets an operation all the same, to learn whether it still is, in milliseconds. */
const TRY_SLOW = 1_000;

/** Chooses who does an operation. */
export class Chooser {
  readonly #strategy: GroupStrategy;
  /** When each was chosen last, as a number that grows. */
  readonly #chosen = new WeakMap<GroupMember, number>();
  /** When it was chosen last, as performance.now() counts. */
  readonly #chosenAt = new WeakMap<GroupMember, number>();
  #turn = 0;

  constructor(strategy: GroupStrategy) {
    this.#strategy = strategy;
  }

  /**
   * Chooses among members that are well, in the order of the group. One that is getting something back is chosen only if
   * all are; in turn only those are chosen that are not much slower than the others, whom they would hold up: operations
   * that are made one after the other spend nearly all of their time with the slowest.
   */
  choose(members: readonly GroupMember[]): GroupMember | undefined {
    const ready = members.filter(({ isRecovering }) => !isRecovering);
    const able = ready.length > 0 ? ready : members;
    const [first, ...others] = this.#strategy === 'roundRobin' ? this.#quick(able) : able;
    if (first === undefined || this.#strategy === 'primary') return first;
    let best = first;
    for (const other of others) if (this.#isBetter(other, best)) best = other;
    this.#turn += 1;
    this.#chosen.set(best, this.#turn);
    if (this.#strategy === 'roundRobin') this.#chosenAt.set(best, performance.now());
    return best;
  }

  /** Those that are not slow, and slow ones that have not been tried for a while. */
  #quick(members: readonly GroupMember[]): readonly GroupMember[] {
    if (members.length < 2) return members;
    const now = performance.now();
    const times = members.map((member) => member.expectedTime(now));
    const best = Math.min(...times);
    const most = Math.max(best * SLOW_FACTOR, best + SLOW_BY);
    const isDue = (member: GroupMember): boolean =>
      member.inFlight === 0 && now - (this.#chosenAt.get(member) ?? 0) > TRY_SLOW;
    return members.filter((member, index) => (times[index] as number) <= most || isDue(member));
  }

  #isBetter(one: GroupMember, other: GroupMember): boolean {
    if (this.#strategy === 'leastInFlight' && one.inFlight !== other.inFlight) {
      return one.inFlight < other.inFlight;
    }
    return (this.#chosen.get(one) ?? 0) < (this.#chosen.get(other) ?? 0);
  }
}
