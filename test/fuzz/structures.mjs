// @ts-check
// Parameter structures with random fields, from spec/structures.json, as for the tables of the native code.
import { loadSpec } from '../../scripts/generate/spec.mjs';
import { at } from '../../scripts/tools.mjs';

/** @typedef {import('./random.mjs').Random} Random */

/**
 * @typedef {object} Field
 * @property {string} js name in JavaScript
 * @property {string} kind
 * @property {number} [count]
 * @property {string} [nested]
 * @property {string} [base]
 * @property {boolean} [out]
 *
 * @typedef {{ name: string, complete: boolean, fields: Field[] }} Structure
 */

/** Structures of the specification that are not parameters. */
const OTHER = new Set([
  ...['CK_ATTRIBUTE', 'CK_DATE', 'CK_VERSION', 'CK_INFO', 'CK_MECHANISM', 'CK_MECHANISM_INFO'],
  ...['CK_SESSION_INFO', 'CK_SLOT_INFO', 'CK_TOKEN_INFO'],
]);

/** @type {Structure[]} */
const all = loadSpec(at('spec')).structures;

/** @type {ReadonlyMap<string, Structure>} */
export const STRUCTURES = new Map(
  all.filter(({ name, complete }) => complete && !OTHER.has(name)).map((each) => [each.name, each]),
);

/** Optional fields. */
export const OPTIONAL = new Set([
  ...['Bytes', 'ByteBits', 'BitsOf', 'BytesPointer', 'Plain', 'ParentBits', 'Pointer', 'Array', 'Template'],
  ...['Mechanism', 'VersionPointer', 'HandlePointer', 'CString', 'Any'],
]);

/**
 * A valid value for a field. @param {Random} random @param {Field} field
 * @returns {unknown}
 */
export function fieldValue(random, { js, kind, count = 0, nested = '' }) {
  if (js === 'ivSizeInBits') return random.pick([0, 1, 16, 128, 2n, 8192]); // it is limited
  switch (kind) {
    case 'Fixed':
      return random.bytes(count);
    case 'Plain':
      return random.bytes(count > 0 ? count : 64);
    case 'Bytes':
    case 'ByteBits':
    case 'BytesPointer':
      return random.bytes(random.pick([0, 1, 16, 64]));
    case 'BitsOf':
      return random.pick([96, 0, 128]);
    case 'ParentBits':
      return undefined;
    case 'Ulong':
      return random.pick([0, 1, 16, 128, 2n, 2 ** 32 - 1]);
    case 'Byte':
      return random.below(256);
    case 'Boolean':
      return random.chance(0.5);
    case 'Handle':
    case 'HandlePointer':
      return random.pick([0n, 1n, 2n ** 63n]);
    case 'Version':
    case 'VersionPointer':
      return { major: random.below(256), minor: random.below(256) };
    case 'Text':
      return '';
    case 'CString':
      return random.pick(['', 'text', 'grüße']);
    case 'Template':
      return [{ type: 3, value: 'label' }];
    case 'Mechanism':
      return { mechanism: random.below(1000) };
    case 'Any':
      return random.pick([
        random.bytes(8),
        4,
        5n,
        { structure: 'CK_AES_CTR_PARAMS', counterBits: 8, cb: random.bytes(16) },
      ]);
    case 'Nested':
    case 'Pointer':
      return structureFor(random, nested, false);
    case 'Array':
      return Array.from({ length: random.below(4) }, () => structureFor(random, nested, false));
    default:
      throw new RangeError(`no values for fields of the kind ${kind}: see structures.mjs`);
  }
}

/**
 * An object with the fields of a structure; optional ones are sometimes left out.
 * @param {Random} random @param {string} name @param {boolean} [named] true: the object names its structure
 * @returns {Record<string, unknown>}
 */
export function structureFor(random, name, named = true) {
  const structure = STRUCTURES.get(name);
  if (structure === undefined) return named ? { structure: name } : {};
  /** @type {Record<string, unknown>} */
  const result = named ? { structure: name } : {};
  for (const field of structure.fields) {
    if (OPTIONAL.has(field.kind) && random.chance(0.2)) continue;
    const value = fieldValue(random, field);
    if (value !== undefined) result[field.js] = value;
  }
  return result;
}
