import type { GroupMember } from './group-member';
import type { GroupStrategy } from './group-options';

/** A slow member takes at least this number of times as long as the fastest one ... */
const SLOW_FACTOR = 8;
/** ... and at least this much longer. */
const SLOW_DIFFERENCE_MS = 50;
/** Interval at which a slow member gets an operation, which shows if it is still slow. */
const SLOW_TRIAL_INTERVAL_MS = 1_000;

/** Chooses the member for an operation. */
export class MemberChooser {
  readonly #strategy: GroupStrategy;
  /** The number of the last choice of each member. */
  readonly #lastChoice = new WeakMap<GroupMember, number>();
  /** The time of the last choice of each member, in the time of performance.now(). */
  readonly #chosenAt = new WeakMap<GroupMember, number>();
  #choices = 0;

  constructor(strategy: GroupStrategy) {
    this.#strategy = strategy;
  }

  /**
   * Chooses among members that are well, in the order of the group. A member whose client is recovering is chosen only if all
   * are. 'roundRobin' excludes slow members, because a program with one operation after the other would spend nearly all of its
   * time with the slowest.
   */
  choose(members: readonly GroupMember[]): GroupMember | undefined {
    const ready = members.filter(({ isRecovering }) => !isRecovering);
    const candidates = ready.length > 0 ? ready : members;
    const [first, ...others] = this.#strategy === 'roundRobin' ? this.#withoutSlow(candidates) : candidates;
    if (first === undefined || this.#strategy === 'primary') return first;
    let best = first;
    for (const other of others) if (this.#isBetter(other, best)) best = other;
    this.#choices += 1;
    this.#lastChoice.set(best, this.#choices);
    if (this.#strategy === 'roundRobin') this.#chosenAt.set(best, performance.now());
    return best;
  }

  /** Returns the members that are not slow, and slow ones whose trial is due. */
  #withoutSlow(members: readonly GroupMember[]): readonly GroupMember[] {
    if (members.length < 2) return members;
    const now = performance.now();
    const times = members.map((member) => member.expectedTime(now));
    const best = Math.min(...times);
    const limit = Math.max(best * SLOW_FACTOR, best + SLOW_DIFFERENCE_MS);
    const isDue = (member: GroupMember): boolean =>
      member.inFlight === 0 && now - (this.#chosenAt.get(member) ?? 0) > SLOW_TRIAL_INTERVAL_MS;
    return members.filter((member, index) => (times[index] as number) <= limit || isDue(member));
  }

  #isBetter(candidate: GroupMember, best: GroupMember): boolean {
    if (this.#strategy === 'leastInFlight' && candidate.inFlight !== best.inFlight) {
      return candidate.inFlight < best.inFlight;
    }
    return (this.#lastChoice.get(candidate) ?? 0) < (this.#lastChoice.get(best) ?? 0);
  }
}
