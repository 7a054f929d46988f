import { CryptokiError } from '../core/errors';
import { brand, isError } from '../core/realms';
import { CKR } from '../generated/constants';

/** An error of this layer: nothing is loaded, or a module could not be. */
export class NativeError extends Error {
  /** Name of the class. */
  override name: string;
  /** The PKCS#11 function ('C_Login'); empty where there is none. */
  readonly method: string;
  /** Where the call was made inside this package; empty where nothing was called. */
  readonly nativeStack: string;
  /** CK_RV; 0 where there is none. */
  readonly code: number;

  constructor(message?: string, method = '', options?: ErrorOptions & { readonly code?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NativeError';
    this.method = method;
    this.nativeStack = framesOf(options?.cause);
    this.code = options?.code ?? 0;
  }
}

/** What a module returned: `message` is the CKR name, `code` the number. `cause` has the meaning and what to do. */
export class Pkcs11Error extends NativeError {
  /** With CKR_BUFFER_TOO_SMALL: how many bytes the result has. */
  declare readonly neededLength?: number;

  constructor(message?: string, code = 0, method = '', options?: ErrorOptions) {
    super(message, method, { ...options, code });
    this.name = 'Pkcs11Error';
  }
}

brand(NativeError, 'NativeError');
brand(Pkcs11Error, 'Pkcs11Error');

function framesOf(cause: unknown): string {
  if (!isError(cause) || cause.stack === undefined) return '';
  const start = cause.stack.indexOf('\n    at ');
  return start < 0 ? '' : cause.stack.slice(start + 1);
}

/** Errors that this package raises where a module would have returned a value. */
const RETURNED: Readonly<Record<string, keyof typeof CKR>> = {
  ERR_CRYPTOKI_SESSION_CLOSED: 'SESSION_HANDLE_INVALID',
  ERR_CRYPTOKI_MODULE_CLOSED: 'CRYPTOKI_NOT_INITIALIZED',
  ERR_CRYPTOKI_MEMORY: 'HOST_MEMORY',
};

/** An error with a CK_RV that did not come from the module. */
export function returned(name: keyof typeof CKR, method: string, cause?: unknown): Pkcs11Error {
  return new Pkcs11Error(`CKR_${name}`, CKR[name], method, { cause });
}

/** CKR_BUFFER_TOO_SMALL, and how many bytes were needed. */
export function tooSmall(method: string, neededLength: number): Pkcs11Error {
  return Object.assign(returned('BUFFER_TOO_SMALL', method), { neededLength });
}

/** The error as programs on pkcs11js know it. Wrong arguments (TypeError, RangeError) are left as they are. */
export function toError(error: unknown, method: string): unknown {
  if (!(error instanceof CryptokiError)) return error;
  if (error.rv !== undefined) {
    // Vendors' own values, and those that no version of PKCS#11 has, have one name.
    const name = /^CKR_\w+$/.test(error.code) ? error.code : 'CKR_VENDOR_DEFINED';
    return new Pkcs11Error(name, Number(error.rv), method, { cause: error });
  }
  const name = RETURNED[error.code];
  return name === undefined
    ? new NativeError(error.message, method, { cause: error })
    : returned(name, method, error);
}
