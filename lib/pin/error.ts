import { CryptokiError } from '../core/errors';

/**
 * Codes of the providers: there is no PIN here, which firstPin() takes as "ask the next"; there is something, but no PIN
 * can be had from it; the user ended the prompt; an optional package is not installed.
 */
export type PinErrorCode =
  | 'ERR_CRYPTOKI_PIN_NOT_FOUND'
  | 'ERR_CRYPTOKI_PIN_SOURCE'
  | 'ERR_CRYPTOKI_PIN_CANCELLED'
  | 'ERR_CRYPTOKI_PEER_MISSING';

/** An error of a provider. The detail must hold neither a PIN nor what could be one. */
export function pinError(code: PinErrorCode, detail: string, cause?: unknown): CryptokiError {
  return new CryptokiError({ code, detail, cause });
}
