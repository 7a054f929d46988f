// @ts-check
// zig, the cross compiler: pinned by scripts/zig/package-lock.json, installed from npm into .cache/zig, used for builds only.

import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, isWindows, run, step, works } from '../tools.mjs';

const home = at('.cache', 'zig');
const zig = join(home, 'node_modules', '@zigc', `${process.platform}-${process.arch}`, 'bin', 'zig');

/** The environment of zig; ZIG is for cmake/zig.cmake. */
export const zigEnvironment = {
  ZIG: zig,
  ZIG_LIB_DIR: join(home, 'node_modules', '@zigc', 'lib'),
  ZIG_GLOBAL_CACHE_DIR: join(home, 'global'),
  ZIG_LOCAL_CACHE_DIR: join(home, 'local'),
};

/** The beginning of a command. */
export const zigCommand = () => [zig];

/** Installs the pinned version if it is missing. Install scripts are disabled; its packages have none. */
export async function ensureZig() {
  const lock = at('scripts', 'zig', 'package-lock.json');
  const have = join(home, 'package-lock.json');
  const isCurrent = existsSync(have) && readFileSync(have, 'utf8') === readFileSync(lock, 'utf8');
  if (isCurrent && works(zig, ['version'])) return;
  await step('installing the cross compiler (zig, 400 MB on disk) from npm', async () => {
    mkdirSync(home, { recursive: true });
    copyFileSync(at('scripts', 'zig', 'package.json'), join(home, 'package.json'));
    copyFileSync(lock, have);
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: home,
      shell: isWindows,
    });
    await run(zig, ['version']);
  });
}
