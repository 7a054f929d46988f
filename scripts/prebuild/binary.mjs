// @ts-check
// The properties of a compiled file that a dynamic linker uses, in any of the three formats.

import { readFileSync } from 'node:fs';
import { readElf } from './elf.mjs';
import { readMachO } from './macho.mjs';
import { readPe } from './pe.mjs';

/**
 * @typedef {object} Import
 * @property {string} name
 * @property {string} [source] the library, or on Linux the version of the library, that must have it
 * @property {boolean} isWeak true if the file loads without it
 */
/**
 * @typedef {object} Binary
 * @property {'ELF' | 'Mach-O' | 'PE'} format
 * @property {'x64' | 'arm64' | undefined} machine undefined for all others
 * @property {string[]} libraries that are loaded with the file
 * @property {Import[]} imports
 * @property {string[]} exports
 * @property {string[]} searchPaths places in which libraries are looked for
 * @property {string | undefined} ownName
 * @property {boolean} staysLoaded ELF: true if the linker never unloads the file
 * @property {boolean} isHardened false if memory is writable and executable, or addresses are fixed
 * @property {string} [minimum] Mach-O: the oldest macOS
 * @property {boolean} [isSigned] Mach-O
 */

/** @param {string} path @returns {Binary} */
export function readBinary(path) {
  const file = readFileSync(path);
  if (file.length < 1024) throw new Error('not a compiled file');
  if (file.readUInt32BE(0) === 0x7f454c46) return readElf(file);
  if (file.readUInt32LE(0) === 0xfeedfacf) return readMachO(file);
  if (file.readUInt16BE(0) === 0x4d5a) return readPe(file);
  throw new Error('not a compiled file');
}
