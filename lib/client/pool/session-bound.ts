/** After a refusal the bound grows by one again after so many milliseconds. */
const LEARN_AGAIN = 60_000;

/** How many sessions may be open: what the options and the token allow, learnt downwards when the token refuses one. */
export class SessionBound {
  readonly #most: number;
  #value: number;
  #learntAt: number | undefined;

  /** @param most what the options allow */
  constructor(most: number) {
    this.#most = most;
    this.#value = most;
  }

  get value(): number {
    return this.#value;
  }

  /** The token says that it allows this many. */
  set(max: number): void {
    this.#value = Math.max(1, Math.min(this.#most, max));
    this.#learntAt = undefined;
  }

  /** The token refused one more than `count`. */
  refused(count: number): void {
    this.#value = Math.max(1, count);
    this.#learntAt = performance.now();
  }

  /** So many are open: a refusal that came before the last of them was not the last word. */
  opened(count: number): void {
    this.#value = Math.max(this.#value, count);
  }

  /** Whether one more than `count` may be opened. Others may have closed theirs since the last refusal: it is tried again. */
  allows(count: number): boolean {
    if (this.#learntAt !== undefined && performance.now() - this.#learntAt > LEARN_AGAIN) {
      this.#value = Math.min(this.#value + 1, this.#most);
      this.#learntAt = this.#value < this.#most ? performance.now() : undefined;
    }
    return count < this.#value;
  }
}
