import { requireInteger, requireOptions } from '../../core/arguments';
import { ownError } from '../../core/errors';
import type { Attributes } from '../attributes';
import { loginEpoch } from '../login/session-access';
import type { Session } from '../session';
import { classOf, makeObject } from './create-object';
import type { Identity, ObjectClass } from './identity';
import { search } from './search';
import type { StorageObject } from './storage-object';

/** The options of Session.find. */
export interface FindOptions {
  /** The maximum number of objects; default all. */
  readonly limit?: number | undefined;
}

/** Finds objects with C_FindObjects, and reads their {@link Identity}; see Session.find. */
export async function findObjects(
  session: Session,
  attributes: Attributes,
  options: FindOptions,
): Promise<StorageObject[]> {
  requireOptions(options, 'the options of find', ['limit']);
  if (options.limit !== undefined) requireInteger(options.limit, 'limit', { min: 1 });
  const limit = options.limit ?? 0;
  const epoch = loginEpoch(session);
  // Objects have the class that was searched for, even if it cannot be read because the device was lost in the meantime.
  const objectClass = classOf(attributes);
  const searched: Identity = objectClass === undefined ? {} : { class: objectClass };
  const found = await search(session, attributes, limit);
  return found.map(({ handle, identity }) =>
    makeObject(session, handle, { ...searched, ...identity }, epoch),
  );
}

/** Returns the noun for objects of a class in messages: 'private key'. */
export function nounOf(objectClass: ObjectClass | undefined): string {
  return String(objectClass ?? 'object')
    .toLowerCase()
    .replace('_', ' ');
}

/** Finds the one object of a class with these attributes; see Session.privateKey. */
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
  const subject = `${nounOf(objectClass)} on token "${session.token.label}"`;
  const names = Object.keys(attributes).join(', ') || 'no attributes';
  if (found.length > 1) {
    throw ownError(
      'ERR_CRYPTOKI_OBJECT_AMBIGUOUS',
      `more than one ${subject} matches (searched by ${names}); add id or label`,
    );
  }
  const hint = session.state.includes('PUBLIC_SESSION')
    ? '; log in to find private objects, because nobody is logged in'
    : '';
  throw ownError('ERR_CRYPTOKI_OBJECT_NOT_FOUND', `no ${subject} matches (searched by ${names})${hint}`);
}
