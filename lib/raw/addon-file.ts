/** The file of the native addon for this platform, also in a program that a bundler has put together. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { ownError } from '../core/errors';
import { mainProcess } from '../core/realms';

/** The folder of this file, or of the bundle that contains it; bundles in the form of ECMAScript modules have no __dirname. */
const HERE = typeof __dirname === 'string' ? __dirname : process.cwd();
/** Tools that trace the files of a program (ncc, @vercel/nft) understand this expression, and include the folder. */
const PREBUILDS = join(HERE, '..', '..', 'prebuilds');

/** Returns true if this process uses musl (Linux). node-gyp-build recognises musl only on Alpine. */
export function usesMusl(): boolean {
  try {
    return /\/ld-musl-/.test(readFileSync('/proc/self/maps', 'latin1'));
  } catch {
    return false;
  }
}

/** Returns the folder of the package as a module of this folder finds it. */
function installedPackage(folder: string): string | undefined {
  try {
    return dirname(createRequire(join(folder, 'index.js')).resolve('cryptoki/package.json'));
  } catch {
    return undefined;
  }
}

/**
 * Returns the folders that may contain the addon (build/Release or prebuilds): this package; for a bundle its own folder, that of a
 * single executable, and the package that is installed for the program.
 */
function* addonFolders(): Iterable<string | undefined> {
  yield dirname(PREBUILDS);
  yield HERE;
  yield dirname(process.execPath);
  if (process.argv[1] !== undefined) yield installedPackage(dirname(process.argv[1]));
  yield installedPackage(process.cwd());
}

/**
 * Returns the path of the addon: the value of CRYPTOKI_ADDON (another build, for sanitizers and debugging, or a place that a
 * bundle cannot find), otherwise build/Release/cryptoki.node or the prebuild for this platform.
 * @throws ERR_CRYPTOKI_NO_ADDON
 */
export function addonPath(): string {
  const chosen = process.env.CRYPTOKI_ADDON;
  if (chosen !== undefined && chosen !== '') return chosen;
  if (process.platform === 'linux' && process.env.LIBC === undefined && usesMusl()) process.env.LIBC = 'musl';
  const builds = require('node-gyp-build') as { resolve(folder: string): string };
  for (const folder of addonFolders()) {
    if (folder === undefined) continue;
    try {
      const file = builds.resolve(folder);
      if (/^cryptoki\./.test(basename(file))) return file; // the folder of a bundle may have another addon
    } catch {
      // It contains no addon for this platform.
    }
  }
  throw ownError('ERR_CRYPTOKI_NO_ADDON', missingAddon());
}

function missingAddon(): string {
  const place = `no native addon for this system (${describePlatform()}) was found`;
  return isBundled()
    ? `${place} by the bundle in ${HERE}; declare "cryptoki" as an external module of the bundler, or copy its folder "prebuilds" beside the bundle, or set the environment variable CRYPTOKI_ADDON to the path of the addon`
    : `${place}; ${describePrebuilds()}. Build it from source with "npx cryptoki-build" (needs CMake and a C++20 compiler)`;
}

/** Returns true if a bundler has moved this file out of the package. */
function isBundled(): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(HERE, '..', '..', 'package.json'), 'utf8')) as {
      name?: unknown;
    };
    return name !== 'cryptoki';
  } catch {
    return true;
  }
}

/**
 * Loads an addon, and returns exports that no other copy of the package uses. `require` would return the same ones to each copy in
 * the thread (each test file of jest and each jest.resetModules() create one), but an error must belong to the copy and the realm
 * that made the call. Bundlers cannot follow `require` of a path.
 */
export function loadAddonFile<T>(file: string): T {
  if (typeof mainProcess.dlopen !== 'function') return createRequire(file)(file) as T;
  const addon = { exports: {} as T };
  mainProcess.dlopen(addon, resolve(file));
  return addon.exports;
}

/** Returns the operating system, architecture and C library, for error messages. */
export function describePlatform(): string {
  const libc = process.platform === 'linux' ? `, ${usesMusl() ? 'musl' : 'glibc'}` : '';
  return `${process.platform}, ${process.arch}${libc}`;
}

/** Returns a clause with the prebuilt addons of the package, for error messages. */
export function describePrebuilds(): string {
  const targets = existsSync(PREBUILDS)
    ? readdirSync(PREBUILDS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.node'))
    : [];
  return targets.length > 0
    ? `prebuilt addons: ${targets.join(', ')}`
    : 'the package contains no prebuilt addon';
}
