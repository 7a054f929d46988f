// @ts-check
// One case: an operation on a number of sessions, by all contenders in turn. Each gets short slices, one per round, so that
// other load on the machine affects all alike. Each slice is compared with that of the raw C loop in the same round.
import { Skipped } from './contender.mjs';
import { spread } from './statistics.mjs';

/**
 * @typedef {import('./contender.mjs').Contender} Contender
 * @typedef {import('./contenders/serve.mjs').Slice} Slice
 * @typedef {import('./operations.mjs').Operation} Operation
 * @typedef {import('./statistics.mjs').Spread} Spread
 *
 * @typedef {{ contender: Contender, form: string }} Entry
 *
 * @typedef {object} Case
 * @property {string} module
 * @property {Operation} operation
 * @property {number} sessions
 * @property {number} milliseconds of a slice
 * @property {number} rounds
 * @property {boolean} [delay] true: measures the delay of the event loop
 *
 * @typedef {object} Result
 * @property {string} module
 * @property {string} operation
 * @property {number} sessions
 * @property {string} contender
 * @property {string} form
 * @property {Spread} [perSecond] operations
 * @property {Spread} [ratio] to the raw C loop's operations per second
 * @property {Spread} [cpuRatio] the raw C loop's CPU time per operation in relation to this one's: equals the ratio if one
 *   thread does all the work, and is less affected by other load on the machine
 * @property {Spread} [cpu] microseconds per operation, of all threads
 * @property {Spread} [extraCpu] CPU time above that of the raw C loop
 * @property {{ p50: number, p99: number, max: number }} [delay] of the event loop, in milliseconds: medians of the slices
 * @property {string} [skipped] reason why it was not measured
 */

/** @param {Slice} slice */
const rateOf = ({ operations, seconds }) => operations / seconds;
/** @param {Slice} slice */
const cpuOf = ({ operations, cpu }) => (cpu / operations) * 1e6;

/** @param {Slice[]} slices */
function delayOf(slices) {
  const delays = slices.flatMap(({ delay }) => (delay === undefined ? [] : [delay]));
  if (delays.length === 0) return {};
  const median = (/** @type {'p50' | 'p99' | 'max'} */ name) =>
    spread(delays.map((each) => each[name])).median;
  return { delay: { p50: median('p50'), p99: median('p99'), max: median('max') } };
}

/**
 * @param {Case} given
 * @param {Entry} raw the raw C loop
 * @param {readonly Entry[]} others
 * @returns {Promise<Result[]>}
 */
export async function measureCase(given, raw, others) {
  const { module, operation, sessions, milliseconds, rounds, delay = false } = given;
  const entries = [raw, ...others];
  /** @type {Map<Entry, Slice[]>} */
  const slices = new Map(entries.map((entry) => [entry, []]));
  /** @type {Map<Entry, string>} */
  const skipped = new Map();
  for (let round = -1; round < rounds; round += 1) {
    // The first round is a warm-up: it opens sessions and compiles code. The order of contenders changes with each round.
    const turn = Math.max(round, 0) % entries.length;
    for (const entry of [...entries.slice(turn), ...entries.slice(0, turn)]) {
      if (skipped.has(entry) || skipped.has(raw)) continue;
      try {
        const question = { form: entry.form, operation, sessions, milliseconds, delay };
        const slice = await entry.contender.run(question);
        if (round >= 0) slices.get(entry)?.push(slice);
      } catch (error) {
        if (!(error instanceof Skipped)) throw error;
        skipped.set(entry, error.message);
      }
    }
  }
  const base = slices.get(raw) ?? [];
  return entries.map((entry) => {
    const head = {
      module,
      operation: operation.name,
      sessions,
      contender: entry.contender.name,
      form: entry.form,
    };
    const why = skipped.get(entry) ?? (skipped.has(raw) ? `the raw C loop: ${skipped.get(raw)}` : undefined);
    if (why !== undefined) return { ...head, skipped: why };
    const own = slices.get(entry) ?? [];
    const compared = (/** @type {(slice: Slice, other: Slice) => number} */ compare) =>
      spread(own.map((slice, round) => compare(slice, /** @type {Slice} */ (base[round]))));
    return {
      ...head,
      perSecond: spread(own.map(rateOf)),
      ratio: compared((slice, other) => rateOf(slice) / rateOf(other)),
      cpuRatio: compared((slice, other) => cpuOf(other) / cpuOf(slice)),
      cpu: spread(own.map(cpuOf)),
      extraCpu: compared((slice, other) => cpuOf(slice) - cpuOf(other)),
      ...delayOf(own),
    };
  });
}
