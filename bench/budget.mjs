// @ts-check
// How long a slice may take, so that the run takes as long as was asked for.

const LEAST = 30; // milliseconds; shorter ones measure the start only

export class Budget {
  #end;
  #weight;

  /** @param {number} seconds @param {number} weight of all that will be asked for */
  constructor(seconds, weight) {
    this.#end = performance.now() + seconds * 1000;
    this.#weight = weight;
  }

  /**
   * Takes the share of one case: what it does not use is there for the others.
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
