/** Rules for errors of a client: the extent of the recovery, the number of attempts, and the pauses between them. */
import { type Action, CryptokiError } from '../../core/errors';

/**
 * Number of recoveries with the same action for one operation in one generation. Sessions have more, because the loss of one
 * session says nothing about the next one.
 */
export const MAX_ACTIONS: Readonly<Record<Action, number>> = {
  retry: 3,
  relogin: 1, // a second refusal means that the operation needs another user
  refind: 3,
  reopen: 10,
  reinitialise: 3,
  fatal: 0,
};
/** Limit of attempts of one operation, also if other operations recovered the client in between. */
export const MAX_ATTEMPTS = 20;

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 2_000;
/**
 * Returns the pause before a further attempt, in milliseconds: it doubles each time, with a random part, so that programs do
 * not repeat their calls at the same moment.
 */
export function retryPause(attempt: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2);
}

/** Errors that can be caused by the operation or by the token. A check of the token decides. */
export const UNCLEAR: readonly string[] = [
  'CKR_DEVICE_ERROR',
  'CKR_FUNCTION_FAILED',
  'CKR_GENERAL_ERROR',
  'CKR_ARGUMENTS_BAD',
];
/** The error for a missing object. Private objects are not found after the end of a login, which may not have been reported. */
export const NOT_FOUND = 'ERR_CRYPTOKI_OBJECT_NOT_FOUND';
/** Limits of attempts after those unclear errors that can be temporary although the token works. */
export const TEMPORARY_ATTEMPTS: Readonly<Record<string, number>> = {
  CKR_FUNCTION_FAILED: 3,
  CKR_DEVICE_ERROR: 1,
};
/** Errors for a token that was removed, or a slot that no longer exists. */
export const TOKEN_GONE = [
  ...['CKR_TOKEN_NOT_PRESENT', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_DEVICE_REMOVED', 'CKR_SLOT_ID_INVALID'],
  'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
];

/** Errors without a recovery, because nobody supplies the PIN. */
export const NO_PIN = ['ERR_CRYPTOKI_LOGIN_NEEDED', 'ERR_CRYPTOKI_TIMEOUT'];
/**
 * Errors that the first connection reports at once, because they are mistakes of the program. A running client recovers from
 * them, because the token existed before.
 */
export const FINAL_AT_CONNECT = [
  ...['ERR_CRYPTOKI_TOKEN_NOT_FOUND', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_ARGUMENTS_BAD'],
];

/** Returns the action that can help after an error; undefined when there is none. */
export function actionOf(error: unknown): Action | undefined {
  if (!(error instanceof CryptokiError) || NO_PIN.includes(error.code)) return undefined;
  if (TOKEN_GONE.includes(error.code)) return 'reopen';
  return error.action === 'fatal' ? undefined : error.action;
}
