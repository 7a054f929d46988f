import { smallFlags } from '../core/constant-names';
import { CKF } from '../generated/constants';
import type { CK_TOKEN_INFO } from '../generated/structures';
import type { RawVersion } from '../raw/values';

/** What the token says of a PIN; many tokens never say any of it. */
export interface PinFlags {
  /** A wrong one was entered since the last good login. */
  readonly countLow: boolean;
  /** The next wrong one locks it. */
  readonly finalTry: boolean;
  readonly locked: boolean;
  /** It is still the one that the token came with, or has expired. */
  readonly toBeChanged: boolean;
}

/** C_GetTokenInfo (PKCS#11 3.1, section 3.2), with its flags by name. */
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
  /** The token has its own way to ask for the PIN: log in with null. */
  readonly protectedAuthenticationPath: boolean;
  readonly userPin: PinFlags;
  readonly soPin: PinFlags;
  /** Infinity when the token sets no limit, undefined when it does not say. */
  readonly maxSessions: number | undefined;
  readonly maxReadWriteSessions: number | undefined;
  /** Sessions that this process has open, as the token counts; undefined when it does not say. */
  readonly sessions: number | undefined;
  readonly readWriteSessions: number | undefined;
  /** Length of a PIN in bytes. */
  readonly minPinLength: number | undefined;
  readonly maxPinLength: number | undefined;
  /** In bytes. */
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

/** CK_TOKEN_INFO, its flags by name. */
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
