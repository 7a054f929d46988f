/** Sessions that may write, where the token allows it. */
import { type CryptokiError, isCode } from '../../core/errors';
import type { Session } from '../../model/session';
import type { Token } from '../../model/token';

/** With these a token refuses read/write sessions. */
const REFUSALS = ['CKR_TOKEN_WRITE_PROTECTED', 'CKR_SESSION_READ_ONLY'];
/** With these as well, but they may be about something else, which passes. */
const POSSIBLE_REFUSALS = [
  ...['CKR_FUNCTION_FAILED', 'CKR_FUNCTION_NOT_SUPPORTED', 'CKR_FUNCTION_REJECTED', 'CKR_GENERAL_ERROR'],
  ...['CKR_ARGUMENTS_BAD', 'CKR_ACTION_PROHIBITED', 'CKR_ATTRIBUTE_READ_ONLY'],
];

/**
 * Opens a read/write session; a read-only one where the token refuses the other, although it does not say that it is
 * write-protected.
 * @returns the session, and the refusal
 * @throws what C_OpenSession returned
 */
export async function openWriting(
  token: Token,
): Promise<{ readonly session: Session; readonly refusal: CryptokiError | undefined }> {
  try {
    return { session: await token.openSession({ readWrite: true }), refusal: undefined };
  } catch (error) {
    if (!isCode(error, ...REFUSALS, ...POSSIBLE_REFUSALS)) throw error;
    const session = await token.openSession({ readWrite: false }).catch(() => {
      throw error; // it says more
    });
    if (REFUSALS.includes(error.code)) return { session, refusal: error };
    // A failure that passes must not make a client read-only.
    try {
      const writing = await token.openSession({ readWrite: true });
      await session.close().catch(() => {});
      return { session: writing, refusal: undefined };
    } catch (again) {
      if (isCode(again, error.code)) return { session, refusal: error };
      await session.close().catch(() => {});
      throw again;
    }
  }
}
