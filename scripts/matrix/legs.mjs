// @ts-check
// Common parts of the legs of `npm run test:matrix`: runtimes from npm, and programs of test/matrix with their results.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { at, run, ToolError } from '../tools.mjs';

/** Reason why a leg cannot run on this machine. */
export class Skipped extends Error {}

/**
 * A machine or runtime on which programs run.
 * @typedef {object} Host
 * @property {string[]} command the beginning of the command, before the path of the program
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(path: string) => string} [path] the name of a file of this machine there; default: the same
 */

/**
 * Installs packages of npm once in a folder of .cache, without scripts.
 * @param {string} name of the folder @param {string[]} packages with their versions
 * @returns {Promise<string>} the folder node_modules
 */
export async function install(name, packages) {
  const folder = at('.cache', name);
  if (!existsSync(folder)) {
    const fresh = `${folder}.${process.pid}`;
    mkdirSync(fresh, { recursive: true });
    const options = [
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--force',
      '--prefix',
      fresh,
    ];
    try {
      // --force: npm refuses packages for other systems otherwise.
      await run('npm', ['install', ...options, ...packages], { cwd: fresh });
      if (!existsSync(folder)) renameSync(fresh, folder);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      throw new Skipped(`npm cannot install ${packages.join(', ')}: ${error.message.split('\n').at(-1)}`);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  return join(folder, 'node_modules');
}

/** Runs a command to its end, and returns its exit code and output. @param {string[]} command @param {NodeJS.ProcessEnv} env */
export function execute([program = '', ...args], env, seconds = 900) {
  return new Promise(
    (/** @type {(result: { code: number | string, output: string }) => void} */ done, fail) => {
      const child = spawn(program, args, {
        cwd: at(),
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: seconds * 1000,
        killSignal: 'SIGKILL',
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => {
          output += text;
        });
      child.on('error', fail);
      child.on('close', (code, signal) => done({ code: code ?? signal ?? 'nothing', output }));
    },
  );
}

/** The sum that a program of test/matrix prints, after its exit code was checked. @param {string} title @param {{ code: number | string, output: string }} result */
export function sumOf(title, { code, output }) {
  const sum = /^(\d+) passed, (\d+) failed\r?$/m.exec(output);
  if (code !== 0 || !sum || sum[2] !== '0' || sum[1] === '0')
    throw new ToolError(`${title}: ended with ${code}\n${output.slice(-4000)}`);
  return `${title} ${sum[1]} passed`;
}

/**
 * Runs a program of test/matrix with an addon of prebuilds/.
 * @param {Host} host @param {string} addon @param {string} program @param {string[]} args
 */
export async function runProgram(host, addon, program, args) {
  const path = host.path ?? ((/** @type {string} */ same) => same);
  const command = [...host.command, path(at('test', 'matrix', `${program}.mjs`)), ...args.map(path)];
  const result = await execute(command, { CRYPTOKI_ADDON: path(at(addon)), ...host.env });
  return sumOf(program, result);
}
