// @ts-check
// A JavaScript runtime on musl. npm has no Node.js for musl, but Bun, which needs the C++ library of a musl system. It is made
// here of the parts that Bun uses, from the static library of the system's g++: a crutch for tests only.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, run, works } from '../tools.mjs';
import { install, Skipped } from './legs.mjs';

const SHIM = `#include <stdint.h>
/* Symbols of glibc that the static library needs. */
__attribute__((visibility("hidden"))) void *__dso_handle = &__dso_handle;
char __libc_single_threaded = 0;
int _dl_find_object(void *address, void *result) { (void)address; (void)result; return -1; }
long syscall(long number, ...);
uint32_t arc4random(void) { uint32_t value = 0; syscall(318, &value, sizeof value, 0); return value; }
`;

/** Symbols that a program takes from a C++ library. @param {string} program @param {string} libc */
async function neededSymbols(program, libc) {
  const [imports, relocations, provided] = await Promise.all([
    run('nm', ['-D', '--undefined-only', program]),
    run('readelf', ['-rW', program]),
    run('nm', ['-D', '--defined-only', libc]),
  ]);
  const known = new Set(provided.split('\n').map((line) => line.trim().split(/\s+/).at(-1)));
  const wanted = new Set(imports.split('\n').map((line) => line.trim().split(/\s+/).at(-1)));
  for (const [, symbol] of relocations.matchAll(/R_X86_64_COPY\s+\S+\s+([^\s@]+)/g)) wanted.add(symbol);
  return [...wanted].filter(
    (symbol) =>
      symbol && !known.has(symbol) && /^(_Z|__cxa_(?!thread_atexit_impl)|__once|__dynamic)/.test(symbol),
  );
}

/** @param {string} bun version @returns {Promise<import('./legs.mjs').Host>} */
export async function muslHost(bun) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Skipped('it needs Linux on x64');
  const loader = readdirSync('/lib').find((name) => /^ld-musl-x86_64\.so/.test(name));
  if (loader === undefined) throw new Skipped('it needs the package musl: apt-get install musl');
  if (!works('g++')) throw new Skipped('it needs g++');
  const libc = join('/lib', loader);
  const program = join(
    await install('bun-musl', [`@oven/bun-linux-x64-musl@${bun}`]),
    '@oven/bun-linux-x64-musl/bin/bun',
  );
  const folder = at('.cache', 'bun-musl', 'lib');
  const library = join(folder, 'libstdc++.so.6');
  if (!existsSync(library)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'shim.c'), SHIM);
    const object = join(folder, 'shim.o');
    await run('gcc', ['-c', '-fPIC', '-o', object, join(folder, 'shim.c')]);
    const archives = await Promise.all(
      ['libstdc++.a', 'libgcc_eh.a', 'libgcc.a'].map(async (name) =>
        (await run('g++', [`-print-file-name=${name}`])).trim(),
      ),
    );
    const symbols = (await neededSymbols(program, libc)).map((symbol) => `-Wl,-u,${symbol}`);
    const options = ['-shared', '-nostdlib', '-Wl,-soname,libstdc++.so.6', '-Wl,--gc-sections'];
    await run('gcc', [...options, '-o', library, ...symbols, object, ...archives]);
  }
  return { command: [libc, program], env: { LD_LIBRARY_PATH: folder } };
}
