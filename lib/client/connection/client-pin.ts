/** PINs that a client keeps or receives from a provider, and the errors for a missing PIN. */
import { wrongType } from '../../core/argument-errors';
import { isBytes, viewOf } from '../../core/arguments';
import { type CryptokiError, ownError } from '../../core/errors';
import { copyPin } from '../../model/login/login';
import type { Pin } from '../../model/session';
import type { PinRequest } from '../../pin';

/** A PIN that was given as a value. Kept for further logins until {@link forget}. */
export class KeptPin {
  #bytes: Uint8Array | null | undefined;

  constructor(pin: Pin | null) {
    this.#bytes = copyPin(pin);
  }

  /** Returns a copy of the PIN. @throws ERR_CRYPTOKI_LOGIN_NEEDED when it was wiped, or when the token has refused it */
  provide(request: PinRequest): Pin | null {
    if (this.#bytes === undefined || request.attempt > 1) {
      throw ownError(
        'ERR_CRYPTOKI_LOGIN_NEEDED',
        'the client no longer has the PIN; call login() with the PIN, or give connect() a function that returns it',
      );
    }
    return this.#bytes === null ? null : copyPin(this.#bytes);
  }

  /** Wipes the PIN. */
  forget(): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
  }
}

/** Builds the error for a wait for a PIN provider that has ended. @param cause a clause: 'the client was logged out' */
export function pinWaitEnded(cause: string): CryptokiError {
  return ownError(
    'ERR_CRYPTOKI_LOGIN_NEEDED',
    `${cause}, so the client does not wait for this PIN any more; repeat the operation after a login`,
  );
}

/** Builds the error for a PIN provider that takes longer than `limit` milliseconds. */
export function pinTimeoutError(limit: number): CryptokiError {
  return ownError(
    'ERR_CRYPTOKI_TIMEOUT',
    `the PIN provider has not returned within ${limit} ms (login.pinTimeout); call login() with the PIN, or repeat the operation, which calls the provider again`,
    { action: 'relogin' },
  );
}

/**
 * Checks a PIN that a provider has returned.
 * @throws TypeError ERR_INVALID_ARG_TYPE, which shows the type only
 */
export function checkedPin(pin: unknown): Pin | null {
  if (pin === null || typeof pin === 'string' || isBytes(pin)) return pin;
  throw wrongType(
    'the result of the PIN provider',
    "a string, bytes, or null for the token's own PIN pad",
    pin,
  );
}

/** Overwrites the bytes of a PIN. A string cannot be overwritten. */
export function wipe(pin: Pin | null): void {
  if (!isBytes(pin)) return;
  viewOf(pin).fill(0);
}
