// @ts-check
// SoftHSM2, the token in software on which the tests and the demonstration run: where it is, how to get it without
// asking, and a private configuration for it.
//
//   node scripts/softhsm.mjs     gets it when it is not there, and prints the path of the library
//
// Environment: CRYPTOKI_MODULE       this library and no other
//              CRYPTOKI_NO_INSTALL   do not use the system's package manager

import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { at, run, runMain, ToolError, works } from './tools.mjs';

const unpacked = at('.cache', 'softhsm');

/** Debian's folder for libraries of this architecture. */
const triplet = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  arm: 'arm-linux-gnueabihf',
  ppc64: 'powerpc64le-linux-gnu',
  s390x: 's390x-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
}[/** @type {string} */ (process.arch)];

/** @param {string} lib */
const debianPlaces = (lib) => [join(lib, 'softhsm'), ...(triplet ? [join(lib, triplet, 'softhsm')] : [])];

const folders = [
  ...debianPlaces('/usr/lib'), // Debian, Ubuntu; Alpine and Arch use the first one too
  '/usr/lib64/pkcs11', // Fedora, RHEL, openSUSE
  '/usr/lib64/softhsm',
  '/usr/lib64',
  '/usr/lib/pkcs11',
  ...(process.env.HOMEBREW_PREFIX ? [join(process.env.HOMEBREW_PREFIX, 'lib/softhsm')] : []),
  '/opt/homebrew/lib/softhsm', // Homebrew on Apple silicon
  '/usr/local/lib/softhsm', // Homebrew on Intel, FreeBSD, `make install`
  '/usr/local/lib',
  '/opt/local/lib/softhsm', // MacPorts
  '/home/linuxbrew/.linuxbrew/lib/softhsm',
  ...debianPlaces(join(unpacked, 'usr/lib')),
];
const windowsPlaces = [
  'C:\\SoftHSM2\\lib\\softhsm2-x64.dll',
  'C:\\Program Files\\SoftHSM2\\lib\\softhsm2-x64.dll',
];

/** The library's path; undefined when it is nowhere to be found. @returns {string | undefined} */
export function findSoftHSM() {
  const chosen = process.env.CRYPTOKI_MODULE;
  if (chosen) {
    if (existsSync(chosen)) return resolve(chosen);
    throw new ToolError(`CRYPTOKI_MODULE is ${chosen}, and there is no such file. Correct it or unset it.`);
  }
  const files =
    process.platform === 'win32' ? windowsPlaces : folders.map((folder) => join(folder, 'libsofthsm2.so'));
  return files.find((file) => existsSync(file));
}

/**
 * The library's path; SoftHSM2 is installed or unpacked first when it is missing.
 * @returns {Promise<string>}
 */
export async function ensureSoftHSM() {
  const reasons = [];
  for (const way of [async () => {}, install, unpack]) {
    try {
      await way();
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      reasons.push(error.message);
    }
    const found = findSoftHSM();
    if (found) return found;
  }
  throw new ToolError(`${howToInstall}${reasons.map((reason) => `\n\nTried: ${reason}`).join('')}`);
}

const howToInstall = `SoftHSM2 (libsofthsm2.so) was not found. Install it, or name the library in CRYPTOKI_MODULE:
  Debian, Ubuntu   apt-get install libsofthsm2
  Fedora, RHEL     dnf install softhsm
  openSUSE         zypper install softhsm
  Alpine           apk add softhsm
  Arch             pacman -S softhsm
  FreeBSD          pkg install softhsm2
  macOS            brew install softhsm
  Windows          the SoftHSM2 installer, into C:\\SoftHSM2`;

/** @type {Record<string, string[][]>} commands to try in this order; the package is there as soon as one of them works */
const managers = {
  'apt-get': [
    ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', 'libsofthsm2'],
    ['update', '-o', 'DPkg::Lock::Timeout=120'],
  ],
  dnf: [['install', '-y', 'softhsm']],
  zypper: [['--non-interactive', 'install', 'softhsm']],
  apk: [['add', '--no-cache', 'softhsm']],
  pacman: [['-S', '--noconfirm', '--needed', 'softhsm']],
  pkg: [['install', '-y', 'softhsm2']],
  brew: [['install', 'softhsm']],
};

