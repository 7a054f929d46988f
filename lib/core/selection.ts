/** Checks of selections (of an object, a token or attributes). An empty selection is an error; it does not mean "any". */

import { wrongType, wrongValue } from './argument-errors';
import { isPlainObject } from './arguments';

/** Selects the only object or token. It is an error if there are more. */
export const ONLY = 'only';

/**
 * Checks that a value is a plain object, because a Map, a KeyObject or an instance of a class would be read as empty.
 * @param subject the noun for the argument
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requirePlain(value: unknown, subject: string): void {
  if (isPlainObject(value)) return;
  throw wrongType(subject, 'a plain object', value);
}

/**
 * Checks that a selection has members, and that none is undefined, because that is more often an unset variable than an
 * intention.
 * @param subject the noun for the argument
 * @param instead a clause for the error: how to select everything
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function requireSelection(value: unknown, subject: string, instead: string): void {
  if (value === undefined) throw wrongValue(`${subject} must not be undefined: ${instead}`);
  requirePlain(value, subject);
  const members = Object.entries(value as object);
  const unset = members.filter(([, member]) => member === undefined).map(([name]) => name);
  if (unset.length > 0) {
    const list = unset.join(', ');
    throw wrongValue(`${list} in ${subject} must not be undefined: give a value, or leave ${list} out`);
  }
  if (members.length === 0) throw wrongValue(`${subject} must not be empty: ${instead}`);
}
