// @ts-check
// Values for every field of every parameter structure, and the memory that they must become.

/** @typedef {import('./layout.mjs').Block} Block */
/** @typedef {import('./layout.mjs').Layout} Layout */

/** Bytes and numbers that differ from each other, so that an exchanged or shifted field is seen. */
export class Source {
  #next = 0;

  /** @param {number} size */
  bytes(size) {
    const first = this.#next;
    this.#next = (first + 7 * size) % 251;
    return Buffer.from(Array.from({ length: size }, (_, index) => ((first + 7 * index) % 251) + 1));
  }

  /** A number that needs all bytes of a CK_ULONG. @param {Layout} layout */
  ulong({ abi }) {
    this.#next += 13;
    const low = 0x80000000n + BigInt(this.#next);
    return abi.ulong === 8 ? 0x1122334400000000n | low : low;
  }
}

const IV_BITS = 128; // for fields whose length is in the surrounding structure
const AGREED = 64; // bytes of a field whose length the mechanism knows

/**
 * @param {Layout} layout @param {string} name @param {Source} source
 * @returns {{ value: Record<string, unknown>, block: Block }} an object for JavaScript, and its memory
 */
export function structure(layout, name, source) {
  const description = layout.structures.get(name);
  const fields = layout.fields[name] ?? [];
  const { offsets, size } = layout.of(name);
  /** @type {Record<string, unknown>} */
  const value = {};
  /** @type {Block} */
  const block = { bytes: Buffer.alloc(size), pointers: [] };
  const at = (/** @type {string} */ field) => offsets.get(field) ?? 0;
  const point = (/** @type {string} */ field, /** @type {Block | undefined} */ target) =>
    block.pointers.push({ offset: at(field), target });
  /** Length of the bytes whose length is in this field; several fields may share it. @param {string} field */
  const length = (field) => 5 + fields.findIndex((one) => one.name === field);

  for (const { name: field, js, kind, count, nested, length: lengthField, out } of description?.fields ??
    []) {
    const isOutput = out === true;
    switch (kind) {
      case 'Fixed': {
        value[js] = source.bytes(count);
        /** @type {Buffer} */ (value[js]).copy(block.bytes, at(field));
        break;
      }
      case 'Plain': {
        const bytes = source.bytes(count || AGREED);
        value[js] = Buffer.from(bytes);
        point(field, { bytes, pointers: [], isOutput });
        break;
      }
      case 'Bytes':
      case 'ByteBits': {
        const bytes = source.bytes(length(lengthField));
        value[js] = Buffer.from(bytes);
        point(field, { bytes, pointers: [], isOutput });
        layout.ulong(kind === 'Bytes' ? bytes.length : bytes.length * 8).copy(block.bytes, at(lengthField));
        break;
      }
      case 'BytesPointer': {
        const bytes = source.bytes(length(lengthField));
        value[js] = Buffer.from(bytes);
        point(field, { bytes, pointers: [], isOutput });
        point(lengthField, { bytes: layout.ulong(bytes.length), pointers: [] });
        break;
      }
      case 'ParentBits': // an output only, at first zero
        point(field, { bytes: Buffer.alloc(IV_BITS / 8), pointers: [], isOutput });
        break;
      case 'BitsOf':
      case 'Ulong': {
        const number = js === 'ivSizeInBits' ? BigInt(IV_BITS) : source.ulong(layout);
        value[js] = number;
        layout.ulong(number).copy(block.bytes, at(field));
        break;
      }
      case 'Handle': {
        if (isOutput) break;
        value[js] = source.ulong(layout);
        layout.ulong(/** @type {bigint} */ (value[js])).copy(block.bytes, at(field));
        break;
      }
      case 'Byte': {
        value[js] = block.bytes[at(field)] = source.bytes(1)[0] ?? 0;
        break;
      }
      case 'Boolean': {
        value[js] = true;
        block.bytes[at(field)] = 1;
        break;
      }
      case 'Version': {
        const [major = 0, minor = 0] = source.bytes(2);
        value[js] = { major, minor };
        block.bytes.set([major, minor], at(field));
        break;
      }
      case 'VersionPointer': {
        const [major = 0, minor = 0] = source.bytes(2);
        value[js] = { major, minor };
        point(field, { bytes: Buffer.from([major, minor]), pointers: [], isOutput });
        break;
      }
      case 'HandlePointer':
        point(field, { bytes: layout.ulong(0), pointers: [], isOutput });
        break;
      case 'CString':
        value[js] = 'grüße';
        point(field, { bytes: Buffer.from('grüße\0'), pointers: [] });
        break;
      case 'Mechanism': {
        const mechanism = 0x80000001 + field.length;
        value[js] = { mechanism };
        point(field, layout.mechanism(mechanism, undefined));
        break;
      }
      case 'Template': {
        value[js] = [{ type: 3, value: 'label' }];
        point(field, layout.attributes([{ type: 3, value: { bytes: Buffer.from('label'), pointers: [] } }]));
        layout.ulong(1).copy(block.bytes, at(lengthField));
        break;
      }
      case 'Any': {
        const inner = structure(layout, 'CK_SP800_108_COUNTER_FORMAT', source);
        value[js] = { structure: 'CK_SP800_108_COUNTER_FORMAT', ...inner.value };
        point(field, inner.block);
        layout.ulong(inner.block.bytes.length).copy(block.bytes, at(lengthField));
        break;
      }
      case 'Nested': {
        const inner = structure(layout, nested, source);
        value[js] = inner.value;
        inner.block.bytes.copy(block.bytes, at(field));
        for (const { offset, target } of inner.block.pointers)
          block.pointers.push({ offset: at(field) + offset, target });
        break;
      }
      case 'Pointer': {
        const inner = structure(layout, nested, source);
        value[js] = inner.value;
        point(field, { ...inner.block, isOutput });
        break;
      }
      case 'Array': {
        const items = [structure(layout, nested, source), structure(layout, nested, source)];
        value[js] = items.map((item) => item.value);
        const { size: step } = layout.of(nested);
        point(field, {
          bytes: Buffer.concat(items.map((item) => item.block.bytes)),
          pointers: items.flatMap((item, index) =>
            item.block.pointers.map(({ offset, target }) => ({ offset: index * step + offset, target })),
          ),
        });
        layout.ulong(items.length).copy(block.bytes, at(lengthField));
        break;
      }
      default:
        throw new RangeError(`${name}.${field}: no value for the kind ${kind}`);
    }
  }
  return { value, block };
}

const inverted = (/** @type {Buffer} */ bytes) => Buffer.from(bytes.map((one) => ~one & 0xff));

/**
 * Fields that the module has changed, as JavaScript must see them afterwards.
 * @param {Layout} layout @param {string} name @param {Block} block the memory before @param {boolean} [isOutput]
 * @returns {Record<string, unknown>}
 */
export function outputs(layout, name, block, isOutput = false) {
  const { offsets } = layout.of(name);
  /** @type {Record<string, unknown>} */
  const result = {};
  const read = (/** @type {Buffer} */ bytes) =>
    inverted(bytes).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  for (const { name: field, js, kind, nested, out } of layout.structures.get(name)?.fields ?? []) {
    const offset = offsets.get(field) ?? 0;
    const target = block.pointers.find((pointer) => pointer.offset === offset)?.target;
    if (kind === 'Nested') {
      const { size } = layout.of(nested);
      const inner = {
        bytes: block.bytes.subarray(offset, offset + size),
        pointers: block.pointers.map((one) => ({ ...one, offset: one.offset - offset })),
      };
      const found = outputs(layout, nested, inner, isOutput);
      if (Object.keys(found).length > 0) result[js] = found;
    } else if (kind === 'Array' && target) {
      const { size } = layout.of(nested);
      const items = Array.from({ length: target.bytes.length / size }, (_, index) =>
        outputs(layout, nested, {
          bytes: target.bytes.subarray(index * size, (index + 1) * size),
          pointers: target.pointers
            .filter((one) => one.offset >= index * size && one.offset < (index + 1) * size)
            .map((one) => ({ ...one, offset: one.offset - index * size })),
        }),
      );
      if (items.some((item) => Object.keys(item).length > 0)) result[js] = items;
    } else if (out !== true) {
    } else if (kind === 'Handle' && isOutput) {
      result[js] = read(block.bytes.subarray(offset, offset + layout.abi.ulong));
    } else if (target && kind === 'Pointer') {
      result[js] = outputs(layout, nested, target, true);
    } else if (target && kind === 'HandlePointer') {
      result[js] = read(target.bytes);
    } else if (target && kind === 'VersionPointer') {
      const [major, minor] = inverted(target.bytes);
      result[js] = { major, minor };
    } else if (target) {
      result[js] = inverted(target.bytes);
    }
  }
  return result;
}
