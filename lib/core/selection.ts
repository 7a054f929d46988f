/** Selections: what says which object, token or attributes are meant. One that says nothing is refused, not taken as "any". */

import type { Attributes } from '../model/attributes';
import { argumentError, isPlainObject, shown } from './arguments';

/** Asks for the only one that there is. */
export const ONLY = 'only';

/** Which object: attributes that it has, or 'only': the only one of its class that there is. */
export type ObjectSelection = Attributes | typeof ONLY;

/** Which objects: attributes that they have, or 'all'. */
export type SearchSelection = Attributes | 'all';

function valueError(message: string): Error {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
}

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

/**
 * The attributes to search for one object by; none for 'only'.
 * @param noun the kind of object, such as 'private key'
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function attributesOfOne(selection: unknown, noun: string): Attributes {
  if (selection === ONLY) return {};
  const what = 'the attributes to search by';
  const instead = `give label or id of the ${noun}, or '${ONLY}' to ask for the only one`;
  requireSelection(selection, what, instead);
  const attributes = selection as Attributes;
  // The method has the class already.
  if (Object.keys(attributes).every((name) => name === 'class')) {
    throw valueError(`${what} must not be the class alone: ${instead}`);
  }
  return attributes;
}

/**
 * The attributes to search for objects by; none for 'all'.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function attributesOfAll(selection: unknown): Attributes {
  if (selection === 'all') return {};
  const what = 'the attributes to search by';
  const instead = "find('all') and find() give all objects";
  requireSelection(selection, what, instead);
  return selection as Attributes;
}
