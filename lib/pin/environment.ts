import { requireBoolean, requireOptions, requireText } from '../core/arguments';
import { mainProcess } from '../core/realms';
import { pinError } from './error';
import type { PinProvider } from './request';

/** Options of {@link pinFromEnvironment}. */
export interface PinEnvironmentOptions {
  /**
   * Removes the variable from process.env at once, so that child processes do not inherit it. The provider keeps the PIN for
   * later logins. The system still shows the owner of the process the environment from its start. Default false.
   */
  readonly remove?: boolean | undefined;
}

/**
 * Returns a provider of the PIN in an environment variable.
 * @param name for example 'HSM_PIN'
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE. The provider: ERR_CRYPTOKI_PIN_NOT_FOUND when the
 *   variable is not set or empty
 */
export function pinFromEnvironment(name: string, options: PinEnvironmentOptions = {}): PinProvider {
  requireText(name, 'the name of an environment variable');
  requireOptions(options, 'the options of pinFromEnvironment', ['remove']);
  const remove = options.remove ?? false;
  requireBoolean(remove, 'remove');
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
    throw pinError('ERR_CRYPTOKI_PIN_NOT_FOUND', `the environment variable ${name} is not set or empty`);
  };
}
