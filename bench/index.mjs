// @ts-check
// npm run bench: options.mjs lists its options.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { at, runMain } from '../scripts/tools.mjs';
import { installPeers } from './install-peers.mjs';
import { buildNative } from './native.mjs';
import { readOptions } from './options.mjs';
import { writePage } from './report/page.mjs';
import { machine } from './report/results.mjs';
import { printResults } from './report/table.mjs';
import { runGrowth } from './run-growth.mjs';
import { runOperations } from './run-operations.mjs';
import { runSlow } from './run-slow.mjs';
import { checkTargets } from './targets.mjs';

/** @typedef {import('./options.mjs').Options} Options */

/** Shares of the time by part. */
const SHARES = { operations: 0.75, slow: 0.2, growth: 0.05 };

/** @param {string} what */
function tell(what) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
  else console.error(what);
}

/** @param {Options} options @returns {Promise<import('./report/results.mjs').Results>} */
async function measure(options) {
  const { parts, seconds } = options;
  const whole = Object.entries(SHARES).reduce(
    (sum, [part, share]) => sum + (parts.includes(part) ? share : 0),
    0,
  );
  const share = (/** @type {keyof typeof SHARES} */ part) => (seconds * SHARES[part]) / whole;
  const { results, modules, notes } = parts.includes('operations')
    ? await runOperations(options, share('operations'), tell)
    : { results: [], modules: [], notes: [] };
  const slow = parts.includes('slow') ? await runSlow(options, share('slow'), tell) : [];
  const growth = parts.includes('growth') ? await runGrowth(options, tell) : [];
  if (process.stderr.isTTY) tell('');
  return {
    date: new Date().toISOString(),
    arguments: process.argv.slice(2),
    machine: machine(),
    modules,
    operations: results,
    slow,
    growth,
    targets: checkTargets({ operations: results, slow, growth }),
    notes,
  };
}

await runMain(async () => {
  const options = readOptions();
  if (options === undefined) return;
  const reason = options.withoutPeers ? undefined : await installPeers();
  await buildNative();
  const results = await measure(options);
  if (reason !== undefined) results.notes.push(`other packages could not be installed: ${reason}`);
  printResults(results, console.log);
  const json = resolve(options.json ?? at('bench', 'results', 'bench.json'));
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify(results, undefined, 1)}\n`);
  const page = writePage(results, json.replace(/(\.json)?$/, '.html'));
  console.log(`\n${json}\n${page ?? 'no page: the chart library is not installed'}`);
  if (options.check && results.targets.some(({ passed }) => !passed)) process.exitCode = 1;
});
