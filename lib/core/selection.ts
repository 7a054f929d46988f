/** Checks of selections (of an object, a token or attributes). An empty selection is refused; it does not mean "any". */

import { argumentError, isPlainObject, shown, valueError } from './arguments';

/** Asks for the only one that there is. */
export const ONLY = 'only';

/** For errors: what a value is, without running its code. */
function kindOf(value: unknown): string {
  if (typeof value === 'string') return `"${shown(value)}"`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return shown(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  const maker: unknown =
    prototype === null ? undefined : Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const name: unknown =
    typeof maker === 'function' ? Object.getOwnPropertyDescriptor(maker, 'name')?.value : undefined;
  return typeof name === 'string' && name !== '' ? `an instance of ${shown(name)}` : 'an instance of a class';
}

/**
 * Refuses what is no plain object: spread or listed, a Map, a KeyObject or an instance of a class would be empty.
 * @param what names the argument, in the singular or the plural
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requirePlain(value: unknown, what: string): void {
  if (isPlainObject(value)) return;
  throw argumentError(TypeError, `${what} must be a plain object, not ${kindOf(value)}`);
}

/**
 * Refuses a selection with an undefined member, which is an unset variable more often than a wish, and one without members.
 * @param what names the argument
 * @param instead says in the error what to write where everything is meant
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function requireSelection(value: unknown, what: string, instead: string): void {
  if (value === undefined) throw valueError(`${what} must not be undefined: ${instead}`);
  requirePlain(value, what);
  const members = Object.entries(value as object);
  const unset = members.filter(([, member]) => member === undefined).map(([name]) => name);
  if (unset.length > 0) {
    const list = unset.join(', ');
    throw valueError(`${list} in ${what} must not be undefined: give a value, or leave ${list} out`);
  }
  if (members.length === 0) throw valueError(`${what} must not be empty: ${instead}`);
}
