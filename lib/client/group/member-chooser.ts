import type { GroupMember } from './group-member';
import type { GroupStrategy } from './group-options';

/** Chooses who does an operation. */
export class Chooser {
  readonly #strategy: GroupStrategy;
  /** When each was chosen last, as a number that grows. */
  readonly #chosen = new WeakMap<GroupMember, number>();
  #turn = 0;

  constructor(strategy: GroupStrategy) {
    this.#strategy = strategy;
  }

  /**
   * Chooses among members that are well, in the order of the group. One that is getting something back is chosen only if
   * all are.
   */
  choose(members: readonly GroupMember[]): GroupMember | undefined {
    const ready = members.filter(({ isRecovering }) => !isRecovering);
    const [first, ...others] = ready.length > 0 ? ready : members;
    if (first === undefined || this.#strategy === 'primary') return first;
    let best = first;
    for (const other of others) if (this.#isBetter(other, best)) best = other;
    this.#turn += 1;
    this.#chosen.set(best, this.#turn);
    return best;
  }

  #isBetter(one: GroupMember, other: GroupMember): boolean {
    if (this.#strategy === 'leastInFlight' && one.inFlight !== other.inFlight) {
      return one.inFlight < other.inFlight;
    }
    return (this.#chosen.get(one) ?? 0) < (this.#chosen.get(other) ?? 0);
  }
}
