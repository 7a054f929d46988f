// @ts-check
// Reads what the loader of Windows sees of a 64-bit PE file.

/** @typedef {import('./binary.mjs').Binary} Binary */

const MACHINES = /** @type {Record<number, Binary['machine']>} */ ({ 34404: 'x64', 43620: 'arm64' });
const DIRECTORY = { exports: 0, imports: 1, delayed: 13 };
/** High-entropy addresses, relocatable, no execution of data. */
const HARDENED = 0x0020 | 0x0040 | 0x0100;

/** @param {Buffer} file @param {number} offset a string that ends with NUL */
const text = (file, offset) => file.toString('latin1', offset, file.indexOf(0, offset));

/** @param {Buffer} file @returns {Binary} */
export function readPe(file) {
  const header = file.readUInt32LE(0x3c);
  if (file.toString('latin1', header, header + 4) !== 'PE\0\0') throw new Error('a DOS program');
  const optional = header + 24;
  if (file.readUInt16LE(optional) !== 0x20b) throw new Error('a PE file that is not 64-bit');
  const sections = Array.from({ length: file.readUInt16LE(header + 6) }, (_, index) => {
    const at = optional + file.readUInt16LE(header + 20) + index * 40;
    return {
      address: file.readUInt32LE(at + 12),
      size: Math.max(file.readUInt32LE(at + 8), file.readUInt32LE(at + 16)),
      offset: file.readUInt32LE(at + 20),
    };
  });
  /** The position in the file of an address in memory. @param {number} address */
  const position = (address) => {
    const section = sections.find((one) => address >= one.address && address < one.address + one.size);
    if (!section) throw new Error('a PE file with an address outside of its sections');
    return address - section.address + section.offset;
  };
  const directory = (/** @type {number} */ index) => file.readUInt32LE(optional + 112 + index * 8);

  /** @type {Binary} */
  const binary = {
    format: 'PE',
    machine: MACHINES[file.readUInt16LE(header + 4)],
    libraries: [],
    imports: [],
    exports: [],
    searchPaths: [],
    ownName: undefined,
    staysLoaded: false,
    isHardened: (file.readUInt16LE(optional + 70) & HARDENED) === HARDENED,
  };

  /** Reads the names of a table of imports. @param {string} source @param {number} table @param {boolean} isWeak */
  const readNames = (source, table, isWeak) => {
    for (let at = position(table); file.readBigUInt64LE(at) !== 0n; at += 8) {
      const value = file.readBigUInt64LE(at);
      const name = value >> 63n === 1n ? `#${value & 0xffffn}` : text(file, position(Number(value)) + 2);
      binary.imports.push({ name, source, isWeak });
    }
  };
  if (directory(DIRECTORY.imports) !== 0) {
    for (let at = position(directory(DIRECTORY.imports)); file.readUInt32LE(at + 12) !== 0; at += 20) {
      const library = text(file, position(file.readUInt32LE(at + 12)));
      binary.libraries.push(library);
      readNames(library, file.readUInt32LE(at) || file.readUInt32LE(at + 16), false);
    }
  }
  if (directory(DIRECTORY.delayed) !== 0) {
    for (let at = position(directory(DIRECTORY.delayed)); file.readUInt32LE(at + 4) !== 0; at += 32) {
      readNames(text(file, position(file.readUInt32LE(at + 4))), file.readUInt32LE(at + 16), true);
    }
  }
  if (directory(DIRECTORY.exports) !== 0) {
    const at = position(directory(DIRECTORY.exports));
    binary.ownName = text(file, position(file.readUInt32LE(at + 12)));
    const names = position(file.readUInt32LE(at + 32));
    for (let index = 0; index < file.readUInt32LE(at + 24); index++) {
      binary.exports.push(text(file, position(file.readUInt32LE(names + index * 4))));
    }
  }
  return binary;
}
