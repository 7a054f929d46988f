import { wrongType } from '../core/argument-errors';
import { isBytes, viewOf } from '../core/arguments';
import { pinError } from './error';
import type { Pin } from './pin';
import type { PinProvider } from './request';

/** Returns a copy outside Node's shared pool, so that it can be overwritten. */
export function copyBytes(bytes: ArrayBufferView | ArrayBuffer): Buffer {
  const source = viewOf(bytes);
  const copy = Buffer.alloc(source.length);
  copy.set(source);
  return copy;
}

/**
 * Returns a provider of one PIN. It returns the PIN once per login, and fails after the token has refused it.
 * @param pin text, bytes (copied), or null for the PIN pad of the token
 * @throws TypeError ERR_INVALID_ARG_TYPE. The provider: ERR_CRYPTOKI_PIN_NOT_FOUND
 */
export function fixedPin(pin: Pin | null): PinProvider {
  if (pin === null) return () => null;
  if (typeof pin !== 'string' && !isBytes(pin)) {
    throw wrongType('pin', 'a string, bytes, null or a function that returns one of them', pin);
  }
  const kept = typeof pin === 'string' ? pin : copyBytes(pin);
  return ({ attempt }) => {
    if (attempt > 1) {
      throw pinError('ERR_CRYPTOKI_PIN_NOT_FOUND', 'the token refused the PIN, and the program has no other');
    }
    return typeof kept === 'string' ? kept : copyBytes(kept);
  };
}

/** Returns the provider for an option `pin`, which is a provider or a PIN (see {@link fixedPin}). */
export function toPinProvider(pin: Pin | null | PinProvider): PinProvider {
  return typeof pin === 'function' ? pin : fixedPin(pin);
}
