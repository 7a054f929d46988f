import { shown, unknownName, wrongType } from '../../core/argument-errors';
import { constantName, constantValue } from '../../core/constant-names';
import type { Named } from '../../generated/attributes';
import type { RawMechanism } from '../../raw/values';

/** The name of a mechanism without CKM_ ('ECDSA_SHA256'), or the number of one without a standard name. */
export type MechanismName = Named<'CKM'>;

/** A mechanism of the specification: its CKM_ name or number, and its parameter (see {@link RawMechanism}). */
export interface Mechanism {
  readonly mechanism: MechanismName | `CKM_${string}`;
  readonly parameter?: RawMechanism['parameter'];
}

/** An algorithm with options, by its name in this package. */
export interface Algorithm {
  readonly name: string;
  readonly [option: string]: unknown;
}

/**
 * The algorithm or mechanism of an operation: the name of an algorithm ('ECDSA-SHA256'), one with options ({ name:
 * 'AES-GCM', iv }), or a mechanism ({ mechanism: 'ECDSA_SHA256' }). For an algorithm, one of the token's mechanisms is
 * chosen; a mechanism is used unchanged.
 */
export type MechanismInput = string | Algorithm | Mechanism;

const MEMBERS = ['mechanism', 'parameter'];

/** Returns the mechanism if the input is one; undefined for an algorithm. */
export function asMechanism(input: MechanismInput): RawMechanism | undefined {
  if (typeof input !== 'object' || input === null || !('mechanism' in input)) return undefined;
  for (const name of Object.keys(input)) {
    if (!MEMBERS.includes(name)) throw unknownName('member', name, MEMBERS, { place: ' of a mechanism' });
  }
  const { mechanism, parameter } = input as Mechanism;
  return { mechanism: constantValue('CKM', mechanism), parameter };
}

/**
 * Returns the algorithm, as an object with its name.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function asAlgorithm(input: MechanismInput): Algorithm {
  if (typeof input === 'string') return { name: input };
  if (typeof input === 'object' && input !== null && 'name' in input && typeof input.name === 'string')
    return input;
  throw wrongType(
    'the algorithm',
    'a name ("ECDSA-SHA256"), an object with a name, or an object with a mechanism',
    input,
  );
}

/** Returns the name of an algorithm or a mechanism for messages. */
export function nameOf(input: MechanismInput): string {
  if (typeof input === 'string') return shown(input);
  const { mechanism, name } = input as Partial<Mechanism & Algorithm>;
  if (typeof mechanism !== 'number') return shown(mechanism ?? name);
  const known = constantName('CKM', mechanism);
  return typeof known === 'string' ? `CKM_${known}` : `the mechanism 0x${mechanism.toString(16)}`;
}

/**
 * Checks that the algorithm has only known options: a misspelt one must not be ignored.
 * @throws TypeError ERR_INVALID_ARG_VALUE
 */
export function checkOptions(algorithm: Algorithm, ...known: string[]): void {
  for (const option of Object.keys(algorithm)) {
    if (option === 'name' || known.includes(option)) continue;
    throw unknownName('option', option, known, { place: ` of ${algorithm.name}` });
  }
}

/** Builds the error for an unknown algorithm. */
export function unknownAlgorithm(
  use: 'signature' | 'encryption' | 'digest',
  name: string,
  known: Iterable<string>,
): Error {
  return unknownName(`${use} algorithm`, name, [...known].sort(), {
    help: "Give a mechanism as { mechanism: 'NAME' }",
  });
}
