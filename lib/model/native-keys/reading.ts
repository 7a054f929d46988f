/** Reads and finds objects in modules that refuse all attributes because of one, or refuse some searches. */

import { CryptokiError } from '../../core/errors';
import type { AllAttributeValues, AttributeName, Attributes } from '../attributes';
import type { ModelObject, ModelSession } from '../model-types';

/** Errors that mean that the session, the login, the object or the token is lost. */
const LOST = [
  ...['CKR_SESSION_HANDLE_INVALID', 'CKR_SESSION_CLOSED', 'CKR_USER_NOT_LOGGED_IN'],
  ...['CKR_OBJECT_HANDLE_INVALID', 'CKR_KEY_HANDLE_INVALID', 'CKR_CRYPTOKI_NOT_INITIALIZED'],
  ...['CKR_DEVICE_REMOVED', 'CKR_TOKEN_NOT_PRESENT', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_SLOT_ID_INVALID'],
];

/** Returns true for an error of the module that does not mean a loss. */
export function isRefusal(error: unknown): error is CryptokiError {
  return error instanceof CryptokiError && error.rv !== undefined && !LOST.includes(error.code);
}

/**
 * Reads attributes by name. If the module refuses all of them, each is read alone, and those that are refused are absent.
 * @throws errors that mean that session, login, object or token is lost
 */
export async function readable<Name extends AttributeName>(
  object: ModelObject,
  ...names: readonly Name[]
): Promise<Partial<Pick<AllAttributeValues, Name>>> {
  try {
    return await object.attributes(...names);
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  let values: Partial<Pick<AllAttributeValues, Name>> = {};
  for (const name of names) {
    try {
      values = { ...values, ...(await object.attributes(name)) };
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  return values;
}

/**
 * Finds the objects with these attributes; none if the module refuses to search by them.
 * @throws as {@link readable}
 */
export async function findable(
  session: ModelSession,
  attributes: Attributes,
): Promise<readonly ModelObject[]> {
  try {
    return await session.find(attributes);
  } catch (error) {
    if (isRefusal(error)) return [];
    throw error;
  }
}
