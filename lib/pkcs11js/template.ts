import { isDate } from '../core/realms';
import { ATTRIBUTES } from '../generated/attributes';
import { CKA } from '../generated/constants';
import type { RawAttribute, RawAttributeResult } from '../raw/values';
import { bytesOf, fromUlong, integer, ULONG_SIZE, wrongType } from './arguments';
import { returned } from './errors';

/** Templates: arrays of { type, value }. The JavaScript type of a value determines its bytes, whatever the attribute is. */

const TEMPLATES: ReadonlySet<number> = new Set(
  Object.values(ATTRIBUTES).flatMap(({ type, kind }) => (kind === 'template' ? [type] : [])),
);

const wrongElement = (position: number, expected: string): TypeError =>
  new TypeError(`Element ${position} has wrong type. ${expected}`);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

function readType(value: unknown, position: number): number | bigint {
  const { type } = isObject(value) ? value : {};
  if (typeof type !== 'number' && typeof type !== 'bigint') {
    throw wrongElement(position, "Property 'type' should be a Number");
  }
  const number = integer(type);
  if (number === undefined) {
    throw new RangeError(`Element ${position} is out of range. Property 'type' should be an integer`);
  }
  return number;
}

function readDate(type: number | bigint, value: unknown): Buffer {
  const wrongDate = (problem: string): TypeError =>
    new TypeError(
      `Attribute with type 0x${type.toString(16).padStart(8, '0')} is not convertible to CK_DATE. ${problem}`,
    );
  if (value === undefined || value === null) return Buffer.alloc(0);
  if (isDate(value)) {
    if (Number.isNaN(value.getTime())) throw wrongDate('The date is invalid.');
    return Buffer.from(value.toISOString().slice(0, 10).replaceAll('-', ''));
  }
  if (typeof value !== 'string' && !ArrayBuffer.isView(value)) {
    throw wrongDate('Should be a String, Buffer or Date');
  }
  const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(bytesOf(value));
  if (bytes.length < 8) throw wrongDate('The length of the data should be at least 8 bytes.');
  return bytes;
}

/** Returns the bytes of a value, according to its JavaScript type. */
function readValue(value: unknown, position: number): Buffer {
  if (value === undefined || value === null) return Buffer.alloc(0);
  if (typeof value === 'boolean') return Buffer.from([value ? 1 : 0]);
  if (typeof value === 'string') return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return bytesOf(value);
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw wrongElement(position, "Property 'value' should be a Number, Boolean, String or Buffer");
  }
  const number = integer(value);
  if (number === undefined) {
    throw new RangeError(
      `Element ${position} is out of range. Property 'value' should be an integer that fits a CK_ULONG`,
    );
  }
  return fromUlong(number);
}

function readAttribute(item: unknown, position: number): RawAttribute {
  const type = Number(readType(item, position));
  const { value } = item as { value?: unknown };
  if (TEMPLATES.has(type) && value !== undefined && value !== null) {
    // Bytes would be CK_ATTRIBUTEs with addresses, which JavaScript cannot provide.
    if (!Array.isArray(value)) throw wrongElement(position, "Property 'value' should be an Array");
    return { type, value: value.map(readAttribute) };
  }
  const isDate = type === CKA.START_DATE || type === CKA.END_DATE;
  return { type, bytes: isDate ? readDate(type, value) : readValue(value, position) };
}

function readArray(value: unknown, index: number): unknown[] {
  if (!Array.isArray(value)) throw wrongType(index, 'Should be an Array');
  return value;
}

/**
 * Reads a template with values.
 * @throws TypeError, RangeError
 */
export function readTemplate(value: unknown, index: number): RawAttribute[] {
  return readArray(value, index).map(readAttribute);
}

/** Reads the types in a template for C_GetAttributeValue. */
export function readTypes(value: unknown, index: number): number[] {
  return readArray(value, index).map((item, position) => Number(readType(item, position)));
}

/** Returns CK_ATTRIBUTEs with null pointers and sizes, which a module returns for a query of the sizes. */
function fromTemplate(members: readonly (RawAttributeResult | number)[]): Buffer {
  return Buffer.concat(
    members.flatMap((member) => {
      const { type, value } = member as RawAttributeResult;
      const size = Buffer.isBuffer(value) ? fromUlong(value.length) : Buffer.alloc(ULONG_SIZE, 0xff);
      return [fromUlong(type), fromUlong(0), size];
    }),
  );
}

/**
 * Sets the values in the caller's template, or none if one is missing.
 * @throws Pkcs11Error CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID; CKR_GENERAL_ERROR if the module gave neither a value
 *   nor a reason
 */
export function setValues(
  template: readonly { value?: unknown }[],
  results: readonly RawAttributeResult[],
  method: string,
): void {
  for (const { reason } of results) {
    if (reason === 'sensitive') throw returned('ATTRIBUTE_SENSITIVE', method);
    if (reason === 'invalid') throw returned('ATTRIBUTE_TYPE_INVALID', method);
    if (reason !== undefined) throw returned('GENERAL_ERROR', method);
  }
  results.forEach(({ value }, index) => {
    const item = template[index];
    if (item !== undefined) item.value = Array.isArray(value) ? fromTemplate(value) : value;
  });
}
