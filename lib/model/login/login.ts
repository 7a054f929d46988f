/** Login with the lockout guard: a wrong PIN costs one try, however often the program uses it. */

import { unknownName, wrongType, wrongValue } from '../../core/argument-errors';
import { isBytes, requireBoolean, requireOptions, requireString, viewOf } from '../../core/arguments';
import { constantValue } from '../../core/constant-names';
import { CryptokiError, isCode, ownError } from '../../core/errors';
import { CKR } from '../../generated/constants';
import type { Pin } from '../../pin/pin';
import type { ModelSession, ModelToken } from '../model-types';
import type { User } from '../session-types';
import { type Account, forgetRefused, rememberRefused, wasRefused } from './pin-guard';
import { refuseSOBesideReadOnly } from './session-access';

/** The option that overrides the lockout guard. */
export interface ForceOptions {
  /** Sends the PIN even if the token has refused it before, has one try left, or reports that the PIN is locked. Default false. */
  readonly force?: boolean | undefined;
}

/** The options of a login. */
export interface LoginOptions extends ForceOptions {
  /** 'USER' (default), or 'SO', the security officer. */
  readonly user?: User | undefined;
  /** The name of the user, for tokens with several users (C_LoginUser, PKCS#11 3.0). */
  readonly username?: string | undefined;
}

/**
 * Copies a PIN, so that the caller of this function can wipe it. The copy is outside of the heap, where the garbage
 * collector would leave more copies.
 * @throws TypeError ERR_INVALID_ARG_TYPE; TypeError ERR_INVALID_ARG_VALUE for an empty PIN, which is probably an unset
 *   variable, and costs a try like any other
 */
export function copyPin(pin: Pin | null, name = 'the PIN'): Uint8Array | null {
  if (pin === null) return null;
  if ((typeof pin === 'string' && pin === '') || (isBytes(pin) && pin.byteLength === 0)) {
    throw wrongValue(
      `${name} is empty, and was not sent, because it would cost a try; give null to enter it at the token's own PIN pad`,
    );
  }
  if (typeof pin === 'string') {
    const length = Buffer.byteLength(pin);
    const bytes = Buffer.from(new ArrayBuffer(length));
    bytes.write(pin);
    return bytes;
  }
  if (!isBytes(pin)) {
    throw wrongType(name, "a string, bytes, or null to enter it at the token's own PIN pad", pin);
  }
  const view = viewOf(pin);
  const bytes = new Uint8Array(new ArrayBuffer(view.length));
  bytes.set(view);
  return bytes;
}

/** Returns the account that a PIN belongs to. */
export function accountOf(token: ModelToken, user: Account['user'], username?: string): Account {
  return { token: token.identity, user, username };
}

const queues = new Map<string, Promise<unknown>>();

/** Runs one piece of work at a time per token: each of several wrong PINs sent at the same time would cost a try. */
async function oneAtATime<T>(token: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(token);
  const result = before === undefined ? work() : before.then(work);
  const settled = result.catch(() => {});
  queues.set(token, settled);
  try {
    return await result;
  } finally {
    if (queues.get(token) === settled) queues.delete(token);
  }
}

/** @throws ERR_CRYPTOKI_PIN_REFUSED */
export function checkNotRefused(account: Account, pin: Uint8Array | null): void {
  if (pin === null || !wasRefused(account, pin)) return;
  throw ownError(
    'ERR_CRYPTOKI_PIN_REFUSED',
    'the token has refused this PIN before (CKR_PIN_INCORRECT), so it was not sent again: each wrong PIN brings the token ' +
      'nearer to being locked; give the right one, or { force: true } if it has become right since',
  );
}

/**
 * Checks the token's flags of the PIN before one is sent.
 * @throws CKR_PIN_LOCKED, ERR_CRYPTOKI_PIN_FINAL_TRY; no call of C_Login was made
 */
async function checkTries(token: ModelToken, user: Account['user']): Promise<void> {
  const info = await token.info();
  const { finalTry, locked } = user === 'SO' ? info.soPin : info.userPin;
  const owner = user === 'SO' ? 'of the security officer' : 'of the user';
  if (locked) {
    const help =
      user === 'SO'
        ? 'if anything helps, it is to initialise the token again, which destroys its objects'
        : 'the security officer can set a new one with initPin()';
    throw new CryptokiError({
      rv: CKR.PIN_LOCKED,
      detail: `the token reports that the PIN ${owner} is locked, so none was sent; ${help}. { force: true } sends it nevertheless`,
    });
  }
  if (!finalTry) return;
  throw ownError(
    'ERR_CRYPTOKI_PIN_FINAL_TRY',
    `one more wrong PIN ${owner} locks the token, so none was sent; make sure of the PIN, then give { force: true }. ` +
      'A successful login resets the count',
  );
}

/** A PIN that {@link guarded} sends. */
export interface Attempt {
  readonly account: Account;
  readonly pin: Uint8Array | null;
  readonly force: boolean;
  /** True to check the token's flags of the PIN first. */
  readonly checksFlags: boolean;
}

/**
 * Sends a PIN unless the lockout guard refuses it, one at a time per token, and remembers a PIN that the token refuses.
 * @throws ERR_CRYPTOKI_PIN_REFUSED, ERR_CRYPTOKI_PIN_FINAL_TRY, CKR_PIN_LOCKED; errors of `send`
 */
export function guarded<T>(
  token: ModelToken,
  { account, pin, force, checksFlags }: Attempt,
  send: () => Promise<T>,
): Promise<T> {
  return oneAtATime(account.token, async () => {
    if (!force) {
      checkNotRefused(account, pin);
      if (checksFlags) await checkTries(token, account.user);
    }
    return learning(account, pin, send);
  });
}

/** Remembers a PIN that the token refuses, and forgets one that it accepts. */
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

/**
 * Returns the value of the option `force`; false when it is not given.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function checkForce(force: unknown = false): boolean {
  requireBoolean(force, 'force');
  return force;
}

/** Logs in with C_Login or C_LoginUser; see Session.login. */
export async function login(session: ModelSession, pin: Pin | null, options: LoginOptions): Promise<void> {
  requireOptions(options, 'the options of login', ['user', 'username', 'force']);
  const { user = 'USER', username } = options;
  const force = checkForce(options.force);
  if (user !== 'USER' && user !== 'SO') throw unknownName('user', user, ['USER', 'SO']);
  if (username !== undefined) requireString(username, 'username');
  session.use();
  const pinCopy = copyPin(pin);
  const { token } = session;
  const { slot } = token;
  const account = accountOf(token, user, username);
  const type = constantValue('CKU', user);
  try {
    if (user === 'SO') refuseSOBesideReadOnly(slot);
    // If this user is logged in already, the token does not compare the PIN, so the call cannot cost a try.
    await guarded(
      token,
      { account, pin: pinCopy, force, checksFlags: slot.login.user !== user },
      async () => {
        const raw = session.use();
        if (username === undefined) await raw.C_Login(session.name, type, pinCopy);
        else await raw.C_LoginUser(session.name, type, pinCopy, username);
      },
    );
  } catch (error) {
    const isAlready = isCode(error, 'CKR_USER_ALREADY_LOGGED_IN');
    // Some modules also return this code when another user is logged in.
    if (!isAlready || slot.login.user !== user) throw error;
  } finally {
    pinCopy?.fill(0);
    slot.login.update();
  }
}
