// @ts-check
// Pseudo-random numbers from a seed. All decisions of a fuzzer use them, so that a seed repeats a run.

/** A 32-bit hash of a text (FNV-1a). @param {string} text */
export function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** A generator (sfc32). */
export class Random {
  #a;
  #b;
  #c;
  #count = 1;
  /** @type {string} */
  seed;

  /** @param {string | number} seed */
  constructor(seed) {
    this.seed = String(seed);
    this.#a = hash(`a${seed}`);
    this.#b = hash(`b${seed}`);
    this.#c = hash(`c${seed}`);
    for (let i = 0; i < 12; i += 1) this.next();
  }

  /** An integer from 0 to 2^32 - 1. */
  next() {
    const sum = (this.#a + this.#b + this.#count) >>> 0;
    this.#count = (this.#count + 1) >>> 0;
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0;
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** An integer from 0 to limit - 1. @param {number} limit */
  below(limit) {
    return limit <= 1 ? 0 : Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** An integer from `from` to `to`, both included. @param {number} from @param {number} to */
  between(from, to) {
    return from + this.below(to - from + 1);
  }

  /** True with this probability. @param {number} probability */
  chance(probability) {
    return this.next() / 2 ** 32 < probability;
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  pick(list) {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return /** @type {T} */ (list[this.below(list.length)]);
  }

  /**
   * One of the values, chosen with the probability of its weight.
   * @template T @param {readonly (readonly [number, T])[]} list weight, value
   * @returns {T}
   */
  weighted(list) {
    let rest = this.below(list.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of list) {
      if (rest < weight) return value;
      rest -= weight;
    }
    throw new RangeError('nothing to pick from');
  }

  /** @param {number} length */
  bytes(length) {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i += 1) bytes[i] = this.next() >>> 24;
    return bytes;
  }

  /** A length that is often 0, small, or near a power of two. @param {number} most */
  length(most) {
    const value = this.weighted([
      [1, () => 0],
      [2, () => 1],
      [6, () => this.below(64)],
      [4, () => 2 ** this.below(17) + this.between(-1, 1)],
      [1, () => this.below(most + 1)],
    ])();
    return Math.max(0, Math.min(most, value));
  }

  /** The list in another order. @template T @param {readonly T[]} list @returns {T[]} */
  shuffled(list) {
    const result = [...list];
    for (let i = result.length - 1; i > 0; i -= 1) {
      const j = this.below(i + 1);
      const kept = /** @type {T} */ (result[i]);
      result[i] = /** @type {T} */ (result[j]);
      result[j] = kept;
    }
    return result;
  }

  /** A separate generator, which does not depend on the numbers drawn from this one. @param {string | number} name */
  fork(name) {
    return new Random(`${this.seed}/${name}`);
  }
}
