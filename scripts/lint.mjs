// @ts-check
// Runs every linter and prints its time. All of them run; the exit code is 1 if one failed. The script sets the
// checkout up first: tests are checked against the types in dist/, C++ against build/compile_commands.json.
//
//   node scripts/lint.mjs [--fix] [NAME ...]      --fix: biome and clang-format mend their complaints

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { checkLevels } from './lint/levels.mjs';
import { checkStyle } from './lint/style.mjs';
import { checkWorkflows } from './lint/workflows.mjs';
import {
  at,
  cpus,
  ensureSetup,
  isWindows,
  root,
  run,
  runBin,
  runMain,
  step,
  ToolError,
  works,
} from './tools.mjs';

const { values: options, positionals: chosen } = parseArgs({
  allowPositionals: true,
  options: { fix: { type: 'boolean', default: false } },
});

const cpp = ['binding', 'fault'].flatMap((folder) =>
  readdirSync(at(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => at(folder, name))
    .sort(),
);
/** Generated files are not formatted: a formatter would only make them differ from the output of the generator. */
const written = cpp.filter((file) => !/^(binding|fault).generated/.test(relative(root, file)));

/** Installs a missing LLVM tool, if that needs no interaction. @param {string} tool */
async function ensure(tool) {
  if (works(tool)) return;
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', tool];
  if (process.getuid?.() !== 0 || !works('apt-get')) {
    throw new ToolError(`${tool} is not installed: ${install.join(' ')}, or your system's equivalent.`);
  }
  const [command = '', ...args] = install;
  await run(command, ['update']);
  await run(command, args, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
}

async function clangFormat() {
  await ensure('clang-format');
  if (written.length > 0)
    await run('clang-format', [...(options.fix ? ['-i'] : ['--dry-run', '-Werror']), ...written]);
}

/** Checks two files at a time. A file is skipped if it was clean and neither it, nor a header, nor the rules have changed. */
async function clangTidy() {
  await ensure('clang-tidy');
  const memory = at('.cache', 'clang-tidy.json');
  /** @type {Record<string, string>} */
  const clean = existsSync(memory) ? JSON.parse(readFileSync(memory, 'utf8')) : {};
  const common = createHash('sha256');
  for (const file of [
    at('.clang-tidy'),
    at('CMakeLists.txt'),
    ...cpp.filter((name) => name.endsWith('.h')),
  ]) {
    common.update(readFileSync(file));
  }
  const shared = common.digest('hex');
  const queue = written.filter((file) => file.endsWith('.cc'));
  /** @type {string[]} */
  const complaints = [];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const name = relative(root, file);
      const state = createHash('sha256').update(shared).update(readFileSync(file)).digest('hex');
      if (clean[name] === state) continue;
      try {
        await run('clang-tidy', [
          '--quiet',
          '-p',
          at('build'),
          '--extra-arg=-Wno-unknown-warning-option',
          file,
        ]);
        clean[name] = state;
      } catch (error) {
        complaints.push(/** @type {Error} */ (error).message);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, cpus) }, worker));
  mkdirSync(at('.cache'), { recursive: true });
  writeFileSync(memory, JSON.stringify(clean, undefined, 1));
  if (complaints.length > 0) throw new ToolError(complaints.join('\n\n'));
}

/** @type {string | undefined} */
let tarball;
/** The package as npm would publish it, except for the prebuilds, which `npm publish` makes first. */
async function packed() {
  if (tarball) return tarball;
  const folder = at('.cache', 'pack');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { shell: isWindows });
  tarball = join(folder, readdirSync(folder)[0] ?? '');
  return tarball;
}

/** @type {Record<string, () => Promise<unknown>>} */
const linters = {
  biome: () => runBin('biome', ['check', '--error-on-warnings', ...(options.fix ? ['--write'] : []), '.']),
  tsc: () => runBin('tsc', ['-p', 'tsconfig.json', '--noEmit']),
  'tsc-check': () => runBin('tsc', ['-p', 'tsconfig.check.json']),
  levels: async () => checkLevels(),
  style: async () => checkStyle(),
  workflows: checkWorkflows,
  'clang-format': clangFormat,
  'clang-tidy': clangTidy,
  publint: async () => runBin('publint', ['run', '--strict', await packed()]),
  // node16: this package needs Node 20.19, which reads `exports`.
  attw: async () => runBin('attw', [await packed(), '--profile', 'node16', '--no-color']),
};

await runMain(async () => {
  const unknown = chosen.find((name) => !(name in linters));
  if (unknown) throw new ToolError(`${unknown}: not a linter. Linters: ${Object.keys(linters).join(', ')}`);
  ensureSetup('--no-softhsm');
  /** @type {string[]} */
  const failed = [];
  for (const [name, work] of Object.entries(linters)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    try {
      await step(name, work);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      process.stderr.write(`${error.message}\n\n`);
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new ToolError(`lint: ${failed.join(', ')} failed`);
});
