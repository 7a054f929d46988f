// @ts-check
// Fuzzers of the whole package; see README.md beside this file.
//
//   npm run fuzz -- [--seconds 3600] [--seed N] [--only NAME,NAME] [--plain]
//                   [--steps N] [--leg N] [--leg-seconds 60] [--patience 30]
//
// Targets run in turn for one leg each, in separate processes. The exit code is 1 after a failure.
import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { at, runMain, ToolError, works } from '../../scripts/tools.mjs';
import { lastLines } from './journal.mjs';
import { addCounts, addFailure, noCounts, table } from './tally.mjs';
import { targets } from './targets/index.mjs';

/** @typedef {import('./targets/index.mjs').Target} Target */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3600' },
    seed: { type: 'string' },
    only: { type: 'string' },
    plain: { type: 'boolean', default: false },
    steps: { type: 'string', default: String(Number.MAX_SAFE_INTEGER) },
    leg: { type: 'string' },
    'leg-seconds': { type: 'string', default: '60' },
    patience: { type: 'string', default: '30' },
    folder: { type: 'string', default: at('.cache', 'fuzz') },
  },
});

/** A number of the command line. @param {string} name @param {string} text */
function number(name, text) {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) throw new ToolError(`--${name} must be a number`);
  return value;
}

/** @returns {readonly Target[]} */
function chosenTargets() {
  if (values.only === undefined) return targets.filter(({ planted }) => !planted);
  return values.only.split(',').map((name) => {
    const target = targets.find((each) => each.name === name);
    if (target) return target;
    throw new ToolError(`no target "${name}"; there are ${targets.map((each) => each.name).join(', ')}`);
  });
}

const SANITIZER_LINE = /runtime error:|ERROR: \w*Sanitizer|SUMMARY: \w*Sanitizer|FATAL ERROR|Assertion/;

/**
 * Runs one leg in a process of its own.
 * @param {Target} target
 * @param {{ seed: string, seconds: number, steps: number, patience: number, folder: string }} options
 * @returns {Promise<import('./tally.mjs').Counts>}
 */
async function runLeg(target, { seed, seconds, steps, patience, folder }) {
  const journal = join(folder, `${target.name}.journal`);
  const counts = join(folder, `${target.name}.json`);
  rmSync(counts, { force: true });
  rmSync(journal, { force: true });
  const options = JSON.stringify({ target: target.name, seed, seconds, steps, journal, counts });
  const program = at('test', 'fuzz', 'child.mjs');
  const started = Date.now();
  const child = spawn(process.execPath, ['--expose-gc', program, options], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
    errors = (errors + text).slice(-200_000);
  });
  let hangs = false;
  let stacks = '';
  const watch = setInterval(() => {
    const changed = statSync(journal, { throwIfNoEntry: false })?.mtimeMs ?? started;
    if (Date.now() - Math.max(changed, started) < patience * 1000) return;
    clearInterval(watch);
    hangs = true;
    stacks = stacksOf(child.pid ?? 0);
    child.kill('SIGKILL');
  }, 500);
  const [code, signal] = await new Promise((resolve) => child.once('close', (...ended) => resolve(ended)));
  clearInterval(watch);
  const result = existsSync(counts)
    ? { ...noCounts(), ...JSON.parse(readFileSync(counts, 'utf8')) }
    : noCounts();
  const calls = lastLines(journal, 30);
  const step = Number.parseInt(calls.at(-1) ?? '0', 10);
  /** @param {string} key @param {string} detail */
  const fail = (key, detail) => addFailure(result, { key, detail, step, calls, count: 1 });
  const lines = errors.split('\n');
  const said = lines.filter((line) => SANITIZER_LINE.test(line));
  const summary = said.find((line) => line.startsWith('SUMMARY')) ?? said[0];
  if (hangs) fail('hang', `no call for ${patience} s after the last one\n${stacks}`);
  else if (signal !== null || (code !== 0 && code !== 3))
    fail(
      `crash: ${summary?.slice(0, 160) ?? signal ?? `exit code ${code}`} ${placeOf(lines)}`,
      excerpt(lines),
    );
  else if (said.length > 0) fail(`sanitizer: ${summary?.slice(0, 160)} ${placeOf(lines)}`, excerpt(lines));
  return result;
}

/** Threads without work. */
const IDLE = /uv_cond_wait|uv_sem_wait|uv__io_poll|epoll_pwait|_timed_?wait|cond_clockwait|abstime=0x7/;

