/** Templates and attribute values by name: { label: 'signing', keyType: 'EC' } instead of CKA_ numbers. */
import { argumentError } from './arguments';
import { constantName, constantValue } from './constants';
import { CryptokiError } from './errors';
import {
  ATTRIBUTES,
  type AttributeDescription,
  type AttributeInputs,
  type AttributeValues,
} from './generated/attributes';
import type {
  BytesLike,
  RawAttribute,
  RawAttributeInput,
  RawAttributeResult,
  RawAttributeValue,
} from './raw/types';

/** The name of an attribute: label, ecParams, alwaysAuthenticate ... (CKA_ in camel case). */
export type AttributeName = keyof AttributeValues;

/** Attributes to give an object or to look for. Attributes of a vendor are written by number, with bytes. */
export type Attributes = {
  readonly [Name in AttributeName]?: AttributeInputs[Name] | undefined;
} & { readonly [vendor: number]: BytesLike };

function describe(name: string): AttributeDescription {
  if (Object.hasOwn(ATTRIBUTES, name)) return ATTRIBUTES[name as AttributeName];
  throw argumentError(RangeError, `"${name}" is no attribute of PKCS#11; give those of a vendor by number`);
}

/** The CKA_ number of an attribute. */
export function attributeType(name: AttributeName): number {
  return describe(name).type;
}

/** A CK_ATTRIBUTE array; attributes that are undefined are left out. */
export function toTemplate(attributes: Attributes): RawAttribute[] {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    throw argumentError(TypeError, 'attributes must be an object of attribute names and values');
  }
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

function toValue({ name, kind, family }: AttributeDescription, value: RawAttributeValue): unknown {
  if (typeof value === 'bigint') {
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_ATTRIBUTE',
      detail: `${name} is too large for a number: ${value}`,
    });
  }
  if (kind === 'ulong' && family !== undefined && typeof value === 'number')
    return constantName(family, value);
  return value ?? undefined;
}

/** What could be read, by name. Attributes that could not be read, and empty dates, are absent. */
export function fromResults<Name extends AttributeName>(
  names: readonly Name[],
  results: readonly RawAttributeResult[],
): Partial<Pick<AttributeValues, Name>> {
  const values: Record<string, unknown> = {};
  names.forEach((name, index) => {
    const result = results[index];
    if (result === undefined || !('value' in result)) return;
    const value = toValue(ATTRIBUTES[name], result.value);
    if (value !== undefined) values[name] = value;
  });
  return values as Partial<Pick<AttributeValues, Name>>;
}