/** Installs with the system's package manager, when it asks nothing: as root, through `sudo -n`, or Homebrew. */
async function install() {
  if (process.platform === 'win32' || process.env.CRYPTOKI_NO_INSTALL) return;
  const manager = Object.keys(managers).find((name) => works(name));
  if (!manager) return;
  const isRoot = process.getuid?.() === 0;
  // Homebrew wants to be run by the user; the others by root.
  if (manager === 'brew' ? isRoot : !isRoot && !works('sudo', ['-n', 'true'])) return;
  const prefix = manager === 'brew' || isRoot ? [] : ['sudo', '-n'];
  /** @param {string[]} args */
  const call = (args) => {
    const quiet = ['DEBIAN_FRONTEND=noninteractive', 'NONINTERACTIVE=1', 'HOMEBREW_NO_AUTO_UPDATE=1'];
    const [command = 'env', ...rest] = [...prefix, 'env', ...quiet, manager, ...args];
    return run(command, rest);
  };
  const [add = [], refresh] = managers[manager] ?? [];
  try {
    await call(add);
  } catch (error) {
    if (!refresh) throw error;
    await call(refresh); // the lists of packages are empty or stale: fresh containers
    await call(add);
  }
}

/** Debian and Ubuntu without root: the package's files in a folder of the project. Nothing of the system changes. */
async function unpack() {
  if (!works('apt-get') || !works('dpkg-deb')) return;
  mkdirSync(at('.cache'), { recursive: true });
  const work = mkdtempSync(at('.cache', 'softhsm-'));
  try {
    const packages = ['libsofthsm2', 'softhsm2-common'];
    try {
      await run('apt-get', ['download', ...packages], { cwd: work });
    } catch {
      // No usable lists: fetch some of our own, in this folder.
      const places = { 'Dir::State::lists': join(work, 'lists'), 'Dir::Cache': join(work, 'cache') };
      const options = Object.entries(places).flatMap(([name, path]) => {
        mkdirSync(join(path, 'partial'), { recursive: true });
        return ['-o', `${name}=${path}`];
      });
      await run('apt-get', ['update', ...options, '-o', 'Debug::NoLocking=true'], { cwd: work });
      await run('apt-get', ['download', ...packages, ...options], { cwd: work });
    }
    const files = join(work, 'files');
    for (const name of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg-deb', ['-x', join(work, name), files]);
    }
    rmSync(unpacked, { recursive: true, force: true });
    renameSync(files, unpacked);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  await checkLibraries();
}

/** An unpacked library cannot bring its own dependencies: say which ones the system lacks. */
async function checkLibraries() {
  const library = debianPlaces(join(unpacked, 'usr/lib'))
    .map((folder) => join(folder, 'libsofthsm2.so'))
    .find((file) => existsSync(file));
  if (!library)
    throw new ToolError(`The packages hold no libsofthsm2.so in the expected place: see ${unpacked}.`);
  const missing = [...(await run('ldd', [library])).matchAll(/^\s*(\S+) => not found/gm)].map(
    ([, name]) => name,
  );
  if (missing.length === 0) return;
  rmSync(unpacked, { recursive: true, force: true });
  throw new ToolError(`SoftHSM2 was unpacked, but the system lacks ${missing.join(', ')}.`);
}

/**
 * Makes a private place for tokens: DIR/tokens and DIR/softhsm2.conf.
 * @param {string} dir made when it does not exist
 * @returns {string} the path for the environment variable SOFTHSM2_CONF
 */
export function writeSoftHSMConfig(dir) {
  const tokens = join(resolve(dir), 'tokens');
  const config = join(resolve(dir), 'softhsm2.conf');
  mkdirSync(tokens, { recursive: true, mode: 0o700 });
  const lines = [
    `directories.tokendir = ${tokens}`,
    'objectstore.backend = file',
    'log.level = ERROR',
    'slots.removable = false',
    'slots.mechanisms = ALL',
    'library.reset_on_fork = false',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return config;
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  await runMain(async () => console.log(await ensureSoftHSM()));
}
