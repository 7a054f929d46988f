import { CryptokiError } from '../../core/errors';
import { isError } from '../../core/realms';

/**
 * Whose reason a failure has: the member is lost, does not answer or lets nobody in; it has too much to do; it does not
 * have the key; it does not say; or the operation itself is refused, as it would be anywhere.
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

/** Modules say these of a lost device as well as of data they do not like. */
const UNCLEAR = new Set(['CKR_GENERAL_ERROR', 'CKR_FUNCTION_FAILED', 'CKR_ARGUMENTS_BAD']);

/** An operation was left to others because the member went down while it was under way; `cause` is why. */
export class MemberLeft extends Error {}

/** Why an operation failed on a member, when its client has already done what it can. */
export function reasonOf(error: unknown): FailureReason {
  if (error instanceof MemberLeft) return 'member';
  if (!(error instanceof CryptokiError)) return 'operation';
  if (error.code === 'ERR_CRYPTOKI_POOL_EXHAUSTED') return 'busy';
  if (MEMBER.has(error.code)) return 'member';
  if (KEY.has(error.code)) return 'key';
  if (UNCLEAR.has(error.code)) return 'unclear';
  return error.action === 'fatal' || error.action === 'refind' ? 'operation' : 'member';
}

/** The code of an error, for messages that hold nothing else of it. */
export function codeOf(error: unknown): string {
  if (error instanceof MemberLeft) return codeOf(error.cause);
  if (error instanceof CryptokiError) return error.code;
  return isError(error) ? error.name : 'no error';
}

/** No member could do it: each is named with the last code it gave. */
export function noMember(what: string, members: Iterable<{ name: string; error: unknown }>): CryptokiError {
  const list = [...members];
  const each = list.map(({ name, error }) => `"${name}": ${codeOf(error)}`).join(', ');
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_NO_MEMBER',
    detail: `${what} (${each}); they are tried again in the background`,
    action: 'retry',
    cause: list
      .map(({ error }) => error)
      .filter((error) => error !== undefined)
      .at(-1),
  });
}

/** The group was closed. */
export function groupClosed(): CryptokiError {
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_CLIENT_CLOSED',
    detail: 'the group was closed; call connect() again',
  });
}
