/** Login with the lockout guard: a wrong PIN costs one try, however often it is asked for. */

import { argumentError, isBytes, requireOptions, viewOf } from '../../core/arguments';
import { constantValue } from '../../core/constant-names';
import { CryptokiError, isCode } from '../../core/errors';
import { CKR } from '../../generated/constants';
import type { Pin } from '../../pin/pin';
import type { ModelSession, ModelToken } from '../model-types';
import type { User } from '../session-types';
import { type Account, forgetRefused, rememberRefused, wasRefused } from './pin-guard';
import { refuseSOBesideReadOnly } from './session-access';

/** Insists, where the lockout guard would refuse. */
export interface ForceOptions {
  /** Sends the PIN although the token has refused it before, has one try left, or says it is locked. Default false. */
  readonly force?: boolean | undefined;
}

/** Who logs in, and how. */
export interface LoginOptions extends ForceOptions {
  /** 'USER' (default), or 'SO', the security officer. */
  readonly user?: User | undefined;
  /** The name of the user, for tokens that know several (C_LoginUser, PKCS#11 3.0). */
  readonly username?: string | undefined;
}

/**
 * A PIN of our own, to be wiped: outside of the heap, where the collector would leave copies.
 * @throws RangeError ERR_OUT_OF_RANGE for an empty one: it is a PIN that was not set, and costs a try like any other
 */
export function copyPin(pin: Pin | null, what = 'the PIN'): Uint8Array | null {
  if (pin === null) return null;
  if ((typeof pin === 'string' && pin === '') || (isBytes(pin) && pin.byteLength === 0)) {
    throw argumentError(
      RangeError,
      `${what} is empty, so nothing was sent: it would cost a try. null lets the token ask for it on its own pad`,
    );
  }
  if (typeof pin === 'string') {
    const length = Buffer.byteLength(pin);
    const bytes = Buffer.from(new ArrayBuffer(length));
    bytes.write(pin);
    return bytes;
  }
  if (!isBytes(pin)) {
    throw argumentError(
      TypeError,
      `${what} must be a string, bytes, or null where the token asks for it itself`,
    );
  }
  const view = viewOf(pin);
  const bytes = new Uint8Array(new ArrayBuffer(view.length));
  bytes.set(view);
  return bytes;
}

/** Whose PIN it is. */
export function accountOf(token: ModelToken, user: Account['user'], username?: string): Account {
  return { token: token.identity, user, username };
}

const queues = new Map<string, Promise<unknown>>();

/** One after the other per token: of several wrong PINs sent side by side, each would cost a try. */
async function oneAtATime<T>(token: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(token);
  const mine = before === undefined ? work() : before.then(work);
  const settled = mine.catch(() => {});
  queues.set(token, settled);
  try {
    return await mine;
  } finally {
    if (queues.get(token) === settled) queues.delete(token);
  }
}

/** @throws ERR_CRYPTOKI_PIN_REFUSED */
export function checkNotRefused(account: Account, pin: Uint8Array | null): void {
  if (pin === null || !wasRefused(account, pin)) return;
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_PIN_REFUSED',
    detail:
      'the token has refused this PIN before (CKR_PIN_INCORRECT), so it was not sent again: each wrong PIN brings the token ' +
      'nearer to being locked. Give the right one, or { force: true } if it has become right since',
  });
}

/** Says what the token says of the PIN, before one is sent. */
async function checkTries(token: ModelToken, user: Account['user']): Promise<void> {
  const info = await token.info();
  const { finalTry, locked } = user === 'SO' ? info.soPin : info.userPin;
  const who = user === 'SO' ? 'of the security officer' : 'of the user';
  if (locked) {
    const help =
      user === 'SO'
        ? 'only initialising the token anew helps, which destroys its objects, if that'
        : 'the security officer can give a new one with initPin()';
    throw new CryptokiError({
      rv: CKR.PIN_LOCKED,
      detail: `the token says that the PIN ${who} is locked, so none was sent; ${help}. { force: true } sends it all the same`,
    });
  }
  if (!finalTry) return;
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_PIN_FINAL_TRY',
    detail:
      `one more wrong PIN ${who} locks the token, so none was sent. Make sure of the PIN, then give { force: true }; ` +
      'a good login sets the count back',
  });
}

/** How {@link guarded} sends a PIN. */
export interface Attempt {
  readonly account: Account;
  readonly pin: Uint8Array | null;
  readonly force: boolean;
  /** Whether the token's flags are asked first. */
  readonly asksFlags: boolean;
}

/** Sends a PIN if the guard has nothing against it, one at a time per token, and learns from what comes of it. */
export function guarded<T>(
  token: ModelToken,
  { account, pin, force, asksFlags }: Attempt,
  send: () => Promise<T>,
): Promise<T> {
  return oneAtATime(account.token, async () => {
    if (!force) {
      checkNotRefused(account, pin);
      if (asksFlags) await checkTries(token, account.user);
    }
    return learning(account, pin, send);
  });
}

/** Remembers a PIN that the token refuses, and forgets one that it takes. */
async function learning<T>(account: Account, pin: Uint8Array | null, send: () => Promise<T>): Promise<T> {
  try {
    const result = await send();
    if (pin !== null) forgetRefused(account, pin);
    return result;
  } catch (error) {
    if (pin !== null && isCode(error, 'CKR_PIN_INCORRECT')) rememberRefused(account, pin);
    throw error;
  }
}

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function checkForce(force: unknown): boolean {
  if (force === undefined || typeof force === 'boolean') return force ?? false;
  throw argumentError(TypeError, 'force must be a boolean');
}

/** C_Login or C_LoginUser; see Session.login. */
export async function login(session: ModelSession, pin: Pin | null, options: LoginOptions): Promise<void> {
  requireOptions(options, 'the options of login', ['user', 'username', 'force']);
  const { user = 'USER', username } = options;
  const force = checkForce(options.force);
  if (user !== 'USER' && user !== 'SO') throw argumentError(TypeError, 'user must be "USER" or "SO"');
  if (username !== undefined && typeof username !== 'string') {
    throw argumentError(TypeError, 'username must be a string');
  }
  session.use();
  const own = copyPin(pin);
  const { token } = session;
  const { slot } = token;
  const account = accountOf(token, user, username);
  const type = constantValue('CKU', user);
  try {
    if (user === 'SO') refuseSOBesideReadOnly(slot);
    // The user who is logged in is told so, whatever the PIN: it is not tried.
    await guarded(token, { account, pin: own, force, asksFlags: slot.login.user !== user }, async () => {
      const raw = session.use();
      if (username === undefined) await raw.C_Login(session.name, type, own);
      else await raw.C_LoginUser(session.name, type, own, username);
    });
  } catch (error) {
    const already = isCode(error, 'CKR_USER_ALREADY_LOGGED_IN');
    // Some modules say the same when another user is logged in.
    if (!already || slot.login.user !== user) throw error;
  } finally {
    own?.fill(0);
    slot.login.update();
  }
}
