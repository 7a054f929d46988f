/** The file of the native addon for this platform. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

/** Returns true if this process uses musl (Linux). node-gyp-build recognises musl only on Alpine. */
export function usesMusl(): boolean {
  try {
    return /\/ld-musl-/.test(readFileSync('/proc/self/maps', 'latin1'));
  } catch {
    return false;
  }
}

/**
 * Returns the path of the addon that CRYPTOKI_ADDON names (another build, for sanitizers and debugging), or else of
 * build/Release/cryptoki.node, or else of the prebuild for this platform.
 */
export function addonPath(): string {
  const chosen = process.env.CRYPTOKI_ADDON;
  if (chosen !== undefined && chosen !== '') return chosen;
  if (process.platform === 'linux' && process.env.LIBC === undefined && usesMusl()) process.env.LIBC = 'musl';
  return (require('node-gyp-build') as { resolve(folder: string): string }).resolve(ROOT);
}

/** Returns the operating system, architecture and C library, for error messages. */
export function describePlatform(): string {
  const libc = process.platform === 'linux' ? `, ${usesMusl() ? 'musl' : 'glibc'}` : '';
  return `${process.platform}, ${process.arch}${libc}`;
}

/** Returns a clause with the prebuilt addons of the package, for error messages. */
export function describePrebuilds(): string {
  const folder = join(ROOT, 'prebuilds');
  const targets = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.node'))
    : [];
  return targets.length > 0
    ? `prebuilt addons: ${targets.join(', ')}`
    : 'the package contains no prebuilt addon';
}
