import type { RawMechanism } from '../raw/values';
import { bytesOf, integer, outOfRange, toUlong, ULONG_SIZE, wrongType } from './arguments';
import { PARAMETERS as P } from './constants';
import { PARAMETERS, type Parameter, type Property } from './parameters';

/** A mechanism for cryptoki/raw. */
export interface MechanismArgument {
  readonly raw: RawMechanism;
  /** Copies the bytes that the module has written (an IV made in the HSM) into the caller's buffers, after a successful call. */
  copyOutputs(): void;
}

const nothing = (): void => {};

function wrongProperty({ name }: Parameter, property: Property, expected: string): TypeError {
  return new TypeError(
    `Property '${property.names[0]}' of ${name} mechanism parameter should be ${expected}`,
  );
}

function readProperty(parameter: Parameter, property: Property, value: unknown): unknown {
  const { kind } = property;
  if (kind === 'Number') {
    const number = typeof value === 'number' || typeof value === 'bigint' ? integer(value) : undefined;
    if (number === undefined) throw wrongProperty(parameter, property, 'Number');
    return number;
  }
  if (kind === 'Boolean') {
    if (typeof value !== 'boolean') throw wrongProperty(parameter, property, 'Boolean');
    return value;
  }
  if (!ArrayBuffer.isView(value)) throw wrongProperty(parameter, property, 'Buffer');
  const bytes = bytesOf(value);
  const length = kind === 'Handle' ? ULONG_SIZE : property.length;
  if (length !== undefined && bytes.length !== length) {
    throw wrongProperty(parameter, property, `a Buffer of length ${length}`);
  }
  return kind === 'Handle' ? toUlong(bytes) : bytes;
}

/** Returns the value of an absent property. */
function absentValue({ kind }: Property): unknown {
  if (kind === 'Number') return 0;
  return kind === 'Boolean' ? false : undefined;
}

/** Converts a parameter to the form of cryptoki/raw. */
function convert(
  parameter: Parameter,
  input: Record<string, unknown>,
): { fields: Record<string, unknown>; copyOutputs: () => void } {
  const fields: Record<string, unknown> = { structure: parameter.structure, ...parameter.preset };
  const buffers: [field: string, bytes: Buffer][] = [];
  for (const property of parameter.properties) {
    const { field, names } = property;
    const name = names.find((candidate) => input[candidate] !== undefined) ?? names[0];
    const isAbsent = input[name] === undefined || input[name] === null;
    if (isAbsent && property.isOptional) {
      fields[field] ??= absentValue(property);
      continue;
    }
    const value = readProperty(parameter, property, input[name]);
    fields[field] = value;
    if (Buffer.isBuffer(value)) buffers.push([field, value]);
  }
  for (const [field, bytes] of Object.entries(parameter.bitsOf ?? {})) {
    fields[field] ||= (fields[bytes] as Buffer).length * 8;
  }
  const copyOutputs = (): void => {
    for (const [field, bytes] of buffers) {
      const written = fields[field];
      if (written !== bytes && Buffer.isBuffer(written)) written.copy(bytes);
    }
  };
  return { fields, copyOutputs };
}

function readParameter(
  value: object,
  index: number,
): { value: RawMechanism['parameter']; copyOutputs: () => void } {
  const input = value as Record<string, unknown>;
  const { type } = input;
  // The form of cryptoki/raw, for the structures for which pkcs11js has no number.
  if (type === undefined && typeof input.structure === 'string') return { value, copyOutputs: nothing };
  if (typeof type !== 'number') throw wrongType(index, "Property 'type' should be a Number");
  if (type === P.CK_PARAMS_RC2) {
    const { effectiveBits } = input; // CK_RC2_PARAMS is a CK_ULONG
    if (typeof effectiveBits === 'number') return { value: effectiveBits, copyOutputs: nothing };
    throw new TypeError("Property 'effectiveBits' of CK_RC2_PARAMS mechanism parameter should be Number");
  }
  const parameter = PARAMETERS.get(type);
  if (parameter === undefined) {
    throw wrongType(index, "Property 'type' should be one of CK_PARAMS_ that has a structure");
  }
  const { fields, copyOutputs } = convert(parameter, input);
  return { value: fields, copyOutputs };
}

/** Reads a mechanism. @throws TypeError, RangeError */
export function readMechanism(value: unknown, index: number): MechanismArgument {
  if (typeof value !== 'object' || value === null) throw wrongType(index, 'Should be an Object');
  const { mechanism, parameter } = value as { mechanism?: unknown; parameter?: unknown };
  if (typeof mechanism !== 'number' && typeof mechanism !== 'bigint') {
    throw wrongType(index, "Property 'mechanism' should be a Number");
  }
  const number = integer(mechanism);
  if (number === undefined) {
    throw outOfRange(index, "Property 'mechanism' should be an integer");
  }
  if (parameter === undefined || parameter === null)
    return { raw: { mechanism: number }, copyOutputs: nothing };
  if (typeof parameter === 'number' || typeof parameter === 'bigint') {
    const ulong = integer(parameter);
    if (ulong === undefined) {
      throw outOfRange(index, "Property 'parameter' should be an integer");
    }
    return { raw: { mechanism: number, parameter: ulong }, copyOutputs: nothing };
  }
  if (ArrayBuffer.isView(parameter)) {
    return { raw: { mechanism: number, parameter: bytesOf(parameter) }, copyOutputs: nothing };
  }
  if (typeof parameter !== 'object') {
    throw wrongType(index, "Property 'parameter' should be an Object or Buffer");
  }
  const read = readParameter(parameter, index);
  return { raw: { mechanism: number, parameter: read.value }, copyOutputs: read.copyOutputs };
}
