import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const cache = resolve(import.meta.dirname, '..', '..', '..', '.cache');

/**
 * Installs npm packages once in a folder of .cache. Returns undefined if they cannot be installed. Test files run at the same
 * time: each installs into a folder of its own, and the first complete one is kept.
 * @param name of the folder
 * @param packages with their versions
 */
export async function ensureInstalled(
  name: string,
  packages: readonly string[],
): Promise<string | undefined> {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const own = `${folder}.${process.pid}`;
  mkdirSync(own, { recursive: true });
  const install = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', own];
  try {
    await promisify(execFile)('npm', [...install, ...packages], { cwd: own, timeout: 120_000 });
    if (!existsSync(folder)) renameSync(own, folder);
  } catch {
    // The network is missing, or another test file was first.
  }
  rmSync(own, { recursive: true, force: true });
  return existsSync(folder) ? folder : undefined;
}
