// @ts-check
// Results of calls must belong to their caller alone: their memory is not shared, and their bytes do not change later.
import { createHash } from 'node:crypto';

/** @typedef {import('./random.mjs').Random} Random */

/** Number of results that are kept. */
const MOST_KEPT = 200;

/** @param {Uint8Array} bytes */
const checksum = (bytes) => createHash('sha1').update(bytes).digest('hex');

/** The last results of a leg. */
export class Results {
  /** @type {{ name: string, bytes: Buffer, sum: string, step: number }[]} */
  #kept = [];
  #leg;

  /** @param {import('./leg.mjs').Leg} leg */
  constructor(leg) {
    this.#leg = leg;
  }

  /**
   * Checks that a result owns its memory, and keeps it. @param {string} name @param {unknown} result @param {Random} random
   */
  keep(name, result, random) {
    for (const bytes of buffersIn(result)) {
      const { byteOffset, byteLength, buffer } = bytes;
      if (byteOffset !== 0 || buffer.byteLength !== byteLength) {
        const found = `${name}: ${byteLength} bytes at ${byteOffset} of ${buffer.byteLength}`;
        this.#leg.fail('a result does not own its ArrayBuffer', found);
      }
      if (this.#kept.some((each) => each.bytes.buffer === buffer && buffer.byteLength > 0))
        this.#leg.fail('two results in one ArrayBuffer', name);
      this.#kept.push({ name, bytes, sum: checksum(bytes), step: this.#leg.step });
    }
    while (this.#kept.length > MOST_KEPT) this.#kept.splice(random.below(this.#kept.length), 1);
    if (this.#kept.length > 0 && random.chance(0.03)) this.#transfer(random);
    if (random.chance(0.1)) this.check();
  }

  /** Checks that all kept results are unchanged. */
  check() {
    for (const { name, bytes, sum, step } of this.#kept) {
      if (checksum(bytes) === sum) continue;
      this.#leg.fail(
        'a result changed later',
        `${name}, result of step ${step}, now ${bytes.byteLength} bytes`,
      );
      this.#kept = this.#kept.filter((each) => each.bytes !== bytes);
    }
    this.#leg.verified('kept results');
  }

  /** Transfers the memory of a result, as postMessage does; other results must not change. @param {Random} random */
  #transfer(random) {
    const index = random.below(this.#kept.length);
    const [given] = this.#kept.splice(index, 1);
    if (given === undefined) return;
    this.#leg.note(`transfers the result of step ${given.step} (${given.name})`);
    const { buffer } = given.bytes;
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength === 0) return;
    try {
      structuredClone(given.bytes, { transfer: [buffer] });
    } catch (error) {
      this.#leg.fail('a result cannot be transferred', `${given.name}: ${error}`);
      return;
    }
    this.check();
  }
}

/**
 * The Buffers in a result, at any depth. @param {unknown} value @param {number} [depth]
 * @returns {Buffer[]}
 */
export function buffersIn(value, depth = 0) {
  if (Buffer.isBuffer(value)) return [value];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || depth > 5) return [];
  return Object.values(value).flatMap((each) => buffersIn(each, depth + 1));
}
