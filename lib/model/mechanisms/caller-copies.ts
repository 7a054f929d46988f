/** Copies of arguments that the caller may change while an operation waits for its session. */
import { isBytes, viewOf } from '../../core/arguments';
import type { BytesLike } from '../../raw/values';
import { setMember } from './made-iv';
import type { MechanismInput } from './mechanism';

/** Copies bytes. Returns other values unchanged, which the call refuses later. */
export function copy<T extends BytesLike>(data: T): T | Buffer {
  if (!isBytes(data)) return data;
  return Buffer.from(viewOf(data));
}

/** Copies an object and those of its members that are bytes. */
export function copyMembers<T extends object>(values: T): T {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return values;
  const copied = { ...values } as Record<string, unknown>;
  for (const name in copied) {
    const value = copied[name];
    if (isBytes(value)) copied[name] = copy(value);
  }
  return copied as T;
}

/** A copy of an algorithm or a mechanism. */
export interface CopiedMechanism {
  readonly input: MechanismInput;
  /** Sets in the caller's object the values that the module has written into the copy: an IV, a tag. */
  readonly handBack?: () => void;
}

/**
 * Copies an algorithm or a mechanism. A caller may, for example, increment an IV for the next message while an operation
 * still waits.
 */
export function copyMechanism(input: MechanismInput): CopiedMechanism {
  if (typeof input !== 'object' || input === null) return { input };
  const { parameter } = input as { parameter?: unknown };
  if (isBytes(parameter)) return { input: { ...input, parameter: copy(parameter) } };
  if (!('mechanism' in input)) return copied(input);
  if (typeof parameter !== 'object' || parameter === null) return { input: { ...input } };
  const { input: parameterCopy, handBack } = copied(parameter);
  return { input: { ...input, parameter: parameterCopy } as MechanismInput, handBack };
}

/** Returns a function for `then` that calls `handBack` and passes the result on. */
export function afterwards(handBack: () => void): <T>(result: T) => T {
  return (result) => {
    handBack();
    return result;
  };
}

/** Copies an algorithm or a parameter. */
function copied<T extends object>(original: T): { readonly input: T; handBack(): void } {
  const values = copyMembers(original) as Record<string, unknown>;
  const before = { ...values };
  return {
    input: values as T,
    handBack: () => {
      for (const name of Object.keys(values)) {
        if (values[name] === before[name]) continue;
        setMember(original, name, values[name]);
        before[name] = values[name];
      }
    },
  };
}
