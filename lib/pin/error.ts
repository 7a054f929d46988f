import { type CryptokiError, ownError } from '../core/errors';

/**
 * Codes of the providers: the source has no PIN, so that firstPin() calls the next provider; the source exists but cannot be
 * read; the user ended the prompt; an optional package is not installed.
 */
export type PinErrorCode =
  | 'ERR_CRYPTOKI_PIN_NOT_FOUND'
  | 'ERR_CRYPTOKI_PIN_SOURCE'
  | 'ERR_CRYPTOKI_PIN_CANCELLED'
  | 'ERR_CRYPTOKI_PEER_MISSING';

/** Builds an error of a provider. @param detail must not contain a PIN, nor a text that could be one */
export function pinError(code: PinErrorCode, detail: string, cause?: unknown): CryptokiError {
  return ownError(code, detail, { cause });
}
