/** Errors for keys and certificates that cannot be read. They are thrown before any call of the module. */
import { wrongValue } from '../../core/argument-errors';
import { type CryptokiError, ownError } from '../../core/errors';

/**
 * Builds a TypeError ERR_INVALID_ARG_VALUE for a key or certificate that node:crypto refuses.
 * @param message a sentence without its final stop
 * @param cause the error of OpenSSL, which contains no key. Errors of Node for a wrong argument can contain one; they are
 *   left out.
 */
export function unreadable(message: string, cause: unknown): Error {
  const isFromOpenssl = String((cause as NodeJS.ErrnoException | undefined)?.code).startsWith('ERR_OSSL_');
  return isFromOpenssl ? Object.assign(wrongValue(message), { cause }) : wrongValue(message);
}

/** Builds an ERR_CRYPTOKI_UNSUPPORTED. @param detail a sentence without its final stop, with an alternative */
export function unsupported(detail: string): CryptokiError {
  return ownError('ERR_CRYPTOKI_UNSUPPORTED', detail);
}
