// @ts-check
// Builds the addon with sanitizers, beside the normal build, and runs the tests with it (Linux, g++).
//
//   node scripts/sanitize.mjs address,undefined [-- COMMAND ...]     default: vitest, except the test of the package
//   node scripts/sanitize.mjs thread [-- COMMAND ...]                default: node test/tsan/run.mjs
//
// COMMAND runs with CRYPTOKI_ADDON set to the instrumented addon. ASAN_OPTIONS and TSAN_OPTIONS are appended to ours, so
// ASAN_OPTIONS=detect_leaks=1 also detects leaks (for plain Node.js programs; vitest itself leaks at exit).

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readReports } from './sanitize/tsan-reports.mjs';
import { at, binPath, cpus, ensureSetup, run, runBin, runMain, step, ToolError, works } from './tools.mjs';

const kinds = {
  'address,undefined': {
    folder: 'build-asan',
    runtime: 'libasan.so',
    // Skips the test of the package, which packs and compiles the normal addon, and modules that need other programs,
    // because those would inherit the runtime of the sanitizer.
    command: () => [
      ...[process.execPath, binPath('vitest'), 'run', '--exclude', 'test/package/package.test.ts'],
      ...['--exclude', 'test/contract/{p11-kit,p11-kit-trust,opencryptoki,tpm2}.test.ts'],
      ...['--exclude', 'test/client/{recovery,group,healing}*.test.ts', '--exclude', 'test/cards/*.test.ts'],
      ...['--exclude', 'test/realms/*.test.ts'], // jest and vitest in processes of their own
      ...[
        '--exclude',
        'test/native-keys/{libraries,memory,nss}.test.ts',
        '--exclude',
        'test/package/bench.test.ts',
      ],
      // The sanitizer does not reuse freed memory.
      ...['--exclude', 'test/{model/operations/stream-memory,native-keys/handshakes}.test.ts'],
    ],
  },
  thread: {
    folder: 'build-tsan',
    runtime: 'libtsan.so',
    command: () => [process.execPath, at('test', 'tsan', 'run.mjs')],
  },
};

/** @param {...(string | undefined)} parts */
const joined = (...parts) => parts.filter(Boolean).join(':');

await runMain(async () => {
  const [kind = '', dashes, ...chosen] = process.argv.slice(2);
  if (!(kind in kinds) || (dashes !== undefined && dashes !== '--')) {
    throw new ToolError('usage: node scripts/sanitize.mjs address,undefined|thread [-- COMMAND ...]');
  }
  if (process.platform !== 'linux' || !works('g++')) throw new ToolError('This needs Linux and g++.');
  const { folder, runtime, command } = kinds[/** @type {keyof typeof kinds} */ (kind)];
  ensureSetup();

  await step(`building with -fsanitize=${kind}`, () =>
    runBin('cmake-js', [
      ...['build', '--out', at(folder), '--config', 'RelWithDebInfo', '--parallel', String(cpus)],
      ...['--prefer-gnu', `--CDCRYPTOKI_SANITIZE=${kind}`],
    ]),
  );
  // Node.js itself is not instrumented, so the runtime must be loaded before it.
  const preload = (await run('g++', [`-print-file-name=${runtime}`])).trim();
  if (!preload.startsWith('/')) throw new ToolError(`${runtime} is missing: install the sanitizers of g++.`);

  // TSan needs addresses that newer kernels use for randomised mappings, so randomisation is disabled if allowed.
  const fixed = ['setarch', process.arch === 'arm64' ? 'aarch64' : 'x86_64', '-R'];
  const prefix = kind === 'thread' && works('setarch', [...fixed.slice(1), 'true']) ? fixed : [];

  const logs = at('.cache', 'sanitize');
  rmSync(logs, { recursive: true, force: true });
  mkdirSync(logs, { recursive: true });
  const [program = '', ...args] = [...prefix, ...(chosen.length > 0 ? chosen : command())];
  const { ASAN_OPTIONS, LSAN_OPTIONS, TSAN_OPTIONS, UBSAN_OPTIONS } = process.env;
  const result = spawnSync(program, args, {
    cwd: at(),
    stdio: 'inherit',
    env: {
      ...process.env,
      CRYPTOKI_ADDON: at(folder, 'RelWithDebInfo', 'cryptoki.node'),
      LD_PRELOAD: preload,
      ASAN_OPTIONS: joined('detect_leaks=0', 'strict_string_checks=1', ASAN_OPTIONS),
      LSAN_OPTIONS: joined(
        `suppressions=${at('scripts/sanitize/lsan.supp')}:print_suppressions=0`,
        LSAN_OPTIONS,
      ),
      UBSAN_OPTIONS: joined('print_stacktrace=1', UBSAN_OPTIONS),
      // The exit code would include races of Node.js, so the reports are read below instead.
      TSAN_OPTIONS: joined(`log_path=${join(logs, 'tsan')}:exitcode=0:second_deadlock_stack=1`, TSAN_OPTIONS),
    },
  });
  if (result.error) throw new ToolError(`${program}: ${result.error.message}`);
  const { ours, others } = readReports(logs);
  for (const report of ours) process.stderr.write(`${report}\n`);
  if (others > 0) process.stderr.write(`${others} reports about Node itself left out: see ${logs}\n`);
  if (ours.length > 0) throw new ToolError(`${ours.length} reports of the thread sanitizer about this addon`);
  if (result.status !== 0) {
    throw new ToolError(`${[program, ...args].join(' ')}: ended with ${result.status ?? result.signal}`);
  }
});
