import { argumentError } from '../core/arguments';
import { isCode } from '../core/errors';
import { pinError } from './error';
import type { PinProvider } from './request';

/**
 * The PIN of the first provider that has one, asked in order. One that has none (ERR_CRYPTOKI_PIN_NOT_FOUND: no file, no
 * variable, no terminal ...) is passed over; any other error ends the search, since it is to be seen.
 * @throws TypeError ERR_INVALID_ARG_TYPE. When asked: ERR_CRYPTOKI_PIN_NOT_FOUND when none has a PIN, with each reason
 */
export function firstPin(...providers: readonly PinProvider[]): PinProvider {
  if (providers.length === 0 || providers.some((provider) => typeof provider !== 'function')) {
    throw argumentError(TypeError, 'firstPin needs PIN providers');
  }
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
    throw pinError('ERR_CRYPTOKI_PIN_NOT_FOUND', `there is no PIN: ${reasons.join('; ')}`);
  };
}
