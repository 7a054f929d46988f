import { unknownName } from '../../core/argument-errors';
import { argumentError, nearestName, shown } from '../../core/arguments';
import { constantName, constantValue } from '../../core/constant-names';
import type { Named } from '../../generated/attributes';
import type { RawMechanism } from '../../raw/values';

/** The name of a mechanism without CKM_ ('ECDSA_SHA256'), or the number of one without a standard name. */
export type MechanismName = Named<'CKM'>;

/** A mechanism as the specification has it: its CKM_ name or number, and its parameter (see {@link RawMechanism}). */
export interface Mechanism {
  readonly mechanism: MechanismName | `CKM_${string}`;
  readonly parameter?: RawMechanism['parameter'];
}

/** An algorithm with options, by the name that this package gives it. */
export interface Algorithm {
  readonly name: string;
  readonly [option: string]: unknown;
}

/**
 * What an operation is done with: the name of an algorithm ('ECDSA-SHA256'), one with options ({ name: 'AES-GCM', iv }),
 * or a mechanism ({ mechanism: 'ECDSA_SHA256' }). An algorithm chooses what the token has; a mechanism is taken as it is.
 */
export type MechanismInput = string | Algorithm | Mechanism;

const MEMBERS = ['mechanism', 'parameter'];

/** The mechanism itself, when the input is one. */
export function asMechanism(input: MechanismInput): RawMechanism | undefined {
  if (typeof input !== 'object' || input === null || !('mechanism' in input)) return undefined;
  for (const name of Object.keys(input)) {
    if (!MEMBERS.includes(name)) throw unknownName('member', name, MEMBERS, { place: ' of a mechanism' });
  }
  const { mechanism, parameter } = input as Mechanism;
  return { mechanism: constantValue('CKM', mechanism), parameter };
}

/** The algorithm, when the input is one. */
export function asAlgorithm(input: MechanismInput): Algorithm {
  if (typeof input === 'string') return { name: input };
  if (typeof input === 'object' && input !== null && 'name' in input && typeof input.name === 'string')
    return input;
  throw argumentError(
    TypeError,
    'an algorithm must be a name ("ECDSA-SHA256"), an object with a name, or an object with a mechanism',
  );
}

/** An algorithm or a mechanism as an error names it. */
export function nameOf(input: MechanismInput): string {
  if (typeof input === 'string') return shown(input);
  const { mechanism, name } = input as Partial<Mechanism & Algorithm>;
  if (typeof mechanism !== 'number') return shown(mechanism ?? name);
  const known = constantName('CKM', mechanism);
  return typeof known === 'string' ? `CKM_${known}` : `the mechanism 0x${mechanism.toString(16)}`;
}

/** Refuses options that the algorithm does not have: a misspelt one must not be ignored. */
export function checkOptions(algorithm: Algorithm, ...known: string[]): void {
  for (const option of Object.keys(algorithm)) {
    if (option === 'name' || known.includes(option)) continue;
    throw unknownName('option', option, known, { place: ` of ${algorithm.name}` });
  }
}

/** The error for a name that no table has. */
export function unknownAlgorithm(name: string, known: Iterable<string>): Error {
  const list = [...known];
  const near = nearestName(name, list);
  const hint = near === undefined ? 'there are' : `did you mean "${near}"? There are`;
  return argumentError(
    RangeError,
    `"${shown(name)}" is no algorithm for this; ${hint} ${list.join(', ')}. Give a mechanism as { mechanism: 'NAME' }`,
  );
}
