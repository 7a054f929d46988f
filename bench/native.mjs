// @ts-check
// Builds the native part of the bench if it is missing or outdated: the raw C loop and the null module.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, fingerprint, run, step } from '../scripts/tools.mjs';

const SOURCES = at('bench', 'native');
const BUILD = at('.cache', 'bench', 'native');
const STAMP = join(BUILD, 'stamp');

/** @param {string} name */
function built(name) {
  const places = [join(BUILD, name), join(BUILD, 'Release', name)]; // Visual Studio builds into a folder per configuration
  return places.find((place) => existsSync(place)) ?? join(BUILD, name);
}

export const rawLoop = () => built(process.platform === 'win32' ? 'raw-loop.exe' : 'raw-loop');

export const nullModule = () =>
  built({ win32: 'null-module.dll', darwin: 'null-module.so' }[String(process.platform)] ?? 'null-module.so');

export async function buildNative() {
  const now = fingerprint(SOURCES, at('binding', 'generated', 'pkcs11.h'));
  if (existsSync(rawLoop()) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === now) return;
  rmSync(BUILD, { recursive: true, force: true }); // CMake refuses a folder that was configured in another checkout
  mkdirSync(BUILD, { recursive: true });
  await step('building the raw C loop and the null module', async () => {
    await run('cmake', ['-S', SOURCES, '-B', BUILD, '-DCMAKE_BUILD_TYPE=Release']);
    await run('cmake', ['--build', BUILD, '--config', 'Release']);
  });
  writeFileSync(STAMP, now);
}
