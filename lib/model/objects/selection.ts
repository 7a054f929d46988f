/** Selections of objects for a search. */
import { wrongValue } from '../../core/argument-errors';
import { ONLY, requireSelection } from '../../core/selection';
import type { Attributes } from '../attributes';

/** Selects an object: by attributes that it has, or 'only': the only one of its class. */
export type ObjectSelection = Attributes | typeof ONLY;

/** Selects objects: by attributes that they have, or 'all'. */
export type SearchSelection = Attributes | 'all';

const SUBJECT = 'the attributes to search by';

/**
 * Returns the attributes by which one object is searched; none for 'only'.
 * @param noun the kind of object, such as 'private key'
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function attributesOfOne(selection: unknown, noun: string): Attributes {
  if (selection === ONLY) return {};
  const instead = `give label or id of the ${noun}, or '${ONLY}' to select the only one`;
  requireSelection(selection, SUBJECT, instead);
  const attributes = selection as Attributes;
  // The method determines the class, so the class alone selects nothing.
  if (Object.keys(attributes).every((name) => name === 'class')) {
    throw wrongValue(`${SUBJECT} must not be the class alone: ${instead}`);
  }
  return attributes;
}

/**
 * Returns the attributes by which objects are searched; none for 'all'.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function attributesOfAll(selection: unknown): Attributes {
  if (selection === 'all') return {};
  requireSelection(selection, SUBJECT, "find('all') and find() return all objects");
  return selection as Attributes;
}
