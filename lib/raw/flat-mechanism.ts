/**
 * Mechanisms in a form that crosses into native code in little time: reading a member of an object by its name costs there
 * what ten elements of an array cost, and a mechanism with its parameter has up to ten names.
 */

import { isArrayBuffer } from '../core/realms';
import { native } from './addon';
import type { RawMechanism } from './values';

/**
 * The number of a mechanism without a parameter; or the mechanism with bytes or a number; or the mechanism, the index of its
 * parameter structure, the object with the parameter, and the value of each field. What is none of these is left to the native
 * code, also to refuse.
 */
export type BriefMechanism = number | RawMechanism | readonly unknown[];

/** Whether it is a number or a list of values. */
export function isBrief(mechanism: BriefMechanism): mechanism is number | readonly unknown[] {
  return typeof mechanism === 'number' || isFlat(mechanism);
}

/** Whether it is a list of values. */
export function isFlat(mechanism: BriefMechanism): mechanism is readonly unknown[] {
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

/** Parameter structures by mechanism, as they come to be asked for. */
const usual = new Map<number, Structure | undefined>();

function usualStructure(mechanism: number): Structure | undefined {
  if (usual.has(mechanism)) return usual.get(mechanism);
  const name = native.parameterName(mechanism);
  const found = name === undefined ? undefined : structures.get(name);
  usual.set(mechanism, found);
  return found;
}

type Fields = Readonly<Record<string, unknown>>;

const isBytes = (value: unknown): boolean => ArrayBuffer.isView(value) || isArrayBuffer(value);

/** A value that native code reads without running anything of JavaScript. */
const isPlain = (value: unknown): boolean =>
  (typeof value !== 'object' && typeof value !== 'function') || value === null || isBytes(value);

function flat(mechanism: number, parameter: Fields): readonly unknown[] | undefined {
  const { structure } = parameter;
  const known = structure === undefined ? usualStructure(mechanism) : structures.get(structure as string);
  if (known === undefined) return undefined;
  const values: unknown[] = [mechanism, known.index, parameter];
  for (const name of known.fields) {
    const value = parameter[name];
    if (!isPlain(value)) return undefined;
    values.push(value);
  }
  // The native code names it. Own members only: a program may have added some to Object.prototype.
  for (const name of Object.keys(parameter)) if (!known.names.has(name)) return undefined;
  return values;
}

/** The mechanism, briefly where that is possible. */
export function brief(given: RawMechanism): BriefMechanism {
  if (typeof given !== 'object' || given === null) return given;
  const { mechanism, parameter } = given;
  if (typeof mechanism !== 'number' || !(mechanism >= 0)) return given;
  if (parameter === undefined) return mechanism;
  if (isPlain(parameter)) return [mechanism, parameter];
  return flat(mechanism, parameter as Fields) ?? given;
}

/** No batch has more messages. */
const MOST_MECHANISMS = 2 ** 20;

/** The same of a mechanism for all messages of a batch, or of one for each, none of which is a number. */
export function briefAll(
  given: RawMechanism | readonly RawMechanism[],
): BriefMechanism | readonly BriefMechanism[] {
  if (!Array.isArray(given)) return brief(given as RawMechanism);
  if (given.length > MOST_MECHANISMS) return given; // the native code refuses it
  const list = given as readonly RawMechanism[];
  return Array.from({ length: list.length }, (_, index) => {
    const mechanism = list[index] as RawMechanism;
    const its = brief(mechanism);
    return typeof its === 'number' ? mechanism : its;
  });
}
