// @ts-check
// Reads what the dynamic linker of Linux sees of a 64-bit little-endian ELF file.

/** @typedef {import('./binary.mjs').Binary} Binary */

const MACHINES = /** @type {Record<number, Binary['machine']>} */ ({ 62: 'x64', 183: 'arm64' });
const SECTION = { dynamic: 6, symbols: 11, needs: 0x6ffffffe, versions: 0x6fffffff };
const TAG = { needed: 1, soname: 14, rpath: 15, textRelocations: 22, runpath: 29, flags1: 0x6ffffffb };
const STACK_SEGMENT = 0x6474e551;
const NODELETE = 8;
const EXECUTABLE = 1;

/** @param {Buffer} file @param {number} offset a string that ends with NUL */
const text = (file, offset) => file.toString('latin1', offset, file.indexOf(0, offset));

/** @param {Buffer} file @returns {{ type: number, link: number, offset: number, size: number, count: number }[]} */
function sectionsOf(file) {
  const start = Number(file.readBigUInt64LE(0x28));
  const size = file.readUInt16LE(0x3a);
  return Array.from({ length: file.readUInt16LE(0x3c) }, (_, index) => {
    const at = start + index * size;
    return {
      type: file.readUInt32LE(at + 4),
      offset: Number(file.readBigUInt64LE(at + 0x18)),
      size: Number(file.readBigUInt64LE(at + 0x20)),
      link: file.readUInt32LE(at + 0x28),
      count: file.readUInt32LE(at + 0x2c),
    };
  });
}

/** Versions that the file needs of its libraries, such as GLIBC_2.17, by their index. @param {Buffer} file */
function versionsOf(file, /** @type {ReturnType<typeof sectionsOf>} */ sections) {
  /** @type {Map<number, string>} */
  const versions = new Map();
  const needs = sections.find(({ type }) => type === SECTION.needs);
  const strings = needs && sections[needs.link];
  if (!needs || !strings) return versions;
  let at = needs.offset;
  for (let file_ = 0; file_ < needs.count; file_++) {
    let entry = at + file.readUInt32LE(at + 8);
    for (let left = file.readUInt16LE(at + 2); left > 0; left--) {
      versions.set(file.readUInt16LE(entry + 6), text(file, strings.offset + file.readUInt32LE(entry + 8)));
      entry += file.readUInt32LE(entry + 12);
    }
    at += file.readUInt32LE(at + 12);
  }
  return versions;
}

/** @param {Buffer} file @returns {Binary} */
export function readElf(file) {
  if (file[4] !== 2 || file[5] !== 1) throw new Error('an ELF file that is not 64-bit little-endian');
  const sections = sectionsOf(file);
  const dynamic = sections.find(({ type }) => type === SECTION.dynamic);
  const symbols = sections.find(({ type }) => type === SECTION.symbols);
  const strings = symbols && sections[symbols.link];
  if (!dynamic || !symbols || !strings) throw new Error('an ELF file without dynamic symbols');

  /** @type {[tag: number, value: number][]} */
  const tags = Array.from({ length: dynamic.size / 16 }, (_, index) => {
    const at = dynamic.offset + index * 16;
    return [Number(file.readBigUInt64LE(at)), Number(file.readBigUInt64LE(at + 8))];
  });
  const valuesOf = (/** @type {number} */ tag) =>
    tags.filter(([one]) => one === tag).map(([, value]) => value);
  const stringsOf = (/** @type {number} */ tag) =>
    valuesOf(tag).map((value) => text(file, strings.offset + value));

  const versions = versionsOf(file, sections);
  const versionTable = sections.find(({ type }) => type === SECTION.versions);
  const names = Array.from({ length: symbols.size / 24 }, (_, index) => {
    const at = symbols.offset + index * 24;
    const version = versionTable && versions.get(file.readUInt16LE(versionTable.offset + index * 2) & 0x7fff);
    return {
      name: text(file, strings.offset + file.readUInt32LE(at)),
      isWeak: (file[at + 4] ?? 0) >> 4 === 2,
      isImport: file.readUInt16LE(at + 6) === 0,
      ...(version === undefined ? {} : { source: version }),
    };
  }).filter(({ name }) => name !== '');

  const start = Number(file.readBigUInt64LE(0x20));
  const isStackExecutable = Array.from(
    { length: file.readUInt16LE(0x38) },
    (_, index) => start + index * 56,
  ).some((at) => file.readUInt32LE(at) === STACK_SEGMENT && (file.readUInt32LE(at + 4) & EXECUTABLE) !== 0);
  return {
    format: 'ELF',
    machine: MACHINES[file.readUInt16LE(0x12)],
    libraries: stringsOf(TAG.needed),
    imports: names.filter(({ isImport }) => isImport),
    exports: names.filter(({ isImport }) => !isImport).map(({ name }) => name),
    searchPaths: [...stringsOf(TAG.rpath), ...stringsOf(TAG.runpath)],
    ownName: stringsOf(TAG.soname)[0],
    staysLoaded: valuesOf(TAG.flags1).some((flags) => (flags & NODELETE) !== 0),
    isHardened: !isStackExecutable && valuesOf(TAG.textRelocations).length === 0,
  };
}
