/** Time after a refusal in which the limit stays; then it rises by one. */
const RAISE_INTERVAL_MS = 60_000;

/** The limit of open sessions: the least of the option, the token's own limit, and the number at which the token refused one. */
export class SessionBound {
  readonly #max: number;
  #value: number;
  #learntAt: number | undefined;

  /** @param max the limit of the options */
  constructor(max: number) {
    this.#max = max;
    this.#value = max;
  }

  get value(): number {
    return this.#value;
  }

  /** Sets the token's own limit. */
  set(max: number): void {
    this.#value = Math.max(1, Math.min(this.#max, max));
    this.#learntAt = undefined;
  }

  /** Lowers the limit to `count`: the token has refused a further session. */
  refused(count: number): void {
    this.#value = Math.max(1, count);
    this.#learntAt = performance.now();
  }

  /** Raises the limit to `count`, the number of sessions that are open now: an earlier refusal no longer applies. */
  opened(count: number): void {
    this.#value = Math.max(this.#value, count);
  }

  /** Returns true when one more than `count` may be opened. Raises the limit by one a minute, since other programs close sessions. */
  allows(count: number): boolean {
    if (this.#learntAt !== undefined && performance.now() - this.#learntAt > RAISE_INTERVAL_MS) {
      this.#value = Math.min(this.#value + 1, this.#max);
      this.#learntAt = this.#value < this.#max ? performance.now() : undefined;
    }
    return count < this.#value;
  }
}
