import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '..', '..', '..');
const cache = join(root, '.cache', 'pkcs11js');
const compat = join(root, 'compat', 'pkcs11js');
const manifest = join(root, 'test', 'pkcs11js', 'peers', 'package.json');

/** Name of the folder: it changes with the manifest and with compat/pkcs11js. */
function fingerprint(): string {
  const hash = createHash('sha256');
  for (const file of [manifest, ...readdirSync(compat).map((name) => join(compat, name))]) {
    hash.update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

async function install(folder: string): Promise<void> {
  cpSync(manifest, join(folder, 'package.json'));
  cpSync(compat, join(folder, 'pkcs11js'), { recursive: true });
  // This checkout replaces the package that compat/pkcs11js would install from the registry.
  const own = join(folder, 'pkcs11js', 'package.json');
  const { dependencies, ...others } = JSON.parse(readFileSync(own, 'utf8'));
  if (Object.keys(dependencies).join() !== 'cryptoki')
    throw new Error('compat/pkcs11js has more dependencies');
  writeFileSync(own, JSON.stringify(others));
  const shell = process.platform === 'win32'; // npm is a batch file on Windows
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  await promisify(execFile)('npm', ['install', ...flags], { cwd: folder, shell });
  symlinkSync(root, join(folder, 'node_modules', 'cryptoki'), 'junction');
}

/**
 * A project with graphene-pk11, node-webcrypto-p11 and Fabric's client, in which npm has replaced pkcs11js by
 * compat/pkcs11js. Installed once into .cache, from the registry. Test files that run at the same time each install one, and
 * the first complete one is kept.
 * @returns path of the folder
 */
export async function peers(): Promise<string> {
  const folder = join(cache, fingerprint());
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const mine = mkdtempSync(join(cache, 'new-'));
  try {
    await install(mine);
    renameSync(mine, folder);
  } catch (error) {
    rmSync(mine, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
