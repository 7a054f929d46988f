/** Templates and attribute values by name: { label: 'signing', keyType: 'EC' } instead of CKA_ numbers. */
import { outOfRange, unknownName, wrongType, wrongValue } from '../core/argument-errors';
import { requireOptions, requireString } from '../core/arguments';
import { constantName, constantValue } from '../core/constant-names';
import { requirePlain } from '../core/selection';
import {
  ATTRIBUTES,
  type AttributeDescription,
  type AttributeInputs,
  type AttributeValues,
} from '../generated/attributes';
import { CKA } from '../generated/constants';
import { registerAttributeType } from '../raw/process-state';
import type {
  BytesLike,
  RawAttribute,
  RawAttributeInput,
  RawAttributeResult,
  RawAttributeValue,
} from '../raw/values';

/** The attributes of vendors that the program has registered; it adds their types here (see {@link registerAttribute}). */
// biome-ignore lint/suspicious/noEmptyInterface: for programs to add to
export interface VendorAttributes {}

/** The standard attributes and those of vendors, as they are read. */
export type AllAttributeValues = AttributeValues & VendorAttributes;

/** The name of an attribute: label, ecParams, alwaysAuthenticate ... (CKA_ in camel case). */
export type AttributeName = keyof AllAttributeValues;

/**
 * Attributes of a new object or of a search. Attributes of a vendor are given by number, with bytes, or by a registered
 * name. Dates (CK_DATE) are days: the UTC day of a Date, or text "YYYY-MM-DD"; a day that does not exist is refused.
 */
export type Attributes = {
  readonly [Name in keyof AttributeInputs]?: AttributeInputs[Name] | undefined;
} & { readonly [Name in keyof VendorAttributes]?: VendorAttributes[Name] | undefined } & {
  readonly [vendor: number]: BytesLike;
};

const vendors = new Map<string, AttributeDescription>();

function describe(name: string): AttributeDescription {
  requireString(name, 'the name of an attribute');
  if (Object.hasOwn(ATTRIBUTES, name)) return ATTRIBUTES[name as AttributeName];
  const vendor = vendors.get(name);
  if (vendor !== undefined) return vendor;
  throw unknownName('attribute', name, [...Object.keys(ATTRIBUTES), ...vendors.keys()], {
    help: 'Give attributes of a vendor by number',
  });
}

const VENDOR_ATTRIBUTE_KINDS = ['boolean', 'ulong', 'bytes', 'utf8', 'date', 'bigInteger'] as const;

/** The kind of value that an attribute of a vendor has. */
export type VendorAttributeKind = (typeof VENDOR_ATTRIBUTE_KINDS)[number];

/**
 * Gives an attribute of a vendor a name and a type, in this process. Templates and attributes() accept the name from then
 * on, and the raw calls take and return values of its type instead of bytes. Declare the name for TypeScript with
 * `declare module 'cryptoki' { interface VendorAttributes { name: Buffer } }`.
 * @param name in camel case, not that of a standard attribute
 * @param options.type the CKA_ number, CKA_VENDOR_DEFINED (0x80000000) or above
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE
 */
export function registerAttribute(name: string, options: { type: number; kind: VendorAttributeKind }): void {
  requireString(name, 'the name of an attribute');
  if (!/^[A-Za-z]\w*$/.test(name)) {
    throw wrongValue(
      'the name of an attribute must begin with a letter, and have letters, digits and _ only',
    );
  }
  requireOptions(options, 'the options of registerAttribute', ['type', 'kind']);
  const { type, kind } = options;
  if (Object.hasOwn(ATTRIBUTES, name)) {
    throw wrongValue(`"${name}" is the name of an attribute of PKCS#11; choose another name`);
  }
  if (typeof type !== 'number') throw wrongType('type', 'a number', type);
  if (!Number.isSafeInteger(type) || type < CKA.VENDOR_DEFINED) {
    throw outOfRange('type', 'a whole number of at least 0x80000000 (CKA_VENDOR_DEFINED)', type);
  }
  if (!VENDOR_ATTRIBUTE_KINDS.includes(kind)) throw unknownName('kind', kind, VENDOR_ATTRIBUTE_KINDS);
  registerAttributeType(type, kind, name);
  vendors.set(name, { type, name, kind });
}

/**
 * Returns the CKA_ number of an attribute.
 * @throws TypeError ERR_INVALID_ARG_TYPE; TypeError ERR_INVALID_ARG_VALUE for unknown names
 */
export function attributeType(name: AttributeName): number {
  return describe(name).type;
}

/**
 * Converts attributes to a CK_ATTRIBUTE array; attributes that are undefined are left out.
 * @throws TypeError ERR_INVALID_ARG_TYPE for a value that is not a plain object; TypeError ERR_INVALID_ARG_VALUE for unknown names
 */
export function toTemplate(attributes: Attributes): RawAttribute[] {
  requirePlain(attributes, 'the attributes');
  const template: RawAttribute[] = [];
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    if (/^\d+$/.test(name)) {
      template.push({ type: Number(name), value: value as BytesLike });
      continue;
    }
    const { type, family } = describe(name);
    const input = value as RawAttributeInput;
    template.push({
      type,
      value: family === undefined ? input : constantValue(family, input as string | number),
    });
  }
  return template;
}

/** Converts a value that was read. A number beyond 2^53-1 stays a bigint: it has no name, and rounding would change it. */
function toValue({ kind, family }: AttributeDescription, value: RawAttributeValue): unknown {
  if (kind === 'ulong' && family !== undefined && typeof value === 'number')
    return constantName(family, value);
  return value ?? undefined;
}

/**
 * Returns the attributes that could be read, by name. Attributes that could not be read, empty dates and dates that do not
 * exist are absent. A Date is midnight UTC. A number beyond 2^53-1 is a bigint, although the types do not have it.
 */
export function fromResults<Name extends AttributeName>(
  names: readonly Name[],
  results: readonly RawAttributeResult[],
): Partial<Pick<AllAttributeValues, Name>> {
  const values: Record<string, unknown> = {};
  names.forEach((name, index) => {
    const result = results[index];
    if (result === undefined || !('value' in result)) return;
    const value = toValue(describe(name), result.value);
    if (value !== undefined) values[name] = value;
  });
  return values as Partial<Pick<AllAttributeValues, Name>>;
}
