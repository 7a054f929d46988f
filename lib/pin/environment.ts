import { argumentError, requireOptions } from '../core/arguments';
import { mainProcess } from '../core/realms';
import { pinError } from './error';
import type { PinProvider } from './request';

/** Options of {@link pinFromEnvironment}. */
export interface PinEnvironmentOptions {
  /**
   * Take the variable out of process.env at once, so that child processes started later do not get it; the provider keeps
   * the PIN for later logins. The system still shows the environment that the process was started with to its owner.
   * Default false.
   */
  readonly remove?: boolean | undefined;
}

/**
 * The PIN in an environment variable.
 * @param name such as 'HSM_PIN'
 * @throws TypeError ERR_INVALID_ARG_TYPE. When asked: ERR_CRYPTOKI_PIN_NOT_FOUND when the variable is not set, or empty
 */
export function pinFromEnvironment(name: string, options: PinEnvironmentOptions = {}): PinProvider {
  if (typeof name !== 'string' || name === '') {
    throw argumentError(TypeError, 'the name of an environment variable must be a string');
  }
  requireOptions(options, 'the options of pinFromEnvironment', ['remove']);
  const remove = options.remove ?? false;
  if (typeof remove !== 'boolean') throw argumentError(TypeError, 'remove must be a boolean');
  let kept: string | undefined;
  const read = (): string | undefined => {
    const value = process.env[name];
    if (!remove) return value;
    if (value !== undefined) kept = value;
    delete process.env[name];
    delete mainProcess.env[name];
    return kept;
  };
  if (remove) read();
  return ({ signal }) => {
    signal?.throwIfAborted();
    const pin = read();
    if (pin) return pin;
    throw pinError('ERR_CRYPTOKI_PIN_NOT_FOUND', `the environment variable ${name} is not set, or empty`);
  };
}
