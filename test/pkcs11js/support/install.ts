import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '..', '..', '..');
const cache = join(root, '.cache', 'pkcs11js');
const compat = join(root, 'compat', 'pkcs11js');

/** Names the folder: another manifest or another compat/pkcs11js makes another one. */
function fingerprint(manifest: string): string {
  const hash = createHash('sha256');
  for (const file of [manifest, ...readdirSync(compat).map((name) => join(compat, name))]) {
    hash.update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

async function npm(folder: string, manifest: string, prepare: (folder: string) => void): Promise<void> {
  cpSync(manifest, join(folder, 'package.json'));
  cpSync(compat, join(folder, 'pkcs11js'), { recursive: true });
  prepare(folder);
  const shell = process.platform === 'win32'; // npm is a batch file there
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  await promisify(execFile)('npm', ['install', ...flags], { cwd: folder, shell });
  linkCheckout(folder);
}

/** Makes this checkout the project's `cryptoki`; a copy of .cache has that of another one. */
function linkCheckout(folder: string): void {
  const link = join(folder, 'node_modules', 'cryptoki');
  if (existsSync(link) && realpathSync(link) === realpathSync(root)) return;
  rmSync(link, { force: true });
  symlinkSync(root, link, 'junction');
}

/**
 * A project with the packages of a manifest from the registry, with compat/pkcs11js in its folder `pkcs11js`, and this
 * checkout as its `cryptoki`. Installed once, into .cache; needs the registry then. Test files that come here at the same
 * time install one each, and the first is kept.
 * @param manifest a package.json
 * @param prepare is called with the folder before the packages are installed
 * @returns its folder
 */
export async function install(
  manifest: string,
  prepare: (folder: string) => void = () => {},
): Promise<string> {
  const folder = join(cache, fingerprint(manifest));
  if (existsSync(folder)) {
    linkCheckout(folder);
    return folder;
  }
  mkdirSync(cache, { recursive: true });
  const mine = mkdtempSync(join(cache, 'new-'));
  try {
    await npm(mine, manifest, prepare);
    renameSync(mine, folder);
  } catch (error) {
    rmSync(mine, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
