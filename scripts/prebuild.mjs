// @ts-check
// Makes the compiled addons of the published package: prebuilds/linux-x64/cryptoki.glibc.node and so on, and beside each
// the fault module, fault/cryptoki_fault.glibc.node. prebuildify chooses the names, cmake-js builds, in separate folders
// below .cache/prebuild.
//
//   node scripts/prebuild.mjs [--compiler zig|system] [--force] [TARGET ...]     default: the target of this machine
//
// zig compiles against the stubs of an old glibc, so that the file loads on old distributions, too. It is installed from npm,
// pinned by scripts/zig/package-lock.json, into .cache/zig (400 MB). CRYPTOKI_PREBUILD_COMPILER is the same as --compiler.

import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { at, exclusively, isWindows, newest, run, runMain, step, ToolError, works } from './tools.mjs';

/** @typedef {{ platform: string, arch: string, libc?: string, zig?: string }} Target */
/** @type {Record<string, Target>} */
const targets = {
  'linux-x64-glibc': { platform: 'linux', arch: 'x64', libc: 'glibc', zig: 'x86_64-linux-gnu.2.17' },
  'linux-x64-musl': { platform: 'linux', arch: 'x64', libc: 'musl', zig: 'x86_64-linux-musl' },
  'linux-arm64-glibc': { platform: 'linux', arch: 'arm64', libc: 'glibc', zig: 'aarch64-linux-gnu.2.17' },
  'linux-arm64-musl': { platform: 'linux', arch: 'arm64', libc: 'musl', zig: 'aarch64-linux-musl' },
  'darwin-arm64': { platform: 'darwin', arch: 'arm64' },
  'darwin-x64': { platform: 'darwin', arch: 'x64' },
  'win32-x64': { platform: 'win32', arch: 'x64' },
  'win32-arm64': { platform: 'win32', arch: 'arm64' },
};

const report = /** @type {any} */ (process.report);
report.excludeNetwork = true; // network look-ups can take seconds
const isGlibc = report.getReport().header.glibcVersionRuntime !== undefined;
const libc = process.platform !== 'linux' ? '' : isGlibc ? '-glibc' : '-musl';
const own = `${process.platform}-${process.arch}${libc}`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    compiler: { type: 'string', default: process.env.CRYPTOKI_PREBUILD_COMPILER ?? 'zig' },
    force: { type: 'boolean', default: false },
  },
});

const zigHome = at('.cache', 'zig');
const zig = join(zigHome, 'node_modules', '@zigc', `${process.platform}-${process.arch}`, 'bin', 'zig');
const zigEnvironment = {
  ZIG: zig,
  ZIG_LIB_DIR: join(zigHome, 'node_modules', '@zigc', 'lib'),
  ZIG_GLOBAL_CACHE_DIR: join(zigHome, 'global'),
  ZIG_LOCAL_CACHE_DIR: join(zigHome, 'local'),
};

/** Installs the pinned version of zig if it is missing. Install scripts are disabled; its packages have none. */
async function ensureZig() {
  const lock = at('scripts', 'zig', 'package-lock.json');
  const have = join(zigHome, 'package-lock.json');
  const isCurrent = existsSync(have) && readFileSync(have, 'utf8') === readFileSync(lock, 'utf8');
  if (isCurrent && works(zig, ['version'])) return;
  await step('installing the cross compiler (zig, 400 MB on disk) from npm', async () => {
    mkdirSync(zigHome, { recursive: true });
    copyFileSync(at('scripts', 'zig', 'package.json'), join(zigHome, 'package.json'));
    copyFileSync(lock, have);
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: zigHome,
      shell: isWindows,
    });
    await run(zig, ['version']);
  });
}

