// @ts-check
// SoftHSM2, the software token for the tests and the demonstration: finds it, installs it without interaction, and
// writes a private configuration for it.
//
//   node scripts/softhsm.mjs     installs it if it is missing, and prints the path of the library
//
// Environment: CRYPTOKI_MODULE       the library to use
//              CRYPTOKI_NO_INSTALL   if set, the package manager of the system is not used

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

/** The path of the library; undefined if it is not installed. @returns {string | undefined} */
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
 * The path of the library. SoftHSM2 is installed or unpacked first if it is missing.
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

/** Installs with the package manager of the system if that needs no interaction: as root, through `sudo -n`, or with Homebrew. */
async function install() {
  if (process.platform === 'win32' || process.env.CRYPTOKI_NO_INSTALL) return;
  const manager = Object.keys(managers).find((name) => works(name));
  if (!manager) return;
  const isRoot = process.getuid?.() === 0;
  // Homebrew must run as the user, the others as root.
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
    await call(refresh); // in new containers the package lists are empty or outdated
    await call(add);
  }
}

/** Debian and Ubuntu without root: unpacks the package in a folder of the project and changes nothing of the system. */
async function unpack() {
  if (!works('apt-get') || !works('dpkg-deb')) return;
  mkdirSync(at('.cache'), { recursive: true });
  const work = mkdtempSync(at('.cache', 'softhsm-'));
  try {
    const packages = ['libsofthsm2', 'softhsm2-common'];
    try {
      await run('apt-get', ['download', ...packages], { cwd: work });
    } catch {
      // The system has no usable package lists: fetches lists into this folder.
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

/** An unpacked library does not include its dependencies: lists those that the system lacks. */
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
 * Creates a private directory for tokens: DIR/tokens and DIR/softhsm2.conf.
 * @param {string} dir created if it does not exist
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
