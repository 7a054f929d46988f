// @ts-check
// Reads what the dynamic linker of macOS sees of a 64-bit little-endian Mach-O file.

/** @typedef {import('./binary.mjs').Binary} Binary */

const MACHINES = /** @type {Record<number, Binary['machine']>} */ ({ 16777223: 'x64', 16777228: 'arm64' });
const COMMAND = {
  symbols: 0x2,
  library: 0xc,
  ownName: 0xd,
  signature: 0x1d,
  minimum: 0x24,
  buildVersion: 0x32,
  weakLibrary: 0x80000018,
  searchPath: 0x8000001c,
};
const STAB = 0xe0;
const PRIVATE_EXTERN = 0x10;
const TYPE = 0x0e;
const EXTERNAL = 0x01;
const WEAK_REFERENCE = 0x40;
/** The library number of a symbol that is looked up in the whole process. */
const DYNAMIC_LOOKUP = 0xfe;

/** @param {Buffer} file @param {number} offset a string that ends with NUL */
const text = (file, offset) => file.toString('utf8', offset, file.indexOf(0, offset));

/** @param {number} packed */
const version = (packed) => `${packed >>> 16}.${(packed >>> 8) & 0xff}`;

/** @param {Buffer} file @returns {Binary} */
export function readMachO(file) {
  /** @type {Binary} */
  const binary = {
    format: 'Mach-O',
    machine: MACHINES[file.readUInt32LE(4)],
    libraries: [],
    imports: [],
    exports: [],
    searchPaths: [],
    ownName: undefined,
    staysLoaded: false,
    isHardened: true,
    isSigned: false,
  };
  /** @type {number | undefined} */
  let table;
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left--) {
    const command = file.readUInt32LE(at);
    const string = () => text(file, at + file.readUInt32LE(at + 8));
    if (command === COMMAND.library || command === COMMAND.weakLibrary) binary.libraries.push(string());
    else if (command === COMMAND.ownName) binary.ownName = string();
    else if (command === COMMAND.searchPath) binary.searchPaths.push(string());
    else if (command === COMMAND.signature) binary.isSigned = true;
    else if (command === COMMAND.minimum) binary.minimum = version(file.readUInt32LE(at + 8));
    else if (command === COMMAND.buildVersion) binary.minimum = version(file.readUInt32LE(at + 12));
    else if (command === COMMAND.symbols) table = at;
    at += file.readUInt32LE(at + 4);
  }
  if (table === undefined) throw new Error('a Mach-O file without symbols');

  const symbols = file.readUInt32LE(table + 8);
  const strings = file.readUInt32LE(table + 16);
  for (let index = 0; index < file.readUInt32LE(table + 12); index++) {
    const entry = symbols + index * 16;
    const type = file[entry + 4] ?? 0;
    if ((type & STAB) !== 0 || (type & EXTERNAL) === 0) continue;
    const name = text(file, strings + file.readUInt32LE(entry)).replace(/^_/, ''); // C names begin with "_" in this format
    if ((type & TYPE) !== 0) {
      if ((type & PRIVATE_EXTERN) === 0) binary.exports.push(name);
      continue;
    }
    const description = file.readUInt16LE(entry + 6);
    const ordinal = description >> 8;
    const source = ordinal === DYNAMIC_LOOKUP ? undefined : binary.libraries[ordinal - 1];
    binary.imports.push({
      name,
      isWeak: (description & WEAK_REFERENCE) !== 0,
      ...(source === undefined ? {} : { source }),
    });
  }
  return binary;
}