/** Stacks of the threads of a process; empty without gdb. @param {number} pid */
function stacksOf(pid) {
  const command = ['-p', String(pid), '-batch', '-ex', 'thread apply all backtrace 12'];
  const { stdout } = spawnSync('gdb', command, {
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, LD_PRELOAD: '' },
  });
  const threads = (stdout ?? '').split(/^(?=Thread )/m).filter((each) => each.startsWith('Thread '));
  const busy = threads.filter((each) => /^Thread 1 /.test(each) || !IDLE.test(each));
  const lines = busy.flatMap((each) => each.split('\n').filter((line) => /^(#|Thread )/.test(line)));
  return lines.map((line) => line.slice(0, 200)).join('\n');
}

/** The first place in the code of this package that a report names. @param {readonly string[]} lines */
const placeOf = (lines) =>
  lines
    .map((line) => /(binding|fault)\/(?!module\/module\.h|real\.h)\S+:\d+/.exec(line)?.[0])
    .find(Boolean) ?? '';

/** From the output of a child: the report of a sanitizer, or else the last lines. @param {string[]} lines */
function excerpt(lines) {
  const begin = lines.findIndex((line) => SANITIZER_LINE.test(line));
  return (begin < 0 ? lines.slice(-40) : lines.slice(begin, begin + 60)).join('\n');
}

/** @param {import('./tally.mjs').Failure} failure */
function report({ target, key, detail, step, calls, repeat, count }) {
  const lines = [`FAILED ${target}: ${key}${count > 1 ? ` (${count} times)` : ''}, step ${step}`, detail];
  return [...lines, 'the last calls:', ...calls.map((line) => `  ${line}`), `repeat: ${repeat}`, ''].join(
    '\n',
  );
}

await runMain(async () => {
  const chosen = chosenTargets();
  const seconds = number('seconds', values.seconds);
  const steps = number('steps', values.steps);
  const patience = number('patience', values.patience);
  const sanitized = (process.env.CRYPTOKI_ADDON ?? '') !== '';
  if (!values.plain && !sanitized) {
    if (process.platform !== 'linux' || !works('g++'))
      throw new ToolError('The sanitizers need Linux and g++: use --plain.');
    const again = [process.execPath, ...process.argv.slice(1)];
    const result = spawnSync(
      process.execPath,
      [at('scripts', 'sanitize.mjs'), 'address,undefined', '--', ...again],
      {
        stdio: 'inherit',
      },
    );
    process.exitCode = result.status ?? 1;
    return;
  }
  const seed = values.seed ?? String(randomInt(2 ** 32));
  console.log(`seed ${seed}, ${chosen.map(({ name }) => name).join(', ')}`);
  mkdirSync(values.folder, { recursive: true });

  const slice = Math.min(number('leg-seconds', values['leg-seconds']), Math.max(3, seconds / chosen.length));
  const end = performance.now() + seconds * 1000;
  const sum = noCounts();
  /** @type {Map<string, string>} */
  const skipped = new Map();
  const first = values.leg === undefined ? 0 : number('leg', values.leg);
  for (let leg = first; performance.now() < end; leg += 1) {
    for (const target of chosen) {
      const left = (end - performance.now()) / 1000;
      if (skipped.has(target.name) || left <= 0) continue;
      const options = {
        seed: `${seed}/${target.name}/${leg}`,
        seconds: Math.min(slice, left),
        steps,
        patience,
      };
      const counts = await runLeg(target, { ...options, folder: values.folder });
      if (counts.skipped) {
        skipped.set(target.name, counts.skipped);
        console.log(`${target.name}: skipped, ${counts.skipped}`);
        continue;
      }
      const how = values.plain ? ' --plain' : '';
      const repeat = `npm run fuzz -- --seed ${seed} --only ${target.name} --leg ${leg}${how}`;
      const before = sum.failures.length;
      addCounts(sum, {
        ...counts,
        failures: counts.failures.map((each) => ({ ...each, target: target.name, repeat })),
      });
      const verified = Object.values(counts.verified).reduce((all, count) => all + count, 0);
      console.log(
        `${target.name} ${leg}: ${counts.steps} steps, ${verified} results verified, ${counts.failures.length} failures`,
      );
      for (const failure of sum.failures.slice(before)) console.log(report(failure));
    }
    const all = chosen.every(({ name }) => skipped.has(name));
    if (values.leg !== undefined || Number(values.steps) < Number.MAX_SAFE_INTEGER || all) break;
  }

  console.log(table(sum));
  const total = Object.values(sum.verified).reduce((all, count) => all + count, 0);
  const kinds = Object.entries(sum.verified)
    .sort()
    .map(([kind, count]) => `${kind} ${count}`);
  console.log(`\n${sum.steps} steps, ${total} results verified: ${kinds.join(', ')}`);
  for (const { target, key, count } of sum.failures) console.log(`${target}: ${key}: ${count}`);
  console.log(`${sum.failures.length} different failures, seed ${seed}`);
  if (sum.failures.length > 0) process.exitCode = 1;
});
