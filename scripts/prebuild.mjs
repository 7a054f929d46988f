// @ts-check
// Makes the compiled addons of the published package: prebuilds/linux-x64/cryptoki.glibc.node and so on, and beside each
// the fault module, fault/cryptoki_fault.glibc.node. prebuildify chooses the names, cmake-js builds, in separate folders
// below .cache/prebuild, and each file is checked (scripts/check-prebuilds.mjs).
//
//   node scripts/prebuild.mjs [--compiler zig|system] [--force] [TARGET ...]     default: the target of this machine
//   node scripts/prebuild.mjs all
//
// zig compiles for other systems, and against the stubs of an old glibc, so that the files load on old distributions, too. It
// is installed from npm, pinned by scripts/zig/package-lock.json, into .cache/zig (400 MB).
// CRYPTOKI_PREBUILD_COMPILER is the same as --compiler.

import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { checkPrebuild } from './prebuild/check.mjs';
import { filesOf, ownTarget, targets } from './prebuild/targets.mjs';
import { ensureZig, zigEnvironment } from './prebuild/zig.mjs';
import { at, exclusively, newest, run, runMain, step, ToolError } from './tools.mjs';

/** @typedef {import('./prebuild/targets.mjs').Target} Target */

const own = ownTarget();

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    compiler: { type: 'string', default: process.env.CRYPTOKI_PREBUILD_COMPILER ?? 'zig' },
    force: { type: 'boolean', default: false },
  },
});

/** The complaints about the files of a target, one per line; empty if they can be published. @param {Target} target */
const complaintsAbout = (target) =>
  filesOf(target).flatMap((file) =>
    checkPrebuild(at(file), target).map((complaint) => `${file}: ${complaint}`),
  );

/** Compiles the files of a target with prebuildify. @param {Target} target @param {string} work @param {boolean} useZig */
async function compile(target, work, useZig) {
  const { platform, arch, libc } = target;
  const prebuildify = promisify(createRequire(import.meta.url)('prebuildify'));
  mkdirSync(work, { recursive: true });
  if (useZig) {
    Object.assign(process.env, zigEnvironment, {
      ZIG_TARGET: target.zig,
      CRYPTOKI_TOOLCHAIN_FILE: at('cmake', 'zig.cmake'),
    });
  }
  try {
    await prebuildify({
      napi: true,
      targets: [process.versions.node],
      name: 'cryptoki',
      platform,
      arch,
      ...(libc ? { libc, tagLibc: true } : {}),
      cwd: work, // builds here and leaves the developer's build/ unchanged
      out: at(),
      nodeGyp: `"${process.execPath}" "${at('scripts', 'node-gyp.cjs')}"`,
      shell: true,
    });
  } catch (error) {
    throw new ToolError(`prebuildify: ${/** @type {Error} */ (error).message}`);
  }
  const fault = at(filesOf(target)[1] ?? '');
  mkdirSync(dirname(fault), { recursive: true });
  renameSync(join(work, 'build', 'Release', 'fault', 'cryptoki_fault.node'), fault);
}

/** True if nothing has to be built for a target. @param {Target} target */
function isCurrent(target) {
  if (options.force) return false;
  const sources = newest(at('binding'), at('fault'), at('CMakeLists.txt'), at('cmake'));
  const isNewer = filesOf(target).every((file) => existsSync(at(file)) && sources <= newest(at(file)));
  // If zig was requested, a file of the system's compiler that cannot be published is replaced.
  return isNewer && (options.compiler !== 'zig' || complaintsAbout(target).length === 0);
}

/** @param {string} name @param {Target} target */
async function make(name, target) {
  if (isCurrent(target)) return; // perhaps by another process that had the lock
  const files = filesOf(target).map((file) => at(file));
  let useZig = options.compiler === 'zig';

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
  const work = at('.cache', 'prebuild', `${name}-${useZig ? 'zig' : 'system'}`);
  await step(
    `building ${name} with ${useZig ? `zig for ${target.zig}` : "the system's compiler"}`,
    async () => {
      await compile(target, work, useZig);
      for (const file of name === own ? files : [])
        await run(process.execPath, ['-e', `require(${JSON.stringify(file)})`]);
    },
  );
  const complaints = complaintsAbout(target);
  if (complaints.length === 0) return;
  if (useZig) throw new ToolError(`${name} cannot be published:\n${complaints.join('\n')}`);
  process.stderr.write(`warning: do not publish this ${name}:\n${complaints.join('\n')}\n`);
}

await runMain(async () => {
  if (!['zig', 'system'].includes(options.compiler)) throw new ToolError('--compiler is zig or system.');
  const names = positionals.flatMap((name) => (name === 'all' ? Object.keys(targets) : [name]));
  const wanted = (names.length > 0 ? names : [own]).map((name) => {
    const target = targets[name];
    if (!target)
      throw new ToolError(`${name}: not a target. Targets: ${Object.keys(targets).join(', ')}, all`);
    return { name, target };
  });
  if (wanted.every(({ target }) => isCurrent(target))) return;
  await exclusively(async () => {
    for (const { name, target } of wanted) await make(name, target);
  }, 'prebuild');
});
