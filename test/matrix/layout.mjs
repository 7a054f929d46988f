// @ts-check
// The bytes of PKCS#11 structures in memory, computed from spec/ for a size of CK_ULONG and a packing, without a compiler.
import { FUNCTION_TYPES, loadSpec } from '../../scripts/generate/spec.mjs';

/** @typedef {{ ulong: 4 | 8, isPacked: boolean }} Abi */
/**
 * Memory with pointers: `bytes` has zeros in their places.
 * @typedef {object} Block
 * @property {Buffer} bytes
 * @property {{ offset: number, target: Block | undefined }[]} pointers undefined for a null pointer
 * @property {boolean} [isOutput] the module changes it
 */

/** @type {Abi} */
export const ABI =
  process.platform === 'win32' ? { ulong: 4, isPacked: true } : { ulong: 8, isPacked: false };

const POINTER = 8;
const BYTES = new Set(['CK_BYTE', 'CK_CHAR', 'CK_UTF8CHAR', 'CK_BBOOL']);

/** @typedef {{ name: string, type: string, base: string, pointer: boolean, count?: number }} RawField */

export class Layout {
  /** @param {string} folder spec/ @param {Abi} abi */
  constructor(folder, abi) {
    const { fields, structures } = loadSpec(folder);
    /** @type {Record<string, RawField[]>} */
    this.fields = fields;
    /** @type {Map<string, { name: string, complete: boolean, fields: any[] }>} */
    this.structures = new Map(structures.map((/** @type {any} */ one) => [one.name, one]));
    this.abi = abi;
  }

  /** Size and alignment of one element of a field. @param {RawField} field */
  sizeOf({ base, pointer }) {
    const { ulong, isPacked } = this.abi;
    if (pointer || base in FUNCTION_TYPES) return { size: POINTER, align: isPacked ? 1 : POINTER };
    if (BYTES.has(base)) return { size: 1, align: 1 };
    if (this.fields[base]) {
      const { size, align } = this.of(base);
      return { size, align };
    }
    return { size: ulong, align: isPacked ? 1 : ulong };
  }

  /** Offsets of the fields of a structure, its size and alignment. @param {string} name */
  of(name) {
    /** @type {Map<string, number>} */
    const offsets = new Map();
    let [end, widest] = [0, 1];
    for (const field of this.fields[name] ?? []) {
      const { size, align } = this.sizeOf(field);
      end = Math.ceil(end / align) * align;
      offsets.set(field.name, end);
      end += size * (field.count ?? 1);
      widest = Math.max(widest, align);
    }
    return { offsets, size: Math.ceil(end / widest) * widest, align: widest };
  }

  /** @param {number | bigint} value */
  ulong(value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes.subarray(0, this.abi.ulong);
  }

  /** Attributes in an array. @param {{ type: number | bigint, value: Block | undefined }[]} attributes @returns {Block} */
  attributes(attributes) {
    const { offsets, size } = this.of('CK_ATTRIBUTE');
    const block = {
      bytes: Buffer.alloc(size * attributes.length),
      pointers: /** @type {Block['pointers']} */ ([]),
    };
    for (const [index, { type, value }] of attributes.entries()) {
      const at = (/** @type {string} */ field) => index * size + (offsets.get(field) ?? 0);
      this.ulong(type).copy(block.bytes, at('type'));
      this.ulong(value?.bytes.length ?? 0).copy(block.bytes, at('ulValueLen'));
      block.pointers.push({ offset: at('pValue'), target: value });
    }
    return block;
  }

  /** @param {number | bigint} type @param {Block | undefined} parameter @returns {Block} */
  mechanism(type, parameter) {
    const { offsets, size } = this.of('CK_MECHANISM');
    const bytes = Buffer.alloc(size);
    this.ulong(type).copy(bytes, offsets.get('mechanism'));
    this.ulong(parameter?.bytes.length ?? 0).copy(bytes, offsets.get('ulParameterLen'));
    return { bytes, pointers: [{ offset: offsets.get('pParameter') ?? 0, target: parameter }] };
  }
}

/** The program by which recorder.c reads the memory. @param {Block} block @returns {Buffer} */
export function programFor({ bytes, pointers, isOutput = false }) {
  const head = Buffer.alloc(7);
  head.writeUInt32LE(bytes.length);
  head.writeUInt8(isOutput ? 1 : 0, 4);
  head.writeUInt16LE(pointers.length, 5);
  const parts = pointers.flatMap(({ offset, target }) => {
    const pointer = Buffer.alloc(5);
    pointer.writeUInt32LE(offset);
    pointer.writeUInt8(target ? 1 : 0, 4);
    return target ? [pointer, programFor(target)] : [pointer];
  });
  return Buffer.concat([head, ...parts]);
}

/** The memory that recorder.c records. @param {Block} block @returns {Buffer} */
export function recordOf({ bytes, pointers }) {
  const parts = pointers.map(({ target }) =>
    target ? Buffer.concat([Buffer.from([1]), recordOf(target)]) : Buffer.from([0]),
  );
  return Buffer.concat([bytes, ...parts]);
}
