/** Modules whose login counts on one session only, against PKCS#11, where it belongs to the program and the token. */
import { CryptokiError } from '../../core/errors';
import { CKR } from '../../generated/constants';
import type { Session } from '../../model/session';
import type { Token } from '../../model/token';

async function isLoggedIn(session: Session): Promise<boolean> {
  const { state } = await session.info();
  return !state.endsWith('PUBLIC_SESSION');
}

/** Whether the module reports the login on the session that has made it, and not on the other. */
export async function isLoggedInAlone(session: Session, other: Session): Promise<boolean> {
  try {
    if (await isLoggedIn(other)) return false;
  } catch {
    return false;
  }
  try {
    if (!(await isLoggedIn(session))) return false;
    // Somebody may have logged out and in again in between.
    return !(await isLoggedIn(other)) && (await isLoggedIn(session));
  } catch {
    return false; // whatever is wrong, operations notice
  } finally {
    await new Promise(setImmediate); // the model has told its listeners what the answers meant to it
  }
}

/** The pool takes it for the limit of the token. */
export function onlyOneSession(): CryptokiError {
  return new CryptokiError({
    rv: CKR.SESSION_COUNT,
    detail: 'the module logs in one session only, so the client uses no other',
  });
}

/** Says why operations wait for each other. */
export function warnLoginPerSession({ label }: Token): void {
  process.emitWarning(
    `the module logs in single sessions of token "${label}" and not the program, against PKCS#11: the client does everything on one session, and operations wait for each other`,
    { type: 'CryptokiWarning', code: 'CRYPTOKI_LOGIN_PER_SESSION' },
  );
}
