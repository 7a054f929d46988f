/**
 * Mechanisms in a form that crosses into native code in little time: reading a member of an object by its name costs there
 * what ten elements of an array cost, and a mechanism with its parameter has up to ten names.
 */
import { native } from './native';
import type { RawMechanism } from './types';

/**
 * The number of a mechanism without a parameter; or the mechanism, the index of its parameter structure, the object with
 * the parameter, and the value of each field. What is neither is left to the native code, also to refuse.
 */
export type BriefMechanism = number | RawMechanism | readonly unknown[];

/** Whether it is an array. */
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

function flat(mechanism: number, parameter: Fields): readonly unknown[] | undefined {
  const { structure } = parameter;
  const known = structure === undefined ? usualStructure(mechanism) : structures.get(structure as string);
  if (known === undefined) return undefined;
  const values: unknown[] = [mechanism, known.index, parameter];
  for (const name of known.fields) values.push(parameter[name]);
  for (const name in parameter) if (!known.names.has(name)) return undefined; // the native code names it
  return values;
}

/** The mechanism, briefly where that is possible. */
export function brief(given: RawMechanism): BriefMechanism {
  if (typeof given !== 'object' || given === null) return given;
  const { mechanism, parameter } = given;
  if (typeof mechanism !== 'number' || !(mechanism >= 0)) return given;
  if (parameter === undefined) return mechanism;
  if (typeof parameter !== 'object' || parameter === null) return given;
  if (ArrayBuffer.isView(parameter) || parameter instanceof ArrayBuffer || Array.isArray(parameter))
    return given;
  return flat(mechanism, parameter as Fields) ?? given;
}

/** The same of a mechanism for all messages of a batch, or of one for each, none of which is a number. */
export function briefAll(
  given: RawMechanism | readonly RawMechanism[],
): BriefMechanism | readonly BriefMechanism[] {
  if (!Array.isArray(given)) return brief(given as RawMechanism);
  return (given as readonly RawMechanism[]).map((each) => {
    const its = brief(each);
    return typeof its === 'number' ? each : its;
  });
}
