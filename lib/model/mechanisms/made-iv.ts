/** IVs that the module generates: for AES-GCM some HSMs ignore the caller's IV and write their own into the parameter. */

import { isBytes, viewOf } from '../../core/arguments';
import { ownError } from '../../core/errors';
import { emitWarning } from '../../core/warnings';
import type { BytesLike, RawMechanism } from '../../raw/values';
import { asMechanism, type MechanismInput } from './mechanism';

/** The result of encrypt(). */
export interface Ciphertext extends Buffer {
  /**
   * The IV, if the module has generated it in place of the caller's: the ciphertext cannot be decrypted without it. It is
   * also set in the caller's algorithm. Absent otherwise.
   */
  readonly iv?: Buffer;
}

/**
 * Sets a member of an object of the caller.
 * @throws ERR_CRYPTOKI_UNSUPPORTED if the object is frozen, or the member cannot be set
 */
export function setMember(target: object, name: string, value: unknown): void {
  try {
    (target as Record<string, unknown>)[name] = value;
  } catch (cause) {
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      `the module has generated "${name}" itself, and it cannot be set in the algorithm, so the ciphertext was discarded; ` +
        'give an algorithm that is not frozen',
      { cause },
    );
  }
}

let isWarned = false;

/** Warns once per process: a program that stores its own IV cannot decrypt its data. */
function warn(): void {
  if (isWarned) return;
  isWarned = true;
  emitWarning(
    'CRYPTOKI_IV_FROM_MODULE',
    'the module generates the IVs of AES-GCM itself, and has ignored the one of the caller: store the "iv" of the ciphertext ' +
      '(or of the algorithm or stream, in which it is set), not your own',
  );
}

type WithIv = { iv?: unknown };

const sameBytes = (a: unknown, b: unknown): boolean =>
  a === b || (isBytes(a) && isBytes(b) && Buffer.compare(viewOf(a), viewOf(b)) === 0);

/**
 * Observes the IV of an encryption.
 * @param mechanism made from the algorithm; native code updates its parameter if the module has changed it
 * @returns a function to call after the operation: it sets an IV that the module has generated in the algorithm, and
 *   returns it; undefined if the mechanism has no IV
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
    // The parameter of a mechanism is the caller's object, in which native code has set the IV.
    if (asMechanism(algorithm) === undefined) setMember(algorithm as object, 'iv', iv);
    return Buffer.from(viewOf(iv as BytesLike & ArrayBufferView));
  };
}

/** Adds the IV that the module has generated to the ciphertext. */
export function withIv(ciphertext: Buffer, iv: Buffer | undefined): Ciphertext {
  if (iv === undefined) return ciphertext;
  return Object.defineProperty(ciphertext, 'iv', { value: iv, enumerable: true }) as Ciphertext;
}
