/** The types of pkcs11js, under its names. */

/** A slot, session or object: sizeof(CK_ULONG) bytes in native byte order. */
export type Handle = Buffer;

/** CK_VERSION */
export interface Version {
  major: number;
  minor: number;
}

/** CK_INFO. Texts are padded with blanks to their full width, here and in the other structures. */
export interface ModuleInfo {
  cryptokiVersion: Version;
  manufacturerID: string;
  flags: number;
  libraryDescription: string;
  libraryVersion: Version;
}

/** CK_SLOT_INFO */
export interface SlotInfo {
  slotDescription: string;
  manufacturerID: string;
  flags: number;
  hardwareVersion: Version;
  firmwareVersion: Version;
}

/** CK_TOKEN_INFO. Counters are 4294967295, and sizes of memory 2^64-1, where the token does not say. */
export interface TokenInfo {
  label: string;
  manufacturerID: string;
  model: string;
  serialNumber: string;
  flags: number;
  maxSessionCount: number;
  sessionCount: number;
  maxRwSessionCount: number;
  rwSessionCount: number;
  maxPinLen: number;
  minPinLen: number;
  hardwareVersion: Version;
  firmwareVersion: Version;
  /** 16 characters: YYYYMMDDhhmmss00; blanks where the token has no clock. */
  utcTime: string;
  totalPublicMemory: bigint;
  freePublicMemory: bigint;
  totalPrivateMemory: bigint;
  freePrivateMemory: bigint;
}

/** CK_MECHANISM_INFO */
export interface MechanismInfo {
  minKeySize: number;
  maxKeySize: number;
  flags: number;
}

/** CK_SESSION_INFO */
export interface SessionInfo {
  slotID: Buffer;
  state: number;
  flags: number;
  deviceError: number;
}

/** CK_ATTRIBUTE, as it is given. */
export interface Attribute {
  /** CKA_ number */
  type: number;
  /**
   * What its bytes are: of a number those of a CK_ULONG, of a boolean those of a CK_BBOOL, of a string its UTF-8; of a
   * Date YYYYMMDD (CKA_START_DATE and CKA_END_DATE only); null and undefined have none. Templates (CKA_WRAP_TEMPLATE) are
   * arrays.
   */
  value?: number | bigint | boolean | string | NodeJS.ArrayBufferView | Date | Template | null | undefined;
}

export type Template = Attribute[];

/** CK_ATTRIBUTE, as it is read. */
export interface AttributeResult {
  type: number;
  value: Buffer;
}

export type TemplateResult = AttributeResult[];

/** A parameter of a mechanism; the interface for its `type` says what else it has. */
export interface IParams {
  /** CK_PARAMS_ number */
  type: number;
}

/** CK_MECHANISM */
export interface Mechanism {
  /** CKM_ number */
  mechanism: number | bigint;
  /**
   * Bytes as they are, a number (one CK_ULONG), an object with a CK_PARAMS_ number, or for all other structures an object
   * as in cryptoki/raw, which names its structure: { structure: 'CK_HKDF_PARAMS', ... }.
   */
  parameter?: NodeJS.ArrayBufferView | number | bigint | IParams | { structure: string } | null | undefined;
}

/** What C_GenerateKeyPair makes. */
export interface KeyPair {
  privateKey: Handle;
  publicKey: Handle;
}

/** How a module is initialised. */
export interface InitializationOptions {
  /** For modules that take a string in pReserved (NSS). */
  libraryParameters?: string | undefined;
  /** Not passed on: modules are always asked to lock (CKF_OS_LOCKING_OK), since calls are made on several threads. */
  flags?: number | undefined;
}

/** What C_EncapsulateKey makes. */
export interface EncapsulatedKey {
  ciphertext: Buffer;
  key: Handle;
}

/** What C_AsyncComplete says. */
export interface AsyncData {
  value: Buffer | undefined;
  object: Handle;
  additionalObject: Handle;
}

/** The parameter of one message of the functions of 3.0: bytes, or an object as in cryptoki/raw. */
export type MessageParameter = NodeJS.ArrayBufferView | { structure: string } | null;

/**
 * What functions tell their callbacks: the result, or an error and null. Both spellings of a callback fit, those that
 * expect null and those that do not.
 */
export type Callback<Result> = {
  bivarianceHack(error: Error | null, result: Result | null): void;
}['bivarianceHack'];
