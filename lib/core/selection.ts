/** Checks of selections (of an object, a token or attributes). An empty selection is refused; it does not mean "any". */

import { wrongType, wrongValue } from './argument-errors';
import { isPlainObject } from './arguments';

/** Selects the only object or token that exists; an error if there are more. */
export const ONLY = 'only';

/**
 * Checks that a value is a plain object: a Map, a KeyObject or an instance of a class would be read as empty.
 * @param what names the argument, in the singular or the plural
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requirePlain(value: unknown, what: string): void {
  if (isPlainObject(value)) return;
  throw wrongType(what, 'a plain object', value);
}

/**
 * Checks that a selection has members, and that none is undefined: that is an unset variable more often than an intention.
 * @param what names the argument
 * @param instead names, for the error, the value that selects everything
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function requireSelection(value: unknown, what: string, instead: string): void {
  if (value === undefined) throw wrongValue(`${what} must not be undefined: ${instead}`);
  requirePlain(value, what);
  const members = Object.entries(value as object);
  const unset = members.filter(([, member]) => member === undefined).map(([name]) => name);
  if (unset.length > 0) {
    const list = unset.join(', ');
    throw wrongValue(`${list} in ${what} must not be undefined: give a value, or leave ${list} out`);
  }
  if (members.length === 0) throw wrongValue(`${what} must not be empty: ${instead}`);
}
