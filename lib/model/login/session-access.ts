/** What a session may do in its state, asked before a call is made. The table is spec/session-states.json. */
import { CryptokiError } from '../../core/errors';
import { type Access, type ObjectKind, SESSION_STATES, type StateName } from '../../generated/session-states';
import type { RawModule } from '../../raw';
import type { ModelSession, ModelSlot } from '../model-types';

/** What the table tells objects apart by. */
export interface ObjectTraits {
  /** CKA_TOKEN */
  readonly token: boolean;
  /** CKA_PRIVATE; undefined where a template leaves it to the token. */
  readonly private?: boolean | undefined;
}

/** What is about to be done with an object; each needs write access. */
export type Writing = 'create' | 'generate' | 'copy' | 'change' | 'destroy';

const kindOf = (traits: ObjectTraits): ObjectKind =>
  `${traits.private === true ? 'private' : 'public'}${traits.token ? 'Token' : 'Session'}`;

/** What a session in this state may do with an object (PKCS#11 Usage Guide 3.2, section 2.6.4). */
export function accessTo(state: StateName, traits: ObjectTraits): Access {
  return SESSION_STATES[state].access[kindOf(traits)];
}

/**
 * The raw module, if the session is open and may write such an object. A token that needs no login (without
 * CKF_LOGIN_REQUIRED) has private objects that everybody may use, so there only the session counts.
 * @throws ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_ACCESS, ERR_CRYPTOKI_SESSION_CLOSED
 */
export function useForWriting(session: ModelSession, writing: Writing, traits: ObjectTraits): RawModule {
  const raw = session.use();
  const { state } = session;
  if (state === 'CLOSED') return session.use(); // lost this moment: says so
  const asked = session.token.slot.loginRequired ? traits : { token: traits.token };
  const access = accessTo(state, asked);
  if (access === 'readWrite') return raw;
  const kind = `${asked.private === true ? 'private' : 'public'} ${traits.token ? 'token' : 'session'} object`;
  const what = `a session in the state ${state} cannot ${writing} a ${kind}`;
  const reopen = 'open a read/write one with openSession({ readWrite: true })';
  if (access === 'read') {
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_SESSION_READ_ONLY',
      detail: `${what} (CKR_SESSION_READ_ONLY); the session is read-only: ${reopen}`,
    });
  }
  const { user, readWrite } = SESSION_STATES[state];
  const login =
    user === 'SO'
      ? 'log the security officer out, then log in as USER'
      : 'nobody is logged in: log in with session.login(pin)';
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_ACCESS',
    detail: `${what} (CKR_USER_NOT_LOGGED_IN); ${login}${traits.token && !readWrite ? `, and ${reopen}` : ''}`,
    action: 'relogin',
  });
}

/**
 * The raw module, if the state of the session lets the PIN be set or initialised.
 * @throws ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_ACCESS, ERR_CRYPTOKI_SESSION_CLOSED
 */
export function useForPin(session: ModelSession, what: 'set' | 'init'): RawModule {
  const raw = session.use();
  const { state } = session;
  if (state === 'CLOSED') return session.use();
  const { pin, readWrite } = SESSION_STATES[state];
  if (pin.includes(what)) return raw;
  const call = what === 'set' ? 'C_SetPIN' : 'C_InitPIN';
  if (!readWrite) {
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_SESSION_READ_ONLY',
      detail: `${call} needs a read/write session (CKR_SESSION_READ_ONLY); open one with openSession({ readWrite: true })`,
    });
  }
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_ACCESS',
    detail: `${call} is the security officer's, and the session is in the state ${state} (CKR_USER_NOT_LOGGED_IN); log in with { user: 'SO' }`,
    action: 'relogin',
  });
}

/**
 * There are no read-only sessions of the security officer: none can be opened while he is logged in.
 * @throws ERR_CRYPTOKI_SO_READ_ONLY
 */
export function refuseReadOnlyBesideSO(slot: ModelSlot): void {
  if (slot.login.user !== 'SO') return;
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_SO_READ_ONLY',
    detail:
      'no read-only session can be opened while the security officer is logged in (CKR_SESSION_READ_WRITE_SO_EXISTS); ' +
      'open it with { readWrite: true }, or log the security officer out',
  });
}

/**
 * The other way round: he cannot log in while there are read-only sessions.
 * @throws ERR_CRYPTOKI_SO_READ_ONLY
 */
export function refuseSOBesideReadOnly(slot: ModelSlot): void {
  const count = [...slot.sessions].filter((session) => !session.readWrite && !session.closed).length;
  if (count === 0) return;
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_SO_READ_ONLY',
    detail:
      `the security officer cannot log in while there are read-only sessions on the token (CKR_SESSION_READ_ONLY_EXISTS); ` +
      `close the ${count} that this program has open`,
  });
}

/** Number of logins on the session's token that have ended: an object belongs to the epoch in which it was seen. */
export function loginEpoch(session: ModelSession): number {
  const { slot } = session.token;
  return slot.module.use().loginEpoch(slot.id);
}
