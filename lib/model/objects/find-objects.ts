import { argumentError, requireOptions } from '../../core/arguments';
import { CryptokiError } from '../../core/errors';
import type { Attributes } from '../attributes';
import { loginEpoch } from '../login/session-access';
import type { Session } from '../session';
import { classOf, makeObject } from './create-object';
import type { Identity, ObjectClass } from './identity';
import { search } from './search';
import type { StorageObject } from './storage-object';

/** How a search is limited. */
export interface FindOptions {
  /** How many objects at most; default all. */
  readonly limit?: number | undefined;
}

/** C_FindObjects, with what identifies each object; see Session.find. */
export async function findObjects(
  session: Session,
  attributes: Attributes,
  options: FindOptions,
): Promise<StorageObject[]> {
  requireOptions(options, 'the options of find', ['limit']);
  const limit = options.limit ?? 0;
  if (options.limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1)) {
    throw argumentError(RangeError, 'limit must be a positive integer');
  }
  const epoch = loginEpoch(session);
  // What was found has the class that was searched for, also where it cannot be read (the device may be lost by then).
  const objectClass = classOf(attributes);
  const searched: Identity = objectClass === undefined ? {} : { class: objectClass };
  const found = await search(session, attributes, limit);
  return found.map(({ handle, identity }) =>
    makeObject(session, handle, { ...searched, ...identity }, epoch),
  );
}

/** What errors call an object of a class. */
export function nounOf(objectClass: ObjectClass | undefined): string {
  return String(objectClass ?? 'object')
    .toLowerCase()
    .replace('_', ' ');
}

/** The one object of a class with these attributes; see Session.privateKey. */
export async function findOne(
  session: Session,
  objectClass: ObjectClass | undefined,
  attributes: Attributes,
): Promise<StorageObject> {
  const found = await findObjects(
    session,
    objectClass === undefined ? attributes : { ...attributes, class: objectClass },
    { limit: 2 },
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const what = nounOf(objectClass);
  const names = Object.keys(attributes).join(', ') || 'no attributes';
  const where = `on token "${session.token.label}"`;
  if (found.length > 1) {
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS',
      detail: `more than one ${what} ${where} fits (searched by ${names}); add id or label`,
    });
  }
  const hint = session.state.includes('PUBLIC_SESSION')
    ? '; nobody is logged in, so private objects are not seen'
    : '';
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
    detail: `no ${what} ${where} fits (searched by ${names})${hint}`,
  });
}
