// @ts-check
// Prepares everything that the tests and programs need; each step runs only if it is necessary. npm runs this script
// before `npm test` and `npm start`, so a fresh clone needs no other command.
//
//   node scripts/setup.mjs [--no-softhsm]

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { ensureSoftHSM, findSoftHSM } from './softhsm.mjs';
import {
  at,
  cpus,
  exclusively,
  fingerprint,
  isWindows,
  root,
  run,
  runBin,
  runMain,
  step,
  ToolError,
} from './tools.mjs';

/**
 * @typedef {object} Step
 * @property {string} what
 * @property {() => boolean} isDone
 * @property {() => Promise<unknown>} work
 */

const installed = at('node_modules', '.package-lock.json');

/** True if every package of the lock file is installed in that version. `git pull` changes modification times. */
function dependenciesMatch() {
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const want = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(
    ([path, wanted]) =>
      path === '' || (path in have ? have[path].version === wanted.version : wanted.optional),
  );
}

/**
 * A step that runs again if one of its inputs differs from its state at the start of the last successful run. It compares
 * fingerprints instead of modification times: copies and archives contain older files, and a removed file has no time.
 * @param {string} what @param {string} result @param {string[]} inputs @param {() => Promise<unknown>} work
 * @returns {Step}
 */
function build(what, result, inputs, work) {
  const stamp = at('.cache', `${basename(result)}.stamp`);
  return {
    what,
    isDone: () =>
      existsSync(result) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint(...inputs),
    async work() {
      const before = fingerprint(...inputs);
      await work();
      writeFileSync(stamp, before);
    },
  };
}

async function compileAddon() {
  const missing = createRequire(import.meta.url)('./cryptoki-build.cjs').missingTools();
  if (missing) throw new ToolError(missing);
  // CMake refuses a folder that was configured elsewhere, for example in a checkout that was moved or copied.
  const cache = at('build', 'CMakeCache.txt');
  const home =
    existsSync(cache) && /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  if (home && home !== root.replaceAll('\\', '/')) rmSync(at('build'), { recursive: true });
  await runBin('cmake-js', ['build', '--parallel', String(cpus)]);
}

/** Compiles beside dist/ and then renames: files of removed sources vanish, and dist/ stays usable until then. */
async function compileLibrary() {
  const fresh = at('dist.new');
  rmSync(fresh, { recursive: true, force: true });
  await runBin('tsc', ['-p', 'tsconfig.json', '--outDir', fresh]);
  await run(process.execPath, [at('scripts', 'facade.mjs'), fresh]);
  await run(process.execPath, [at('scripts', 'bundle.mjs'), fresh]);
  rmSync(at('dist'), { recursive: true, force: true });
  renameSync(fresh, at('dist'));
}

/** @type {Step[]} */
const steps = [
  {
    what: 'installing dependencies',
    isDone: dependenciesMatch,
    work: () => run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { shell: isWindows }),
  },
  build(
    'compiling the native addon and the fault module',
    at('build', 'Release', 'cryptoki.node'),
    [at('binding'), at('fault'), at('CMakeLists.txt'), at('cmake'), installed],
    compileAddon,
  ),
  build(
    'compiling the library',
    at('dist', 'raw', 'index.mjs'),
    [
      at('lib'),
      at('tsconfig.json'),
      at('package.json'),
      at('scripts', 'facade.mjs'),
      at('scripts', 'bundle.mjs'),
      installed,
    ],
    compileLibrary,
  ),
];
if (!process.argv.includes('--no-softhsm')) {
  steps.push({
    what: 'getting SoftHSM2, the soft token of the tests and the demonstration',
    isDone: () => findSoftHSM() !== undefined,
    work: () => ensureSoftHSM(),
  });
}

await runMain(async () => {
  if (steps.every(({ isDone }) => isDone())) return;
  mkdirSync(at('.cache'), { recursive: true });
  await exclusively(async () => {
    for (const { what, isDone, work } of steps) if (!isDone()) await step(what, work);
  });
});
