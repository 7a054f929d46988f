import { argumentError, requireObject, requireOptions } from '../../core/arguments';
import { CryptokiError } from '../../core/errors';
import { type Attributes, fromResults, toTemplate } from '../attributes';
import type { Session } from '../session';
import { IDENTITY_TYPES, loginEpoch, makeObject } from './create-object';
import { IDENTITY, type ObjectClass, type StorageObject } from './storage-object';

/** How a search is limited. */
export interface FindOptions {
  /** How many objects at most; default all. */
  readonly limit?: number | undefined;
}

/** C_FindObjects, with what identifies each object, as one native job; see Session.find. */
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
  const found = await session.use().findObjects(session.name, toTemplate(attributes), IDENTITY_TYPES, limit);
  return found.map(({ handle, attributes: results }) =>
    makeObject(session, handle, fromResults(IDENTITY, results), epoch),
  );
}

/** The one object of a class with these attributes; see Session.privateKey. */
export async function findOne(
  session: Session,
  objectClass: ObjectClass | undefined,
  attributes: Attributes,
): Promise<StorageObject> {
  requireObject(attributes, 'the attributes to search by');
  const found = await findObjects(
    session,
    objectClass === undefined ? attributes : { ...attributes, class: objectClass },
    { limit: 2 },
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const what = String(objectClass ?? 'object')
    .toLowerCase()
    .replace('_', ' ');
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
