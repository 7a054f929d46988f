import { wrongValue } from '../core/argument-errors';
import { requireFunction } from '../core/arguments';
import { isCode } from '../core/errors';
import { pinError } from './error';
import type { PinProvider } from './request';

/**
 * Returns a provider that calls others in their order until one returns a PIN. It continues after ERR_CRYPTOKI_PIN_NOT_FOUND (no
 * file, no variable, no terminal ...); any other error ends the search, so that it is not hidden.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE. The provider: ERR_CRYPTOKI_PIN_NOT_FOUND when none has
 *   a PIN, with the reason for each
 */
export function firstPin(...providers: readonly PinProvider[]): PinProvider {
  if (providers.length === 0) throw wrongValue('firstPin needs at least one PIN provider');
  for (const provider of providers) requireFunction(provider, 'each PIN provider of firstPin');
  return async (request) => {
    const reasons: string[] = [];
    for (const provider of providers) {
      try {
        return await provider(request);
      } catch (error) {
        if (!isCode(error, 'ERR_CRYPTOKI_PIN_NOT_FOUND')) throw error;
        reasons.push(error.message);
      }
    }
    throw pinError('ERR_CRYPTOKI_PIN_NOT_FOUND', `no provider has a PIN: ${reasons.join('; ')}`);
  };
}
