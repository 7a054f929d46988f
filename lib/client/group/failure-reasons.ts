import { CryptokiError, ownError } from '../../core/errors';
import { isError } from '../../core/realms';

/**
 * The reason of a failure. 'member': the member is lost, does not answer, or refuses the login; 'busy': it is overloaded; 'key': it
 * does not have the key; 'operation': any member would refuse the operation; 'unclear': the error can have several reasons.
 */
export type FailureReason = 'member' | 'busy' | 'key' | 'unclear' | 'operation';

const MEMBER = new Set([
  ...['CKR_TOKEN_NOT_PRESENT', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_DEVICE_REMOVED', 'CKR_SLOT_ID_INVALID'],
  ...['CKR_PIN_INCORRECT', 'CKR_PIN_LOCKED', 'CKR_PIN_EXPIRED', 'CKR_USER_PIN_NOT_INITIALIZED'],
  ...['ERR_CRYPTOKI_PIN_REFUSED', 'ERR_CRYPTOKI_PIN_FINAL_TRY', 'ERR_CRYPTOKI_PIN_NOT_FOUND'],
  ...['ERR_CRYPTOKI_PIN_SOURCE', 'ERR_CRYPTOKI_PIN_CANCELLED', 'ERR_CRYPTOKI_LOGIN_NEEDED'],
  ...['ERR_CRYPTOKI_TOKEN_NOT_FOUND', 'ERR_CRYPTOKI_TOKEN_AMBIGUOUS', 'ERR_CRYPTOKI_TIMEOUT'],
  ...['ERR_CRYPTOKI_CLIENT_CLOSED', 'ERR_CRYPTOKI_MODULE_CLOSED', 'ERR_CRYPTOKI_SESSION_CLOSED'],
  ...['ERR_CRYPTOKI_MODULE_NOT_FOUND', 'ERR_CRYPTOKI_MODULE_LOAD'],
]);

const KEY = new Set([
  ...['ERR_CRYPTOKI_OBJECT_NOT_FOUND', 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS', 'ERR_CRYPTOKI_OBJECT_DEAD'],
  ...['CKR_OBJECT_HANDLE_INVALID', 'CKR_KEY_HANDLE_INVALID', 'ERR_CRYPTOKI_KEY_MISMATCH'],
]);

/** Errors that modules return for a lost device as well as for wrong data. */
const UNCLEAR = new Set(['CKR_GENERAL_ERROR', 'CKR_FUNCTION_FAILED', 'CKR_ARGUMENTS_BAD']);

/** The error of an operation that moves to another member, because its member went down for `cause`. */
export class MemberLeft extends Error {}

/** Returns the reason of the failure of an operation on a member, after the recovery of its client. */
export function reasonOf(error: unknown): FailureReason {
  if (error instanceof MemberLeft) return 'member';
  if (!(error instanceof CryptokiError)) return 'operation';
  if (error.code === 'ERR_CRYPTOKI_POOL_EXHAUSTED') return 'busy';
  if (MEMBER.has(error.code)) return 'member';
  if (KEY.has(error.code)) return 'key';
  if (UNCLEAR.has(error.code)) return 'unclear';
  return error.action === 'fatal' || error.action === 'refind' ? 'operation' : 'member';
}

/** Returns the code of an error, for messages that must not hold its text. */
function codeOf(error: unknown): string {
  if (error instanceof MemberLeft) return codeOf(error.cause);
  if (error instanceof CryptokiError) return error.code;
  return isError(error) ? error.name : 'no error';
}

/** A member and its last error. */
export interface MemberFailure {
  readonly name: string;
  readonly error: unknown;
}

/** Lists members with the codes of their errors: '"a": CKR_DEVICE_ERROR, "b": no error'. */
export function listFailures(members: readonly MemberFailure[]): string {
  return members.map(({ name, error }) => `"${name}": ${codeOf(error)}`).join(', ');
}

/** Builds the error for an operation that no member can do. @param detail a clause: 'no member can be reached' */
export function noMember(detail: string, members: readonly MemberFailure[]): CryptokiError {
  const failed = members.filter(({ error }) => error !== undefined);
  return ownError(
    'ERR_CRYPTOKI_NO_MEMBER',
    `${detail} (${listFailures(members)}); the group tries them again in the background, so repeat the operation later`,
    { cause: failed.at(-1)?.error },
  );
}

/** Builds the error for a closed group. */
export function groupClosed(): CryptokiError {
  return ownError('ERR_CRYPTOKI_CLIENT_CLOSED', 'the group was closed; call connect() again');
}
