import { ownError } from '../core/errors';
import { ONLY } from '../core/selection';
import type { Attributes } from '../model/attributes';
import { copyMembers } from '../model/mechanisms/caller-copies';
import {
  attributesOfAll,
  attributesOfOne,
  type ObjectSelection,
  type SearchSelection,
} from '../model/objects/selection';
import type { Token } from '../model/token';
import { matchesUri, parseUri } from '../uri';

/** A selection of one object of a client: as in the model, or by a PKCS#11 URI. */
export type ClientObjectSelection = ObjectSelection | string;

/** A selection of objects of a client: as in the model, or by a PKCS#11 URI. */
export type ClientSearchSelection = SearchSelection | string;

/**
 * Checks a selection and copies it, because the caller may change it later.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE for an empty selection
 */
export function copySelection<S extends ClientObjectSelection>(selection: S, noun: string): S {
  if (typeof selection === 'string') return selection;
  return copyMembers(attributesOfOne(selection, noun)) as S;
}

/**
 * Returns the attributes of a search for one object: a copy of those given, or those of a PKCS#11 URI, which must not name
 * another token.
 * @param noun the kind of object, such as 'private key'
 * @throws ERR_CRYPTOKI_URI, ERR_CRYPTOKI_OBJECT_NOT_FOUND; TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function attributesOf(selection: ClientObjectSelection, token: Token, noun: string): Attributes {
  const isUri = typeof selection === 'string' && selection !== ONLY;
  return copyMembers(attributesOfOne(isUri ? objectOf(selection, token) : selection, noun));
}

/** Returns the attributes of a search for objects; see {@link attributesOf}. */
export function attributesOfSearch(selection: ClientSearchSelection, token: Token): Attributes {
  const isUri = typeof selection === 'string' && selection !== 'all';
  return copyMembers(attributesOfAll(isUri ? objectOf(selection, token) : selection));
}

function objectOf(text: string, token: Token): Attributes {
  const uri = parseUri(text);
  if (matchesUri(uri, { token })) return uri.object as Attributes;
  throw ownError(
    'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
    `the URI names another token than "${token.label}", to which the client is connected; use the client of that token`,
  );
}
