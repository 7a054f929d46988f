/** The operations that a session allows in its state, checked before a call is made. The table is spec/session-states.json. */
import { ownError } from '../../core/errors';
import { type Access, type ObjectKind, SESSION_STATES, type StateName } from '../../generated/session-states';
import type { RawModule } from '../../raw';
import type { ModelSession, ModelSlot } from '../model-types';

/** The attributes by which the table distinguishes objects. */
export interface ObjectTraits {
  /** CKA_TOKEN */
  readonly token: boolean;
  /** CKA_PRIVATE; undefined if a template leaves it to the token. */
  readonly private?: boolean | undefined;
}

/** An operation with an object that needs write access. */
export type Writing = 'create' | 'generate' | 'copy' | 'change' | 'destroy';

const OPEN_READ_WRITE = 'open a read/write session with openSession({ readWrite: true })';

const kindOf = (traits: ObjectTraits): ObjectKind =>
  `${traits.private === true ? 'private' : 'public'}${traits.token ? 'Token' : 'Session'}`;

/** Returns the access of a session in this state to an object (PKCS#11 Usage Guide 3.2, section 2.6.4). */
export function accessTo(state: StateName, traits: ObjectTraits): Access {
  return SESSION_STATES[state].access[kindOf(traits)];
}

/**
 * Returns the raw module if the session is open and may write such an object. Private objects of a token that needs no
 * login (without CKF_LOGIN_REQUIRED) can be used by everybody, so only the kind of session is checked then.
 * @throws ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_ACCESS, ERR_CRYPTOKI_SESSION_CLOSED
 */
export function useForWriting(session: ModelSession, writing: Writing, traits: ObjectTraits): RawModule {
  const raw = session.use();
  const { state } = session;
  if (state === 'CLOSED') return session.use(); // the session was lost since the check above: throws
  const checkedTraits = session.token.slot.loginRequired ? traits : { token: traits.token };
  const access = accessTo(state, checkedTraits);
  if (access === 'readWrite') return raw;
  const kind = `${checkedTraits.private === true ? 'private' : 'public'} ${traits.token ? 'token' : 'session'} object`;
  const refusal = `a session in the state ${state} cannot ${writing} a ${kind}`;
  if (access === 'read') {
    throw ownError(
      'ERR_CRYPTOKI_SESSION_READ_ONLY',
      `${refusal} (CKR_SESSION_READ_ONLY); ${OPEN_READ_WRITE}`,
    );
  }
  const { user, readWrite } = SESSION_STATES[state];
  const login =
    user === 'SO'
      ? 'log the security officer out, then log in as USER'
      : 'log in with session.login(pin), because nobody is logged in';
  const reopen = traits.token && !readWrite ? `, and ${OPEN_READ_WRITE}` : '';
  throw ownError('ERR_CRYPTOKI_ACCESS', `${refusal} (CKR_USER_NOT_LOGGED_IN); ${login}${reopen}`);
}

/**
 * Returns the raw module if the state of the session allows the PIN to be set or initialised.
 * @throws ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_ACCESS, ERR_CRYPTOKI_SESSION_CLOSED
 */
export function useForPin(session: ModelSession, operation: 'set' | 'init'): RawModule {
  const raw = session.use();
  const { state } = session;
  if (state === 'CLOSED') return session.use();
  const { pin, readWrite } = SESSION_STATES[state];
  if (pin.includes(operation)) return raw;
  const call = operation === 'set' ? 'C_SetPIN' : 'C_InitPIN';
  if (!readWrite) {
    throw ownError(
      'ERR_CRYPTOKI_SESSION_READ_ONLY',
      `${call} needs a read/write session (CKR_SESSION_READ_ONLY); ${OPEN_READ_WRITE}`,
    );
  }
  throw ownError(
    'ERR_CRYPTOKI_ACCESS',
    `${call} needs a login of the security officer, and the session is in the state ${state} (CKR_USER_NOT_LOGGED_IN); log in with { user: 'SO' }`,
  );
}

/**
 * Checks that the security officer is not logged in, since no read-only session can be opened then.
 * @throws ERR_CRYPTOKI_SO_READ_ONLY
 */
export function refuseReadOnlyBesideSO(slot: ModelSlot): void {
  if (slot.login.user !== 'SO') return;
  throw ownError(
    'ERR_CRYPTOKI_SO_READ_ONLY',
    'a read-only session cannot be opened while the security officer is logged in (CKR_SESSION_READ_WRITE_SO_EXISTS); ' +
      'open it with { readWrite: true }, or log the security officer out',
  );
}

/**
 * Checks that no read-only session is open on the slot, since the security officer cannot log in then.
 * @throws ERR_CRYPTOKI_SO_READ_ONLY
 */
export function refuseSOBesideReadOnly(slot: ModelSlot): void {
  const count = [...slot.sessions].filter((session) => !session.readWrite && !session.closed).length;
  if (count === 0) return;
  throw ownError(
    'ERR_CRYPTOKI_SO_READ_ONLY',
    'the security officer cannot log in while read-only sessions are open on the token (CKR_SESSION_READ_ONLY_EXISTS); ' +
      `close the ${count} that this program has open`,
  );
}

/** Returns the number of logins on the session's token that have ended: an object belongs to the epoch in which it was found. */
export function loginEpoch(session: ModelSession): number {
  const { slot } = session.token;
  return slot.module.use().loginEpoch(slot.id);
}
