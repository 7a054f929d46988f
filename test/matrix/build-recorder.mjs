// @ts-check
// Compiles recorder.c for any target, with zig or another C compiler.
//
//   node test/matrix/build-recorder.mjs FOLDER NAME COMPILER [OPTION ...]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadSpec } from '../../scripts/generate/spec.mjs';
import { at, run } from '../../scripts/tools.mjs';

const source = at('test', 'matrix', 'recorder.c');

/**
 * @param {string} folder for the result
 * @param {string} name of the result
 * @param {string[]} compiler the command, for example zig cc -target x86_64-windows-gnu
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<string>} the path of the module
 */
export async function buildRecorder(folder, name, compiler, env = {}) {
  mkdirSync(folder, { recursive: true });
  const text = readFileSync(source, 'utf8');
  const own = new Set([...text.matchAll(/^(?:static|EXPORT) ulong (C_\w+)\(/gm)].map(([, name]) => name));
  const lines = loadSpec(at('spec')).functions.map(({ name }) =>
    own.has(name) ? `FUNCTION(${name})` : 'OTHER',
  );
  writeFileSync(join(folder, 'functions.inc'), `${lines.join('\n')}\n`);
  const file = join(folder, name);
  const [command = 'cc', ...args] = compiler;
  const options = [
    '-shared',
    '-O1',
    '-std=c11',
    '-Wall',
    '-Wextra',
    '-Wno-cast-function-type',
    `-I${folder}`,
  ];
  const linux = name.endsWith('.so') ? ['-fPIC', '-D_DEFAULT_SOURCE'] : [];
  await run(command, [...args, ...options, ...linux, '-o', file, source], { env });
  return file;
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const [folder = '', name = '', ...compiler] = process.argv.slice(2);
  console.log(await buildRecorder(resolve(folder), name, compiler));
}
