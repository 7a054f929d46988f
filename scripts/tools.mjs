// @ts-check
// Common functions of the scripts in this folder: running tools quietly, finding outdated files. Uses built-in modules of
// Node.js only, because scripts/setup.mjs runs before anything is installed.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');
export const cpus = availableParallelism();
export const isWindows = process.platform === 'win32';

/** Path of a file of the project. @param {string[]} parts */
export const at = (...parts) => join(root, ...parts);

/** A failure whose message is sufficient without a stack trace. */
export class ToolError extends Error {}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd] default: the project
 * @property {NodeJS.ProcessEnv} [env] added to this process's environment
 * @property {boolean} [shell] needed on Windows for npm and similar tools, which are batch files
 */

/**
 * Runs a tool and captures its output, which becomes the message of the error if the tool fails.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>} the output of the tool
 */
export function run(command, args, options = {}) {
  return new Promise((done, fail) => {
    const { env, ...rest } = options;
    const child = spawn(command, args, {
      cwd: root,
      ...rest,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', (error) => fail(new ToolError(`${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) done(output);
      else
        fail(
          new ToolError(`${output.trimEnd()}\n\n${command} ${args.join(' ')}: ended with ${code ?? signal}`),
        );
    });
  });
}

/** Runs a JavaScript tool of node_modules. @param {string} bin @param {string[]} args @param {RunOptions} [options] */
export const runBin = (bin, args, options) => run(process.execPath, [binPath(bin), ...args], options);

/** The script behind node_modules/.bin/NAME; also works if .bin contains batch files. @param {string} bin */
export function binPath(bin) {
  const require = createRequire(import.meta.url);
  const owner = { biome: '@biomejs/biome', tsc: 'typescript', attw: '@arethetypeswrong/cli' }[bin] ?? bin;
  const file = at('node_modules', owner, 'package.json');
  const entry = require(file).bin;
  return join(file, '..', typeof entry === 'string' ? entry : entry[bin]);
}

/** Runs `setup` first, for scripts before which npm does not run it. @param {string[]} options */
export function ensureSetup(...options) {
  const result = spawnSync(process.execPath, [at('scripts', 'setup.mjs'), ...options], { stdio: 'inherit' });
  if (result.status !== 0) throw new ToolError('The set-up failed; the reason is above.');
}

/** True if this program runs on this machine. @param {string} command @param {string[]} args */
export const works = (command, args = ['--version']) =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/**
 * Every file at or below these paths.
 * @param {string[]} paths
 * @returns {{ path: string, time: number, size: number }[]}
 */
function files(...paths) {
  return paths.flatMap((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return [];
    if (stat.isDirectory()) return files(...readdirSync(path).map((name) => join(path, name)));
    return [{ path, time: stat.mtimeMs, size: stat.size }];
  });
}

/** Newest modification time at or below these paths, in ms; 0 without a file. @param {string[]} paths */
export const newest = (...paths) => Math.max(0, ...files(...paths).map(({ time }) => time));

/** Changes when a file at or below these paths is changed, added or removed. @param {string[]} paths */
export function fingerprint(...paths) {
  const lines = files(...paths).map(({ path, time, size }) => `${path} ${time} ${size}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

/** Prints one line per step: its name, then its duration. @template T @param {string} what @param {() => Promise<T>} work */
export async function step(what, work) {
  const start = performance.now();
  process.stderr.write(`${what} ... `);
  try {
    const result = await work();
    process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
    return result;
  } catch (error) {
    process.stderr.write('failed\n');
    throw error;
  }
}

/**
 * One builder at a time in a checkout: `npm test` in two terminals must not install or compile at the same time.
 * @template T @param {() => Promise<T>} work
 * @param {string} [name] of the lock, for work that does not disturb the set-up
 */
export async function exclusively(work, name = 'setup') {
  const lock = at('.cache', `${name}.lock`);
  mkdirSync(at('.cache'), { recursive: true });
  for (let told = false; ; ) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    if (!isRunning(lock)) rmSync(lock, { force: true });
    else if (!told) process.stderr.write(`waiting for another ${name} of this checkout\n`);
    told = true;
    await new Promise((wake) => setTimeout(wake, 200));
  }
  const unlock = () => rmSync(lock, { force: true });
  process.once('exit', unlock);
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
    process.once(signal, () => process.exit(1));
  try {
    return await work();
  } finally {
    unlock();
    process.removeListener('exit', unlock);
  }
}

/** @param {string} lock */
function isRunning(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // Between its creation and the write of the number the file is empty, so the reader waits a moment.
    if (!pid) return existsSync(lock) && Date.now() - statSync(lock).mtimeMs < 2000;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** Runs a script's main function and ends with a message instead of a stack trace. @param {() => Promise<void>} main */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = 1;
  }
}
