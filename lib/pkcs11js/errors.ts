import { CryptokiError } from '../core/errors';
import { brand, isError } from '../core/realms';
import { CKR } from '../generated/constants';

/** An error without a return value of a module: no module is loaded, or it cannot be loaded. */
export class NativeError extends Error {
  /** Name of the class. */
  override name: string;
  /** The PKCS#11 function ('C_Login'); empty if no function was called. */
  readonly method: string;
  /** The stack of the call inside this package; empty if no function was called. */
  readonly nativeStack: string;
  /** CK_RV; 0 if there is none. */
  readonly code: number;

  constructor(message?: string, method = '', options?: ErrorOptions & { readonly code?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NativeError';
    this.method = method;
    this.nativeStack = framesOf(options?.cause);
    this.code = options?.code ?? 0;
  }
}

/** The error that a module returned: `message` is the CKR name, `code` the number. `cause` has the meaning and the next step. */
export class Pkcs11Error extends NativeError {
  /** The size of the result in bytes, with CKR_BUFFER_TOO_SMALL only. */
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

/** The return values for errors that this package raises in place of a module. */
const RETURNED: Readonly<Record<string, keyof typeof CKR>> = {
  ERR_CRYPTOKI_SESSION_CLOSED: 'SESSION_HANDLE_INVALID',
  ERR_CRYPTOKI_MODULE_CLOSED: 'CRYPTOKI_NOT_INITIALIZED',
  ERR_CRYPTOKI_MEMORY: 'HOST_MEMORY',
};

/** Builds an error with a CK_RV that this package chose, not the module. */
export function returned(name: keyof typeof CKR, method: string, cause?: unknown): Pkcs11Error {
  return new Pkcs11Error(`CKR_${name}`, CKR[name], method, { cause });
}

/** Builds CKR_BUFFER_TOO_SMALL with the size of the result in bytes. */
export function tooSmall(method: string, neededLength: number): Pkcs11Error {
  return Object.assign(returned('BUFFER_TOO_SMALL', method), { neededLength });
}

/** Converts an error to one of pkcs11js. Returns errors for wrong arguments (TypeError, RangeError) unchanged. */
export function toError(error: unknown, method: string): unknown {
  if (!(error instanceof CryptokiError)) return error;
  if (error.rv !== undefined) {
    // Values of vendors, and those that no version of PKCS#11 defines, have one name.
    const name = /^CKR_\w+$/.test(error.code) ? error.code : 'CKR_VENDOR_DEFINED';
    return new Pkcs11Error(name, Number(error.rv), method, { cause: error });
  }
  const name = RETURNED[error.code];
  return name === undefined
    ? new NativeError(error.message, method, { cause: error })
    : returned(name, method, error);
}
