import { smallFlags } from '../core/constant-names';
import { CKF } from '../generated/constants';
import type { CK_TOKEN_INFO } from '../generated/structures';
import type { RawVersion } from '../raw/values';

/** The token's flags of a PIN; many tokens never set any of them. */
export interface PinFlags {
  /** True if a wrong PIN was entered since the last successful login. */
  readonly countLow: boolean;
  /** True if the next wrong PIN locks it. */
  readonly finalTry: boolean;
  readonly locked: boolean;
  /** True if the PIN is still the manufacturer's, or has expired. */
  readonly toBeChanged: boolean;
}

/** The result of C_GetTokenInfo (PKCS#11 3.1, section 3.2), with its flags by name. */
export interface TokenInfo {
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serialNumber: string;
  /** CKF_ bits. */
  readonly flags: number;
  readonly initialized: boolean;
  readonly writeProtected: boolean;
  readonly loginRequired: boolean;
  readonly userPinInitialized: boolean;
  /** True if the PIN is entered at the token itself, for example on a PIN pad: log in with null. */
  readonly protectedAuthenticationPath: boolean;
  readonly userPin: PinFlags;
  readonly soPin: PinFlags;
  /** Infinity if the token has no limit, undefined if it does not report one. */
  readonly maxSessions: number | undefined;
  readonly maxReadWriteSessions: number | undefined;
  /** Number of sessions that this process has open, as reported by the token; undefined if it does not report it. */
  readonly sessions: number | undefined;
  readonly readWriteSessions: number | undefined;
  /** Length of a PIN in bytes. */
  readonly minPinLength: number | undefined;
  readonly maxPinLength: number | undefined;
  /** Size of memory in bytes. */
  readonly totalPublicMemory: number | undefined;
  readonly freePublicMemory: number | undefined;
  readonly totalPrivateMemory: number | undefined;
  readonly freePrivateMemory: number | undefined;
  readonly hardwareVersion: RawVersion;
  readonly firmwareVersion: RawVersion;
}

/** CK_EFFECTIVELY_INFINITE is 0. */
const limit = (value: number | undefined): number | undefined =>
  value === 0 ? Number.POSITIVE_INFINITY : value;

/** Converts CK_TOKEN_INFO, with its flags by name. */
export function toTokenInfo(info: CK_TOKEN_INFO): TokenInfo {
  const flags = smallFlags(info.flags);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  return {
    label: info.label,
    manufacturer: info.manufacturerID,
    model: info.model,
    serialNumber: info.serialNumber,
    flags,
    initialized: has(CKF.TOKEN_INITIALIZED),
    writeProtected: has(CKF.WRITE_PROTECTED),
    loginRequired: has(CKF.LOGIN_REQUIRED),
    userPinInitialized: has(CKF.USER_PIN_INITIALIZED),
    protectedAuthenticationPath: has(CKF.PROTECTED_AUTHENTICATION_PATH),
    userPin: {
      countLow: has(CKF.USER_PIN_COUNT_LOW),
      finalTry: has(CKF.USER_PIN_FINAL_TRY),
      locked: has(CKF.USER_PIN_LOCKED),
      toBeChanged: has(CKF.USER_PIN_TO_BE_CHANGED),
    },
    soPin: {
      countLow: has(CKF.SO_PIN_COUNT_LOW),
      finalTry: has(CKF.SO_PIN_FINAL_TRY),
      locked: has(CKF.SO_PIN_LOCKED),
      toBeChanged: has(CKF.SO_PIN_TO_BE_CHANGED),
    },
    maxSessions: limit(info.maxSessionCount),
    maxReadWriteSessions: limit(info.maxRwSessionCount),
    sessions: info.sessionCount,
    readWriteSessions: info.rwSessionCount,
    minPinLength: info.minPinLen,
    maxPinLength: info.maxPinLen,
    totalPublicMemory: info.totalPublicMemory,
    freePublicMemory: info.freePublicMemory,
    totalPrivateMemory: info.totalPrivateMemory,
    freePrivateMemory: info.freePrivateMemory,
    hardwareVersion: info.hardwareVersion,
    firmwareVersion: info.firmwareVersion,
  };
}
