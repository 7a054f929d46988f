/** Selections of objects for a search. */
import { valueError } from '../../core/arguments';
import { ONLY, requireSelection } from '../../core/selection';
import type { Attributes } from '../attributes';

/** Which object: attributes that it has, or 'only': the only one of its class that there is. */
export type ObjectSelection = Attributes | typeof ONLY;

/** Which objects: attributes that they have, or 'all'. */
export type SearchSelection = Attributes | 'all';

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
