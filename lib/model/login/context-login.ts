/**
 * Keys with CKA_ALWAYS_AUTHENTICATE need the PIN for each operation (PKCS#11 3.1, section 4.9): C_Login with
 * CKU_CONTEXT_SPECIFIC, between Init and the operation. All three calls are one native job.
 */
import { requireOptions } from '../../core/arguments';
import { CryptokiError, isCode } from '../../core/errors';
import { CKR } from '../../generated/constants';
import type { Pin } from '../../pin/pin';
import type { ModelObject } from '../model-types';
import { accountOf, checkForce, checkNotRefused, copyPin, type ForceOptions, guarded } from './login';
import { type Account, forgetRefused, rememberRefused } from './pin-guard';

/** The PIN for one operation. */
export interface ContextLogin extends ForceOptions {
  /** The PIN for a key with CKA_ALWAYS_AUTHENTICATE; null if it is entered at the token's own PIN pad. */
  readonly pin?: Pin | null | undefined;
}

const OPTIONS = ['pin', 'force'] as const;

interface Prepared {
  readonly account: Account;
  readonly pin: Uint8Array | null;
  readonly force: boolean;
}

function prepare(key: ModelObject, options: ContextLogin, pin: Pin | null): Prepared {
  requireOptions(options, 'the options of the operation', OPTIONS);
  const account = accountOf(key.session.token, 'CONTEXT_SPECIFIC');
  return { account, force: checkForce(options.force), pin: copyPin(pin) };
}

/** Adds the probable reason to CKR_USER_NOT_LOGGED_IN of a private key while the user is logged in; returns other errors unchanged. */
export function explained(key: ModelObject, error: unknown): unknown {
  if (!isCode(error, 'CKR_USER_NOT_LOGGED_IN') || key.session.token.user !== 'USER') return error;
  return new CryptokiError({
    rv: CKR.USER_NOT_LOGGED_IN,
    function: error.function,
    detail:
      'the user is logged in, so the key probably has CKA_ALWAYS_AUTHENTICATE; give this operation the PIN, as { pin }',
    action: 'relogin',
    cause: error,
  });
}

/** Runs an operation. With a PIN, only one operation at a time runs on the token, as with every PIN. */
export async function loggedInFor(
  key: ModelObject,
  options: ContextLogin | undefined,
  run: (pin: Uint8Array | null | undefined) => Promise<Buffer>,
): Promise<Buffer> {
  if (options?.pin === undefined) {
    if (options !== undefined) requireOptions(options, 'the options of the operation', OPTIONS);
    try {
      return await run(undefined);
    } catch (error) {
      throw explained(key, error);
    }
  }
  const { account, pin, force } = prepare(key, options, options.pin);
  try {
    return await guarded(key.session.token, { account, pin, force, checksFlags: false }, () => run(pin));
  } finally {
    pin?.fill(0);
  }
}

/** Does the same as {@link loggedInFor}, and blocks the calling thread. */
export function loggedInForSync(
  key: ModelObject,
  options: ContextLogin | undefined,
  run: (pin: Uint8Array | null | undefined) => Buffer,
): Buffer {
  if (options?.pin === undefined) {
    if (options !== undefined) requireOptions(options, 'the options of the operation', OPTIONS);
    try {
      return run(undefined);
    } catch (error) {
      throw explained(key, error);
    }
  }
  const { account, pin, force } = prepare(key, options, options.pin);
  try {
    if (!force) checkNotRefused(account, pin);
    const result = run(pin);
    if (pin !== null) forgetRefused(account, pin);
    return result;
  } catch (error) {
    if (pin !== null && isCode(error, 'CKR_PIN_INCORRECT')) rememberRefused(account, pin);
    throw error;
  } finally {
    pin?.fill(0);
  }
}
