/**
 * The types of pkcs11js, under its names and with the same members, so that programs for pkcs11js compile: they create values of
 * these types and read them. Arguments for which functions accept more have additional types ({@link MechanismInput},
 * {@link TemplateInput}).
 */

/** A slot, session or object: sizeof(CK_ULONG) bytes in native byte order. */
export type Handle = Buffer;

/** CK_VERSION */
export interface Version {
  major: number;
  minor: number;
}

/** CK_INFO. Texts are padded with blanks to their width in C, here and in the other structures. */
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

/**
 * The size of a memory: a bigint, although pkcs11js declares a number. Programs that follow the declaration assign it to a number,
 * others use it as a bigint. Only `any` lets both compile.
 */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type MemorySize = any;

/** CK_TOKEN_INFO. Counters that the token does not report are 4294967295, sizes of memory 2^64-1. */
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
  /** 16 characters: YYYYMMDDhhmmss00; blanks if the token has no clock. */
  utcTime: string;
  /** bigint */
  totalPublicMemory: MemorySize;
  /** bigint */
  freePublicMemory: MemorySize;
  /** bigint */
  totalPrivateMemory: MemorySize;
  /** bigint */
  freePrivateMemory: MemorySize;
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

/** CK_ATTRIBUTE, as an argument. */
export interface Attribute {
  /** CKA_ number */
  type: number;
  /**
   * A number is passed as a CK_ULONG, a boolean as a CK_BBOOL, a string as UTF-8, a Date as YYYYMMDD (CKA_START_DATE and
   * CKA_END_DATE only).
   */
  value?: number | boolean | string | Buffer | Date;
}

export type Template = Attribute[];

/** An attribute as functions accept it. */
export interface AttributeInput {
  /** CKA_ number */
  type: number;
  /** As in {@link Attribute}; null and undefined mean no bytes. Templates (CKA_WRAP_TEMPLATE) are arrays. */
  value?: Attribute['value'] | bigint | NodeJS.ArrayBufferView | readonly AttributeInput[] | null | undefined;
}

export type TemplateInput = readonly AttributeInput[];

/** CK_ATTRIBUTE, as a result. */
export interface AttributeResult {
  type: number;
  value: Buffer;
}

export type TemplateResult = AttributeResult[];

/** A parameter of a mechanism. The interface for its `type` has the other members. */
export interface IParams {
  /** CK_PARAMS_ number */
  type: number;
}

/** CK_MECHANISM */
export interface Mechanism {
  /** CKM_ number */
  mechanism: number;
  /** Bytes (passed unchanged), a number (one CK_ULONG), or an object with a CK_PARAMS_ number. */
  parameter?: Buffer | number | IParams;
}

/** A mechanism as functions accept it. */
export interface MechanismInput {
  /** CKM_ number */
  mechanism: number | bigint;
  /**
   * As in {@link Mechanism}, or an object like those of cryptoki/raw, which names its structure, for all other structures:
   * { structure: 'CK_HKDF_PARAMS', ... }.
   */
  parameter?:
    | Mechanism['parameter']
    | NodeJS.ArrayBufferView
    | bigint
    | { structure: string }
    | null
    | undefined;
}

/** The result of C_GenerateKeyPair. */
export interface KeyPair {
  privateKey: Handle;
  publicKey: Handle;
}

/** The options of C_Initialize. */
export interface InitializationOptions {
  /** The string in pReserved, for modules that need one (NSS). */
  libraryParameters?: string;
  /** Ignored: CKF_OS_LOCKING_OK is always set, because calls run on several threads. */
  flags?: number;
}

/** The result of C_EncapsulateKey. */
export interface EncapsulatedKey {
  ciphertext: Buffer;
  key: Handle;
}

/** The result of C_AsyncComplete. */
export interface AsyncData {
  value: Buffer | undefined;
  object: Handle;
  additionalObject: Handle;
}

/** The parameter of a message, for the functions of 3.0: bytes, or an object like those of cryptoki/raw. */
export type MessageParameter = NodeJS.ArrayBufferView | { structure: string } | null;

/**
 * The callback, which is called with null and the result, or with an error and null. The types are those of pkcs11js, which do
 * not declare null, so that a callback without annotations can use the result directly.
 */
export type Callback<Result> = (error: Error, result: Result) => void;
