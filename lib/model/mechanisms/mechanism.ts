import { argumentError } from '../../core/arguments';
import { constantValue } from '../../core/constant-names';
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

/** The mechanism itself, when the input is one. */
export function asMechanism(input: MechanismInput): RawMechanism | undefined {
  if (typeof input !== 'object' || input === null || !('mechanism' in input)) return undefined;
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

/** Refuses options that the algorithm does not have: a misspelt one must not be ignored. */
export function checkOptions(algorithm: Algorithm, ...known: string[]): void {
  for (const option of Object.keys(algorithm)) {
    if (option === 'name' || known.includes(option)) continue;
    const list = known.length > 0 ? `it has ${known.join(', ')}` : 'it has none';
    throw argumentError(TypeError, `${algorithm.name} has no option "${option}"; ${list}`);
  }
}

/** The error for a name that no table has. */
export function unknownAlgorithm(name: string, known: Iterable<string>): Error {
  return argumentError(
    RangeError,
    `"${name}" is no algorithm for this; there are ${[...known].join(', ')}. Give a mechanism as { mechanism: 'NAME' }`,
  );
}
