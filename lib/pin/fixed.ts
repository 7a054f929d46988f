import { argumentError, isBytes, viewOf } from '../core/arguments';
import { pinError } from './error';
import type { Pin } from './pin';
import type { PinProvider } from './request';

/** New bytes, outside Node's shared pool, so that they can be overwritten. */
export function copyBytes(bytes: ArrayBufferView | ArrayBuffer): Buffer {
  const source = viewOf(bytes);
  const copy = Buffer.alloc(source.length);
  copy.set(source);
  return copy;
}

/**
 * A provider that always has this one PIN. It gives it once in a login: when the token refuses it, there is no other.
 * @param pin text, bytes (copied), or null, for the token's own pad
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function fixedPin(pin: Pin | null): PinProvider {
  if (pin === null) return () => null;
  if (typeof pin !== 'string' && !isBytes(pin)) {
    throw argumentError(TypeError, 'pin must be a string, bytes, null or a function that gives one of them');
  }
  const kept = typeof pin === 'string' ? pin : copyBytes(pin);
  return ({ attempt }) => {
    if (attempt > 1) {
      throw pinError(
        'ERR_CRYPTOKI_PIN_NOT_FOUND',
        'the token refused the PIN it was given, and there is no other',
      );
    }
    return typeof kept === 'string' ? kept : copyBytes(kept);
  };
}

/** What a user gives as `pin`: a provider, or a PIN in its place (see {@link fixedPin}). */
export function toPinProvider(pin: Pin | null | PinProvider): PinProvider {
  return typeof pin === 'function' ? pin : fixedPin(pin);
}
