// @ts-check
// Counts of a run: calls by function and result, verified results, failures. A child process writes them to a file at short
// intervals, so that a crash loses at most the last second.
import { renameSync, writeFileSync } from 'node:fs';

/**
 * @typedef {object} Failure
 * @property {string} key failures with the same key are counted as one
 * @property {string} detail
 * @property {number} step
 * @property {readonly string[]} calls the last lines of the journal
 * @property {number} count
 * @property {string} [target]
 * @property {string} [repeat] command that repeats the failure
 *
 * @typedef {object} Counts
 * @property {Record<string, Record<string, number>>} outcomes by function, then by outcome
 * @property {Record<string, number>} verified by kind of result
 * @property {Failure[]} failures
 * @property {number} steps
 * @property {string | undefined} skipped reason why the target cannot run here
 */

/** At most this number of failures is kept with their calls. */
const MOST_FAILURES = 60;

/** @returns {Counts} */
export const noCounts = () => ({ outcomes: {}, verified: {}, failures: [], steps: 0, skipped: undefined });

/** Adds to a count. @param {Record<string, number>} counts @param {string} name @param {number} [amount] */
export function add(counts, name, amount = 1) {
  counts[name] = (counts[name] ?? 0) + amount;
}

/** Adds the counts of one run to those of others. @param {Counts} sum @param {Counts} more */
export function addCounts(sum, more) {
  for (const [name, outcomes] of Object.entries(more.outcomes)) {
    sum.outcomes[name] ??= {};
    for (const [outcome, count] of Object.entries(outcomes)) add(sum.outcomes[name] ?? {}, outcome, count);
  }
  for (const [kind, count] of Object.entries(more.verified)) add(sum.verified, kind, count);
  for (const failure of more.failures) addFailure(sum, failure);
  sum.steps += more.steps;
}

/** @param {Counts} counts @param {Failure} failure @returns {boolean} true if it is the first with this key */
export function addFailure(counts, failure) {
  const known = counts.failures.find(({ key, target }) => key === failure.key && target === failure.target);
  if (known !== undefined) known.count += failure.count;
  else if (counts.failures.length < MOST_FAILURES) counts.failures.push({ ...failure });
  return known === undefined;
}

/** Writes the counts; a reader finds either the old or the new file. @param {string} path @param {Counts} counts */
export function saveCounts(path, counts) {
  writeFileSync(`${path}.new`, JSON.stringify(counts));
  renameSync(`${path}.new`, path);
}

/** The table of calls per function and outcome. @param {Counts} counts @returns {string} */
export function table(counts) {
  const rows = Object.entries(counts.outcomes).sort(([a], [b]) => (a < b ? -1 : 1));
  const width = Math.max(8, ...rows.map(([name]) => name.length));
  return rows
    .map(([name, outcomes]) => {
      const sorted = Object.entries(outcomes).sort(([, a], [, b]) => b - a);
      const total = sorted.reduce((sum, [, count]) => sum + count, 0);
      const parts = sorted.map(([outcome, count]) => `${outcome} ${count}`);
      return `${name.padEnd(width)} ${String(total).padStart(7)}  ${parts.join(', ')}`;
    })
    .join('\n');
}
