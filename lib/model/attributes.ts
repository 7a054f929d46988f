/** Templates and attribute values by name: { label: 'signing', keyType: 'EC' } instead of CKA_ numbers. */
import { argumentError, nearestName, requireOptions, shown } from '../core/arguments';
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

/** The attributes of vendors that the program has registered: it declares them here (see {@link registerAttribute}). */
// biome-ignore lint/suspicious/noEmptyInterface: for programs to add to
export interface VendorAttributes {}

/** The standard attributes and those of vendors, as they are read. */
export type AllAttributeValues = AttributeValues & VendorAttributes;

/** The name of an attribute: label, ecParams, alwaysAuthenticate ... (CKA_ in camel case). */
export type AttributeName = keyof AllAttributeValues;

/**
 * Attributes to give an object or to look for. Attributes of a vendor are written by number, with bytes, or by name. Dates
 * (CK_DATE) are days: of a Date the day in UTC counts, text is "YYYY-MM-DD"; one that the calendar does not have is refused.
 */
export type Attributes = {
  readonly [Name in keyof AttributeInputs]?: AttributeInputs[Name] | undefined;
} & { readonly [Name in keyof VendorAttributes]?: VendorAttributes[Name] | undefined } & {
  readonly [vendor: number]: BytesLike;
};

const vendors = new Map<string, AttributeDescription>();

function describe(name: string): AttributeDescription {
  if (typeof name !== 'string')
    throw argumentError(TypeError, `the name of an attribute must be a string, not ${shown(name)}`);
  if (Object.hasOwn(ATTRIBUTES, name)) return ATTRIBUTES[name as AttributeName];
  const vendor = vendors.get(name);
  if (vendor !== undefined) return vendor;
  const near = nearestName(name, [...Object.keys(ATTRIBUTES), ...vendors.keys()]);
  const hint = near === undefined ? 'give' : `did you mean "${near}"? Give`;
  throw argumentError(
    RangeError,
    `"${shown(name)}" is no attribute of PKCS#11; ${hint} those of a vendor by number`,
  );
}

const KINDS = ['boolean', 'ulong', 'bytes', 'utf8', 'date', 'bigInteger'] as const;

/** What an attribute of a vendor holds. */
export type VendorAttributeKind = (typeof KINDS)[number];

/**
 * Gives an attribute of a vendor a name and a type, in this process: templates and attributes() know it by its name from
 * then on, and the raw calls take and give values of its type instead of bytes. TypeScript learns the name by
 * `declare module 'cryptoki' { interface VendorAttributes { name: Buffer } }`.
 * @param name in camel case, as the standard ones; not one of them
 * @param options.type the CKA_ number, CKA_VENDOR_DEFINED (0x80000000) or above
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE
 */
export function registerAttribute(name: string, options: { type: number; kind: VendorAttributeKind }): void {
  if (typeof name !== 'string' || !/^[A-Za-z]\w*$/.test(name)) {
    throw argumentError(TypeError, 'the name of an attribute must be a word');
  }
  requireOptions(options, 'the options of registerAttribute', ['type', 'kind']);
  const { type, kind } = options;
  if (Object.hasOwn(ATTRIBUTES, name))
    throw argumentError(RangeError, `"${name}" is an attribute of PKCS#11`);
  if (!Number.isSafeInteger(type) || type < CKA.VENDOR_DEFINED) {
    throw argumentError(RangeError, 'the type of an attribute of a vendor must be 0x80000000 or above');
  }
  if (!KINDS.includes(kind)) throw argumentError(RangeError, `kind must be one of ${KINDS.join(', ')}`);
  registerAttributeType(type, kind, name);
  vendors.set(name, { type, name, kind });
}

/** The CKA_ number of an attribute. */
export function attributeType(name: AttributeName): number {
  return describe(name).type;
}

/**
 * A CK_ATTRIBUTE array; attributes that are undefined are left out.
 * @throws TypeError ERR_INVALID_ARG_TYPE for what is no plain object, RangeError ERR_OUT_OF_RANGE for unknown names
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

/** A number beyond 2^53-1 stays the bigint that it is: it has no name, and rounding would make it another number. */
function toValue({ kind, family }: AttributeDescription, value: RawAttributeValue): unknown {
  if (kind === 'ulong' && family !== undefined && typeof value === 'number')
    return constantName(family, value);
  return value ?? undefined;
}

/** What could be read, by name; a number beyond 2^53-1 is a bigint, whatever the types say. Attributes that could not be read, empty dates and dates that the calendar does not have are absent. A Date is midnight UTC. */
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
