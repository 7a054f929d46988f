/**
 * Mechanisms in a form that native code reads fast. To read a member of an object by its name takes native code as long as to
 * read ten elements of an array, and a mechanism with its parameter has up to ten names.
 */

import { isArrayBuffer } from '../core/realms';
import { native } from './addon';
import type { RawMechanism } from './values';

/**
 * The number of a mechanism without a parameter; or an array with the number and a parameter that is bytes or a number; or an
 * array with the number, the index of the parameter structure, the object with the parameter, and the value of each field. All
 * other mechanisms stay as they are: native code reads or refuses them.
 */
export type FlatMechanism = number | RawMechanism | readonly unknown[];

/** Returns true for a number or an array of values. */
export function isFlat(mechanism: FlatMechanism): mechanism is number | readonly unknown[] {
  return typeof mechanism === 'number' || isValueArray(mechanism);
}

/** Returns true for an array of values. */
export function isValueArray(mechanism: FlatMechanism): mechanism is readonly unknown[] {
  return Array.isArray(mechanism);
}

interface Structure {
  readonly index: number;
  readonly fields: readonly string[];
  readonly names: ReadonlySet<string>;
}

const structures = new Map<string, Structure>(
  native
    .structures()
    .map(({ name, fields }, index) => [name, { index, fields, names: new Set(['structure', ...fields]) }]),
);

/** Cache: the parameter structure that the specification gives each mechanism. */
const defaultStructures = new Map<number, Structure | undefined>();

function defaultStructure(mechanism: number): Structure | undefined {
  if (defaultStructures.has(mechanism)) return defaultStructures.get(mechanism);
  const name = native.parameterName(mechanism);
  const found = name === undefined ? undefined : structures.get(name);
  defaultStructures.set(mechanism, found);
  return found;
}

type Fields = Readonly<Record<string, unknown>>;

const isBytes = (value: unknown): boolean => ArrayBuffer.isView(value) || isArrayBuffer(value);

/** Returns true for a value that native code reads without running JavaScript. */
const isPlain = (value: unknown): boolean =>
  (typeof value !== 'object' && typeof value !== 'function') || value === null || isBytes(value);

/** Returns the array form of a mechanism with a parameter structure; undefined if native code must read the parameter. */
function fieldValues(mechanism: number, parameter: Fields): readonly unknown[] | undefined {
  const { structure } = parameter;
  const known = structure === undefined ? defaultStructure(mechanism) : structures.get(structure as string);
  if (known === undefined) return undefined;
  const values: unknown[] = [mechanism, known.index, parameter];
  for (const name of known.fields) {
    const value = parameter[name];
    if (!isPlain(value)) return undefined;
    values.push(value);
  }
  // Native code builds the error for an unknown name. Own members only: a program may have extended Object.prototype.
  for (const name of Object.keys(parameter)) if (!known.names.has(name)) return undefined;
  return values;
}

/** Returns the flat form of a mechanism, or the mechanism itself if it has none. */
export function flatten(original: RawMechanism): FlatMechanism {
  if (typeof original !== 'object' || original === null) return original;
  const { mechanism, parameter } = original;
  if (typeof mechanism !== 'number' || !(mechanism >= 0)) return original;
  if (parameter === undefined) return mechanism;
  if (isPlain(parameter)) return [mechanism, parameter];
  return fieldValues(mechanism, parameter as Fields) ?? original;
}

/** The limit of messages in a batch. */
const MAX_MECHANISMS = 2 ** 20;

/** Returns the flat form of the mechanism of a batch, or of its mechanisms (one for each message), of which none is a number. */
export function flattenAll(
  original: RawMechanism | readonly RawMechanism[],
): FlatMechanism | readonly FlatMechanism[] {
  if (!Array.isArray(original)) return flatten(original as RawMechanism);
  if (original.length > MAX_MECHANISMS) return original; // native code refuses it
  const list = original as readonly RawMechanism[];
  return Array.from({ length: list.length }, (_, index) => {
    const mechanism = list[index] as RawMechanism;
    const flat = flatten(mechanism);
    return typeof flat === 'number' ? mechanism : flat;
  });
}
