import { OWN_ACTIONS, type OwnCode } from '../generated/error-codes';
import { type Action, RETURN_VALUES, type ReturnValue } from '../generated/errors';
import { brand } from './realms';

export type { OwnCode } from '../generated/error-codes';
export type { Action, ReturnValue } from '../generated/errors';

/** The parts of a {@link CryptokiError}. */
export interface CryptokiErrorInit {
  /** A code of this package; absent when the module returned a CK_RV. */
  code?: OwnCode | undefined;
  /** The CK_RV that the module returned. */
  rv?: number | bigint | undefined;
  /** The C function that failed, if there is one. */
  function?: string | undefined;
  /** Description of the failure, in addition to the meaning of the return value. */
  detail?: string | undefined;
  /** Replaces the action that belongs to the code. */
  action?: Action | undefined;
  cause?: unknown;
}

const VENDOR_DEFINED = 0x80000000;

/** Returns the entry for a CK_RV. Creates one for numbers that the table lacks, such as those of vendors. */
function describe(rv: number | bigint): ReturnValue {
  const known = typeof rv === 'number' && rv !== VENDOR_DEFINED ? RETURN_VALUES.get(rv) : undefined;
  if (known !== undefined) return known;
  const hex = `0x${rv.toString(16).toUpperCase().padStart(8, '0')}`;
  const vendor = rv >= VENDOR_DEFINED;
  return {
    name: vendor ? `CKR_VENDOR_DEFINED|${hex}` : hex,
    meaning: vendor
      ? `return value ${hex}, which the module's vendor defined`
      : `return value ${hex}, which PKCS#11 does not define`,
    advice: "Look it up in the documentation of the module's vendor.",
    action: 'fatal',
  };
}

/**
 * The class of all errors of this package, except those for wrong arguments (TypeError with code ERR_INVALID_ARG_TYPE, or
 * ERR_INVALID_ARG_VALUE for an unknown name; RangeError with code ERR_OUT_OF_RANGE). An error never contains a PIN, a key value
 * or message content. `instanceof` is also true for errors of another copy of the package.
 */
export class CryptokiError extends Error {
  /** The CKR name ('CKR_PIN_INCORRECT') if the module returned an error, otherwise an ERR_CRYPTOKI_ code. */
  readonly code: string;
  /** The CK_RV that the module returned; a bigint beyond 2^53-1. Undefined for errors of this package itself. */
  readonly rv: number | bigint | undefined;
  /** The C function that failed ('C_Login'); undefined if no function was called. */
  readonly function: string | undefined;
  /** The step that can help: retry the same call, reopen the session, log in again, find the object again, reinitialise. */
  readonly action: Action;

  constructor(init: CryptokiErrorInit) {
    const returned = init.rv === undefined || init.code !== undefined ? undefined : describe(init.rv);
    const description = [returned?.meaning, init.detail]
      .filter((part) => part !== undefined && part !== '')
      .join('; ');
    const source = [init.function, returned?.name].filter((part) => part !== undefined);
    const advice =
      returned === undefined ? '' : `. ${returned.adviceFor?.[init.function ?? ''] ?? returned.advice}`;
    super(
      [...source, `${description}${advice}`].join(': '),
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    this.name = 'CryptokiError';
    this.code = init.code ?? returned?.name ?? 'ERR_CRYPTOKI_INTERNAL';
    this.rv = returned === undefined ? undefined : init.rv;
    this.function = init.function;
    this.action = init.action ?? returned?.action ?? (init.code && OWN_ACTIONS[init.code]) ?? 'fatal';
  }
}

brand(CryptokiError, 'CryptokiError');

/**
 * Builds an error of this package itself.
 * @param detail a sentence without its final stop: the failure, and the next step; never a PIN, key value or message content
 * @param more `function`: the C function that was not called; `action`: replaces the action of the code
 */
export function ownError(
  code: OwnCode,
  detail: string,
  more?: Pick<CryptokiErrorInit, 'function' | 'action' | 'cause'>,
): CryptokiError {
  return new CryptokiError({ code, detail, ...more });
}

/** Returns true when `error` is a {@link CryptokiError} with one of these codes, of this or another copy of the package. */
export function isCode(error: unknown, ...codes: string[]): error is CryptokiError {
  return error instanceof CryptokiError && codes.includes(error.code);
}
