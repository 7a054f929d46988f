/** Ciphers that pad: their ciphertext is never empty. */
import { CryptokiError } from '../../core/errors';
import { CKM, CKR } from '../../generated/constants';
import type { RawMechanism } from '../../raw/values';

const PADDED = new Set<number>();
for (const [name, mechanism] of Object.entries(CKM)) if (name.endsWith('_CBC_PAD')) PADDED.add(mechanism);

const emptyCiphertext = (): CryptokiError =>
  new CryptokiError({
    rv: CKR.ENCRYPTED_DATA_LEN_RANGE,
    function: 'C_Decrypt',
    detail:
      'the ciphertext is empty, and of a cipher that pads even that of an empty message is a block long',
  });

/**
 * What is wrong with a ciphertext of this length. Of an empty one modules say that the device has failed, that a buffer is too
 * small, or in a stream that it was the empty message.
 */
export function wrongCiphertext({ mechanism }: RawMechanism, length: number): CryptokiError | undefined {
  return length === 0 && PADDED.has(Number(mechanism)) ? emptyCiphertext() : undefined;
}
