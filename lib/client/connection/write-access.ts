/** Opens sessions that may write, if the token allows it. */
import { type CryptokiError, isCode } from '../../core/errors';
import type { Session } from '../../model/session';
import type { Token } from '../../model/token';

/** Errors that mean that the token refuses read/write sessions. */
const REFUSALS = ['CKR_TOKEN_WRITE_PROTECTED', 'CKR_SESSION_READ_ONLY'];
/** Errors that can mean the same, or a temporary failure. */
const POSSIBLE_REFUSALS = [
  ...['CKR_FUNCTION_FAILED', 'CKR_FUNCTION_NOT_SUPPORTED', 'CKR_FUNCTION_REJECTED', 'CKR_GENERAL_ERROR'],
  ...['CKR_ARGUMENTS_BAD', 'CKR_ACTION_PROHIBITED', 'CKR_ATTRIBUTE_READ_ONLY'],
];

/**
 * Opens a read/write session, or a read-only one if the token refuses that, although it has no CKF_WRITE_PROTECTED.
 * @returns the session, and the error of the refusal
 * @throws the error of C_OpenSession
 */
export async function openWriting(
  token: Token,
): Promise<{ readonly session: Session; readonly refusal: CryptokiError | undefined }> {
  try {
    return { session: await token.openSession({ readWrite: true }), refusal: undefined };
  } catch (error) {
    if (!isCode(error, ...REFUSALS, ...POSSIBLE_REFUSALS)) throw error;
    const session = await token.openSession({ readWrite: false }).catch(() => {
      throw error; // the first error has more information
    });
    if (REFUSALS.includes(error.code)) return { session, refusal: error };
    // A temporary failure must not make a client read-only.
    try {
      const writing = await token.openSession({ readWrite: true });
      await session.close().catch(() => {});
      return { session: writing, refusal: undefined };
    } catch (secondError) {
      if (isCode(secondError, error.code)) return { session, refusal: error };
      await session.close().catch(() => {});
      throw secondError;
    }
  }
}
