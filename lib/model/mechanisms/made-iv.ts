/** IVs that the module makes: some HSMs ignore the one of the caller for AES-GCM and write their own in its place. */
import { isBytes, viewOf } from '../../core/arguments';
import { CryptokiError } from '../../core/errors';
import type { BytesLike, RawMechanism } from '../../raw/values';
import { asMechanism, type MechanismInput } from './mechanism';

/** What encrypt() returns. */
export interface Ciphertext extends Buffer {
  /**
   * The IV that was used, where the module has made it in place of the caller's: nothing can be decrypted without it. It is also
   * set in the algorithm that was given. Absent otherwise.
   */
  readonly iv?: Buffer;
}

/** Sets a member of an object of the caller's. @throws ERR_CRYPTOKI_UNSUPPORTED when the object does not take it */
export function handBack(target: object, name: string, value: unknown): void {
  try {
    (target as Record<string, unknown>)[name] = value;
  } catch (cause) {
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_UNSUPPORTED',
      detail:
        `the module has made "${name}" itself, and the algorithm that was given does not take it: it must not be frozen. ` +
        'The result is of no use without it and was dropped',
      cause,
    });
  }
}

let isWarned = false;

/** A program that stores the IV that it gave loses its data. */
function warn(): void {
  if (isWarned) return;
  isWarned = true;
  process.emitWarning(
    'the module makes the IVs of AES-GCM itself and has ignored the one that was given: store the "iv" of the ciphertext ' +
      '(or of the algorithm or stream, where it is set), not your own',
    { code: 'CRYPTOKI_IV_FROM_MODULE' },
  );
}

type WithIv = { iv?: unknown };

const sameBytes = (a: unknown, b: unknown): boolean =>
  a === b || (isBytes(a) && isBytes(b) && Buffer.compare(viewOf(a), viewOf(b)) === 0);

/**
 * Watches the IV of an encryption.
 * @param mechanism made of the algorithm: native code sets in its parameter what the module has written there
 * @returns to be asked after the operation: gives the IV if the module has made it, and sets it in the algorithm; undefined
 *   when the mechanism has none
 */
export function watchIv(
  algorithm: MechanismInput,
  mechanism: RawMechanism,
): (() => Buffer | undefined) | undefined {
  const { parameter } = mechanism;
  if (typeof parameter !== 'object' || parameter === null || isBytes(parameter)) return undefined;
  const { iv: before } = parameter as WithIv;
  if (!isBytes(before)) return undefined;
  return () => {
    const { iv } = parameter as WithIv;
    if (sameBytes(iv, before) || !isBytes(iv)) return undefined;
    warn();
    // Of a mechanism, the parameter is the caller's own.
    if (asMechanism(algorithm) === undefined) handBack(algorithm as object, 'iv', iv);
    return Buffer.from(viewOf(iv as BytesLike & ArrayBufferView));
  };
}

/** The ciphertext, with the IV that the module has made. */
export function withIv(ciphertext: Buffer, iv: Buffer | undefined): Ciphertext {
  if (iv === undefined) return ciphertext;
  return Object.defineProperty(ciphertext, 'iv', { value: iv, enumerable: true }) as Ciphertext;
}
