/** What errors ask of a client: what is to be got back, how often an operation is tried, and after which pauses. */
import { type Action, CryptokiError } from '../../core/errors';

/**
 * How often one operation may need the same without anything having changed meanwhile. A lost session says nothing of the
 * next one, which may be lost as well.
 */
export const LIMITS: Readonly<Record<Action, number>> = {
  retry: 3,
  relogin: 1, // then the token wants another user, not another login
  refind: 3,
  reopen: 10,
  reinitialise: 3,
  fatal: 0,
};
/** Tries of one operation at most, also when others recovered in between. */
export const MOST_TRIES = 20;

/** Pauses, in milliseconds: the first one, which doubles, and the longest. */
const FIRST_PAUSE = 25;
const LONGEST_PAUSE = 2_000;
/** A little different for each, so that not all come back at once. */
export const pause = (attempt: number): number =>
  Math.min(FIRST_PAUSE * 2 ** attempt, LONGEST_PAUSE) * (0.75 + Math.random() / 2);

/** Errors that may be about the operation or about the token: the token is asked. */
export const UNCLEAR: readonly string[] = [
  'CKR_DEVICE_ERROR',
  'CKR_FUNCTION_FAILED',
  'CKR_GENERAL_ERROR',
  'CKR_ARGUMENTS_BAD',
];
/** Private objects are not found without the login, which may have ended unnoticed. */
export const NOT_FOUND = 'ERR_CRYPTOKI_OBJECT_NOT_FOUND';
/** Those of them that may pass when the token is well: how often it is worth a try. */
export const MAY_PASS: Readonly<Record<string, number>> = { CKR_FUNCTION_FAILED: 3, CKR_DEVICE_ERROR: 1 };
/** The token is out, or its slot is gone. */
export const TOKEN_GONE = [
  ...['CKR_TOKEN_NOT_PRESENT', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_DEVICE_REMOVED', 'CKR_SLOT_ID_INVALID'],
  'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
];

/** Of these nothing is got back: nobody gives the PIN. */
export const NO_PIN = ['ERR_CRYPTOKI_LOGIN_NEEDED', 'ERR_CRYPTOKI_TIMEOUT'];
/**
 * At the first connection these are mistakes of the program, or facts: they are told at once. A running client knows that
 * the token was there.
 */
export const NOT_AT_FIRST = ['ERR_CRYPTOKI_TOKEN_NOT_FOUND', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_ARGUMENTS_BAD'];

/** What can be done about an error; undefined: nothing. */
export function actionOf(error: unknown): Action | undefined {
  if (!(error instanceof CryptokiError) || NO_PIN.includes(error.code)) return undefined;
  if (TOKEN_GONE.includes(error.code)) return 'reopen';
  return error.action === 'fatal' ? undefined : error.action;
}
