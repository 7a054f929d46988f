/** Modules whose login applies to one session. By PKCS#11 it applies to all sessions of the program with the token. */

import { CryptokiError } from '../../core/errors';
import { emitWarning } from '../../core/warnings';
import { CKR } from '../../generated/constants';
import type { Session } from '../../model/session';
import type { Token } from '../../model/token';

async function isLoggedIn(session: Session): Promise<boolean> {
  const { state } = await session.info();
  return !state.endsWith('PUBLIC_SESSION');
}

/** Returns true when the module reports the login on `session`, which has logged in, but not on `other`. */
export async function isLoggedInAlone(session: Session, other: Session): Promise<boolean> {
  try {
    if (await isLoggedIn(other)) return false;
  } catch {
    return false;
  }
  try {
    if (!(await isLoggedIn(session))) return false;
    // Another user of the module may have logged out and in again between the calls.
    return !(await isLoggedIn(other)) && (await isLoggedIn(session));
  } catch {
    return false; // operations will get the same error
  } finally {
    await new Promise(setImmediate); // until the model has emitted the events that follow from these calls
  }
}

/** Builds the error for a second session. CKR_SESSION_COUNT makes the pool treat it as the limit of the token. */
export function onlyOneSession(): CryptokiError {
  return new CryptokiError({
    rv: CKR.SESSION_COUNT,
    detail: 'the login of this module applies to one session, so the client uses only that one',
  });
}

/** Warns that all operations use one session. */
export function warnLoginPerSession({ label }: Token): void {
  emitWarning(
    'CRYPTOKI_LOGIN_PER_SESSION',
    `a login on token "${label}" applies to one session only (PKCS#11: to all sessions of the program): the client runs all operations on one session, one after the other`,
  );
}
