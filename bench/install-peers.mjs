// @ts-check
// Installs the packages that the bench compares with, and the chart library, into bench/peers/node_modules.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, isWindows, run, step, ToolError } from '../scripts/tools.mjs';

const FOLDER = at('bench', 'peers');

/** The installed version of a package; undefined if it is not installed. @param {string} name */
export function versionOf(name) {
  const file = join(FOLDER, 'node_modules', name, 'package.json');
  return existsSync(file)
    ? /** @type {string} */ (JSON.parse(readFileSync(file, 'utf8')).version)
    : undefined;
}

/** The file of a package in bench/peers/node_modules. @param {string[]} parts */
export const peerFile = (...parts) => join(FOLDER, 'node_modules', ...parts);

/** Returns true if all packages of the lock file are installed. */
function isInstalled() {
  const lock = join(FOLDER, 'package-lock.json');
  const there = join(FOLDER, 'node_modules', '.package-lock.json');
  if (!existsSync(there)) return false;
  const [want, have] = [lock, there].map((file) => JSON.parse(readFileSync(file, 'utf8')).packages);
  return Object.keys(want).every((path) => path === '' || have[path]?.version === want[path].version);
}

/** @returns {Promise<string | undefined>} the reason why they could not be installed */
export async function installPeers() {
  if (isInstalled()) return undefined;
  try {
    await step('installing what the bench compares with', () =>
      run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER, shell: isWindows }),
    );
    return undefined;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return error.message.trim().split('\n').at(-1);
  }
}
