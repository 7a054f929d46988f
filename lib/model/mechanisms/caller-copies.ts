/** Copies of what the caller may change while an operation waits for its session. */
import { isBytes, viewOf } from '../../core/arguments';
import type { BytesLike } from '../../raw/values';
import { handBack as setMember } from './made-iv';
import type { MechanismInput } from './mechanism';

/** The bytes, as they are at the call. Something else is left to the call, which refuses it. */
export function copy<T extends BytesLike>(data: T): T | Buffer {
  if (!isBytes(data)) return data;
  return Buffer.from(viewOf(data));
}

/** An object whose members that are bytes are copied. */
export function copyMembers<T extends object>(values: T): T {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return values;
  const copied = { ...values } as Record<string, unknown>;
  for (const name in copied) {
    const value = copied[name];
    if (isBytes(value)) copied[name] = copy(value);
  }
  return copied as T;
}

/** What an operation is done with, as it is at the call. */
export interface CopiedMechanism {
  readonly input: MechanismInput;
  /** Gives the caller's parameter what the module has written into it: an IV, a tag. */
  readonly handBack?: () => void;
}

/**
 * Copies what an operation is done with: an IV, in the first place, which a caller may count up for the next message
 * while this one still waits.
 */
export function copyMechanism(input: MechanismInput): CopiedMechanism {
  if (typeof input !== 'object' || input === null) return { input };
  const { parameter } = input as { parameter?: unknown };
  if (isBytes(parameter)) return { input: { ...input, parameter: copy(parameter) } };
  if (!('mechanism' in input)) return copied(input);
  if (typeof parameter !== 'object' || parameter === null) return { input: { ...input } };
  const { input: ours, handBack } = copied(parameter);
  return { input: { ...input, parameter: ours } as MechanismInput, handBack };
}

/** Returns a function for `then` that calls `handBack` and passes the result on. */
export function afterwards(handBack: () => void): <T>(result: T) => T {
  return (result) => {
    handBack();
    return result;
  };
}

/** A copy of an algorithm or a parameter. */
function copied<T extends object>(theirs: T): { readonly input: T; handBack(): void } {
  const ours = copyMembers(theirs) as Record<string, unknown>;
  const before = { ...ours };
  return {
    input: ours as T,
    handBack: () => {
      for (const name of Object.keys(ours)) {
        if (ours[name] === before[name]) continue;
        setMember(theirs, name, ours[name]);
        before[name] = ours[name];
      }
    },
  };
}