/** The newest glibc version that a file requires, for example 2.16. @param {string} file */
function glibcOf(file) {
  const versions = readFileSync(file, 'latin1').matchAll(/GLIBC_(\d+)\.(\d+)/g);
  const numbers = [...versions].map(([, major, minor]) => Number(major) * 1000 + Number(minor));
  const highest = Math.max(0, ...numbers);
  return { highest, name: `${Math.floor(highest / 1000)}.${highest % 1000}` };
}

/** @param {string} name @param {Target} target */
async function make(name, target) {
  const folder = at('prebuilds', `${target.platform}-${target.arch}`);
  const tag = target.libc ? `.${target.libc}` : '';
  const file = join(folder, `cryptoki${tag}.node`);
  const fault = join(folder, 'fault', `cryptoki_fault${tag}.node`);
  let useZig = options.compiler === 'zig' && target.zig !== undefined;
  const isNewer =
    existsSync(file) &&
    existsSync(fault) &&
    newest(at('binding'), at('fault'), at('CMakeLists.txt'), at('cmake')) <= newest(file);
  // If zig was requested, an existing file of the system's compiler is replaced.
  const isOldEnough = !useZig || !existsSync(file) || glibcOf(file).highest <= 2017;
  if (isNewer && isOldEnough && !options.force) return;

  if (useZig) {
    try {
      await ensureZig();
    } catch (error) {
      if (!(error instanceof ToolError) || name !== own) throw error;
      process.stderr.write(
        `warning: zig cannot be had, the system's compiler builds instead\n${error.message}\n`,
      );
      useZig = false;
    }
  }
  if (!useZig && name !== own) {
    throw new ToolError(`The system's compiler builds for ${own} only; ${name} needs zig or such a machine.`);
  }
  const prebuildify = promisify(createRequire(import.meta.url)('prebuildify'));
  const work = at('.cache', 'prebuild', `${name}-${useZig ? 'zig' : 'system'}`);
  mkdirSync(work, { recursive: true });
  if (useZig) {
    Object.assign(process.env, zigEnvironment, {
      ZIG_TARGET: target.zig,
      CRYPTOKI_TOOLCHAIN_FILE: at('cmake', 'zig.cmake'),
    });
  }
  await step(
    `building ${name} with ${useZig ? `zig for ${target.zig}` : "the system's compiler"}`,
    async () => {
      const { platform, arch } = target;
      try {
        await prebuildify({
          napi: true,
          targets: [process.versions.node],
          name: 'cryptoki',
          platform,
          arch,
          ...(target.libc ? { libc: target.libc, tagLibc: true } : {}),
          cwd: work, // builds here and leaves the developer's build/ unchanged
          out: at(),
          nodeGyp: `"${process.execPath}" "${at('scripts', 'node-gyp.cjs')}"`,
          shell: true,
        });
      } catch (error) {
        throw new ToolError(`prebuildify: ${/** @type {Error} */ (error).message}`);
      }
      mkdirSync(dirname(fault), { recursive: true });
      renameSync(join(work, 'build', 'Release', 'fault', 'cryptoki_fault.node'), fault);
      for (const made of name === own ? [file, fault] : [])
        await run(process.execPath, ['-e', `require(${JSON.stringify(made)})`]);
    },
  );
  if (target.libc !== 'glibc') return;
  const [glibc] = [file, fault].map(glibcOf).sort((one, other) => other.highest - one.highest);
  if (glibc && glibc.highest > 2017) {
    process.stderr.write(
      `warning: this ${name} needs glibc ${glibc.name} or newer. Do not publish it: older distributions refuse it.\n`,
    );
  } else process.stderr.write(`${name} needs glibc ${glibc?.name} or newer\n`);
}

await runMain(async () => {
  if (!['zig', 'system'].includes(options.compiler)) throw new ToolError('--compiler is zig or system.');
  const names = positionals.length > 0 ? positionals : [own];
  await exclusively(async () => {
    for (const name of names) {
      const target = targets[name];
      if (!target) throw new ToolError(`${name}: not a target. Targets: ${Object.keys(targets).join(', ')}`);
      await make(name, target);
    }
  });
});
