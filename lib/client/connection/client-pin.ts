/** PINs that a client keeps or is given, and why it does not get one. */
import { argumentError, isBytes, viewOf } from '../../core/arguments';
import { CryptokiError } from '../../core/errors';
import { copyPin } from '../../model/login/login';
import type { Pin } from '../../model/session';
import type { PinRequest } from '../../pin';

/** A PIN given as a value: kept until {@link forget}, to log in again. */
export class KeptPin {
  #bytes: Uint8Array | null | undefined;

  constructor(pin: Pin | null) {
    this.#bytes = copyPin(pin);
  }

  provide(request: PinRequest): Pin | null {
    if (this.#bytes === undefined || request.attempt > 1) {
      throw new CryptokiError({
        code: 'ERR_CRYPTOKI_LOGIN_NEEDED',
        detail:
          'the PIN is not kept any more; call login() with it, or give connect() a function that is asked for it',
      });
    }
    return this.#bytes === null ? null : copyPin(this.#bytes);
  }

  forget(): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
  }
}

/** The PIN of a provider is not waited for any more. */
export function noPinNeeded(why: string): CryptokiError {
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_LOGIN_NEEDED',
    detail: `${why}: this PIN is not waited for any more`,
  });
}

/** The provider has taken too long. */
export function noAnswer(time: number): CryptokiError {
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_TIMEOUT',
    detail: `the PIN provider has not answered for ${time} ms (login.pinTimeout); it is asked again when the PIN is needed next. login() with a PIN does not wait for it`,
    action: 'relogin',
  });
}

/** @throws TypeError ERR_INVALID_ARG_TYPE, which does not hold what was given */
export function checkedPin(pin: unknown): Pin | null {
  if (pin === null || typeof pin === 'string' || isBytes(pin)) return pin;
  throw argumentError(
    TypeError,
    'a PIN provider must give a string, bytes, or null where the token asks for the PIN itself',
  );
}

/** Overwrites what a provider gave; a string cannot be. */
export function wipe(pin: Pin | null): void {
  if (!isBytes(pin)) return;
  viewOf(pin).fill(0);
}
