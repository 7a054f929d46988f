// @ts-check
// All operations on all modules, by all contenders.
import { Budget } from './budget.mjs';
import { Skipped } from './contender.mjs';
import { Field } from './field.mjs';
import { measureCase } from './measure.mjs';
import { MODULES, ownModule } from './modules.mjs';
import { OPERATIONS } from './operations.mjs';

/**
 * @typedef {import('./options.mjs').Options} Options
 * @typedef {import('./measure.mjs').Result} Result
 * @typedef {import('./modules.mjs').Started} Started
 *
 * @typedef {object} Measured
 * @property {Result[]} results
 * @property {{ name: string, version: string }[]} modules
 * @property {string[]} notes modules that could not be measured, with the reason
 */

const ALL = [1, 2, 4, 8, 16, 32, 64];
const FEW = [1, 8, 64];

/** Numbers of sessions. @param {string} module @param {Options} options */
function countsFor(module, { sessions, quick }) {
  if (sessions !== undefined) return sessions;
  if (module === 'null module') return [1, 64];
  return quick || module === 'NSS softokn' ? FEW : ALL;
}

/** @param {Options} options @returns {[string, () => Promise<Started>][]} */
function modulesFor({ own, modules }) {
  if (own !== undefined) return [[own.token ?? 'your token', () => ownModule(own)]];
  return Object.entries(MODULES).filter(([name]) => modules.length === 0 || modules.includes(name));
}

/** Cases with one session include the contenders that use a single session. @param {number} sessions */
const lengthOf = (sessions) => (sessions === 1 ? 1.6 : 1);

/**
 * @param {Options} options
 * @param {number} seconds
 * @param {(what: string) => void} tell
 * @returns {Promise<Measured>}
 */
export async function runOperations(options, seconds, tell) {
  const rounds = options.quick ? 3 : 7;
  const operations = OPERATIONS.filter(
    ({ name }) => options.operations.length === 0 || options.operations.includes(name),
  );
  const chosen = modulesFor(options);
  const weights = chosen.flatMap(([name]) =>
    countsFor(name, options).flatMap((count) => operations.map(({ weight }) => weight * lengthOf(count))),
  );
  const budget = new Budget(
    seconds,
    weights.reduce((sum, weight) => sum + weight, 0),
  );
  /** @type {Measured} */
  const measured = { results: [], modules: [], notes: [] };
  for (const [name, start] of chosen) {
    /** @type {Started} */
    let module;
    try {
      module = await start();
    } catch (error) {
      if (!(error instanceof Skipped)) throw error;
      measured.notes.push(`${name}: ${error.message}`);
      continue;
    }
    const field = await Field.open(module, !options.withoutPeers);
    for (const [who, why] of field.absent) measured.notes.push(`${name}: ${who}: ${why}`);
    measured.modules.push({ name: module.name, version: module.version });
    try {
      for (const operation of operations) {
        const missing = module.without[operation.name];
        if (missing !== undefined) measured.notes.push(`${name}: ${operation.title}: ${missing}`);
        for (const sessions of countsFor(name, options)) {
          const entries = field.entries(sessions);
          const slices = (rounds + 1) * (entries.length + 1);
          const milliseconds = budget.take(operation.weight * lengthOf(sessions), slices);
          if (missing !== undefined) continue;
          tell(`${module.name}: ${operation.title}, ${sessions} session${sessions === 1 ? '' : 's'}`);
          const given = { module: module.name, operation, sessions, milliseconds, rounds };
          measured.results.push(...(await measureCase(given, field.raw, entries)));
        }
      }
      for (const { name: who, why } of field.dead) measured.notes.push(`${name}: ${who}: ${why}`);
    } finally {
      await field.close();
      await module.stop();
    }
  }
  return measured;
}
