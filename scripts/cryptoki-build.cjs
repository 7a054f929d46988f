#!/usr/bin/env node
// @ts-check
// Builds the native addon from source with plain CMake, for systems without a fitting prebuild (`npx cryptoki-build`).
// It needs CMake 3.20, a C++20 compiler and the dependencies of this package, but none of the development tools.

const { spawnSync } = require('node:child_process');
const { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { dirname, join, resolve } = require('node:path');

const root = resolve(__dirname, '..');

const USAGE = `npx cryptoki-build

Builds the native addon of cryptoki from source, into build/Release of the installed package, for systems without a fitting
prebuild. It needs CMake 3.20 or newer, a C++20 compiler, and make or ninja; it downloads nothing.

  -h, --help   shows this text

CXX in the environment selects the compiler.`;

/** @param {string} command */
const works = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

/**
 * The missing tools, as a message with the commands that install them; undefined if nothing is missing.
 * @returns {string | undefined}
 */
function missingTools() {
  const missing = [];
  if (!works('cmake')) missing.push('CMake');
  // On Windows CMake finds Visual Studio itself; its compiler is not in the PATH.
  const compilers = [process.env.CXX ?? 'c++', 'g++', 'clang++'];
  if (process.platform !== 'win32') {
    if (!compilers.some(works)) missing.push('a C++20 compiler');
    if (!works('make') && !works('ninja')) missing.push('make or ninja');
  }
  if (missing.length === 0) return undefined;
  return [
    `Building the native addon needs tools that are missing here: ${missing.join(', ')}. Install them:`,
    '  Debian, Ubuntu   apt-get install cmake g++ make',
    '  Fedora, RHEL     dnf install cmake gcc-c++ make',
    '  Alpine           apk add cmake g++ make',
    '  Arch             pacman -S cmake gcc make',
    '  macOS            xcode-select --install && brew install cmake',
    '  Windows          winget install Kitware.CMake and Visual Studio Build Tools with "Desktop development with C++"',
  ].join('\n');
}

/** @param {string[]} args */
function cmake(...args) {
  const result = spawnSync('cmake', args, { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) {
    console.error(`\ncryptoki-build: cmake ${args.join(' ')} failed; the reason is above.`);
    process.exit(1);
  }
}

/** Any argument but --help is refused: a mistyped one must not start a build. */
function main() {
  const args = process.argv.slice(2);
  if (args.length > 0) {
    const isHelp = args.every((arg) => arg === '--help' || arg === '-h');
    if (isHelp) console.log(USAGE);
    else console.error(`cryptoki-build: unknown argument ${args[0]}\n\n${USAGE}`);
    process.exit(isHelp ? 0 : 2);
  }
  const message = missingTools();
  if (message) {
    console.error(message);
    process.exit(1);
  }
  // A separate folder, because the one of cmake-js may belong to another generator. It starts empty, so that a folder which
  // was copied or moved with node_modules does no harm.
  const work = join(root, 'build', 'source');
  rmSync(work, { recursive: true, force: true });
  const ninja = works('ninja') && process.platform !== 'win32' ? ['-G', 'Ninja'] : [];
  cmake('-S', root, '-B', work, '-DCMAKE_BUILD_TYPE=Release', ...ninja);
  cmake('--build', work, '--config', 'Release', '--parallel', String(availableParallelism()));

  install(work, '.', 'cryptoki.node');
  install(work, 'fault', 'cryptoki_fault.node'); // for cryptoki/testing
  rmSync(work, { recursive: true, force: true });
}

/** @param {string} work @param {string} folder @param {string} name */
function install(work, folder, name) {
  const places = [join(work, folder, name), join(work, folder, 'Release', name)];
  const built = places.find((file) => existsSync(file));
  if (!built) {
    console.error(`cryptoki-build: the build ended well, but left no ${name} in ${work}.`);
    process.exit(1);
  }
  const target = join(root, 'build', 'Release', folder, name);
  mkdirSync(dirname(target), { recursive: true });
  // A running process may have mapped the file, so the new one is written beside it and then renamed.
  copyFileSync(built, `${target}.new`);
  renameSync(`${target}.new`, target);
  console.log(`cryptoki-build: built ${target}`);
}

module.exports = { missingTools };
if (require.main === module) main();
