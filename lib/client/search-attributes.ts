import { requireObject } from '../core/arguments';
import { CryptokiError } from '../core/errors';
import type { Attributes } from '../model/attributes';
import { copyMembers } from '../model/mechanisms/caller-copies';
import type { Token } from '../model/token';
import { matchesUri, parseUri } from '../uri';

/**
 * The attributes to search by: themselves, or those of a PKCS#11 URI, which must not name another token.
 * @throws ERR_CRYPTOKI_URI, ERR_CRYPTOKI_OBJECT_NOT_FOUND; TypeError ERR_INVALID_ARG_TYPE
 */
export function attributesOf(which: Attributes | string, token: Token): Attributes {
  if (typeof which !== 'string') {
    requireObject(which, 'the attributes to search by, or a PKCS#11 URI,');
    return copyMembers(which);
  }
  const uri = parseUri(which);
  if (matchesUri(uri, { token })) return uri.object as Attributes;
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
    detail: `the URI is of another token than "${token.label}", with which the client is connected`,
  });
}
