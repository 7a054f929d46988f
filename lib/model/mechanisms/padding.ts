/** Ciphers with padding. Their ciphertext is never empty. */
import { CryptokiError } from '../../core/errors';
import { CKM, CKR } from '../../generated/constants';
import type { RawMechanism } from '../../raw/values';

const PADDED = new Set<number>();
for (const [name, mechanism] of Object.entries(CKM)) if (name.endsWith('_CBC_PAD')) PADDED.add(mechanism);

const emptyCiphertext = (): CryptokiError =>
  new CryptokiError({
    rv: CKR.ENCRYPTED_DATA_LEN_RANGE,
    function: 'C_Decrypt',
    detail: 'the ciphertext is empty; with padding even an empty message has a ciphertext of one block',
  });

/**
 * Returns the error for a ciphertext of this length; undefined if the length is possible. For an empty ciphertext modules
 * return an error of the device or of a buffer that is too small, or in a stream the empty message.
 */
export function wrongCiphertext({ mechanism }: RawMechanism, length: number): CryptokiError | undefined {
  return length === 0 && PADDED.has(Number(mechanism)) ? emptyCiphertext() : undefined;
}
