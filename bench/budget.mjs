// @ts-check
// Computes the length of a slice so that the run takes the requested time.

const LEAST = 30; // milliseconds; shorter slices measure the start-up only

export class Budget {
  #end;
  #weight;

  /** @param {number} seconds @param {number} weight of all cases of the run */
  constructor(seconds, weight) {
    this.#end = performance.now() + seconds * 1000;
    this.#weight = weight;
  }

  /**
   * Takes the share of one case. Time that the case does not use remains for later cases.
   * @param {number} weight of the case
   * @param {number} slices
   * @returns {number} milliseconds for a slice
   */
  take(weight, slices) {
    const left = Math.max(this.#end - performance.now(), 0);
    const share = (left * weight) / Math.max(this.#weight, weight);
    this.#weight -= weight;
    return Math.max(Math.round(share / slices), LEAST);
  }
}
