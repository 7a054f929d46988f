// @ts-check
// prebuildify can only call node-gyp. This script accepts node-gyp's command line (rebuild --arch=x64 --release ...) and
// runs cmake-js, which builds below the current folder, chosen by scripts/prebuild.mjs.

const { spawnSync } = require('node:child_process');
const { join, resolve } = require('node:path');

const root = resolve(__dirname, '..');
const cmakeJs = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
const arch = process.argv.find((argument) => argument.startsWith('--arch='))?.slice('--arch='.length);

const args = ['build', '--directory', root, '--out', join(process.cwd(), 'build')];
if (arch) args.push('--arch', arch);
const toolchain = process.env.CRYPTOKI_TOOLCHAIN_FILE;
if (toolchain) args.push(`--CDCMAKE_TOOLCHAIN_FILE=${toolchain}`, '--CDCRYPTOKI_PRECOMPILED_HEADERS=ON');

// Prints the output only if the build fails.
const result = spawnSync(process.execPath, [cmakeJs, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
if (result.status !== 0)
  process.stderr.write(`\n${result.stdout}${result.stderr}${result.error?.message ?? ''}\n`);
process.exitCode = result.status ?? 1;
