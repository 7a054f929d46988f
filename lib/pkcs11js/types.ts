/**
 * The types of pkcs11js, under its names. A type that pkcs11js declares is declared here with the same members, so that
 * programs written for it compile: they give values of these types, and read them. What functions take beyond that has
 * types of its own ({@link MechanismInput}, {@link TemplateInput}).
 */

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

/**
 * The size of a memory: a bigint, though pkcs11js declares a number. Programs that compile with pkcs11js assign it to a
 * number, and those that know the value use it as a bigint: only `any` lets both compile.
 */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type MemorySize = any;

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

/** CK_ATTRIBUTE, as it is given. */
export interface Attribute {
  /** CKA_ number */
  type: number;
  /**
   * Its bytes are: of a number those of a CK_ULONG, of a boolean those of a CK_BBOOL, of a string its UTF-8; of a Date
   * YYYYMMDD (CKA_START_DATE and CKA_END_DATE only).
   */
  value?: number | boolean | string | Buffer | Date;
}

export type Template = Attribute[];

/** An attribute as functions take it. */
export interface AttributeInput {
  /** CKA_ number */
  type: number;
  /** As in {@link Attribute}; null and undefined have no bytes. Templates (CKA_WRAP_TEMPLATE) are arrays. */
  value?: Attribute['value'] | bigint | NodeJS.ArrayBufferView | readonly AttributeInput[] | null | undefined;
}

export type TemplateInput = readonly AttributeInput[];

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
  mechanism: number;
  /** Bytes as they are, a number (one CK_ULONG), or an object with a CK_PARAMS_ number. */
  parameter?: Buffer | number | IParams;
}

/** A mechanism as functions take it. */
export interface MechanismInput {
  /** CKM_ number */
  mechanism: number | bigint;
  /**
   * As in {@link Mechanism}, or for all other structures an object as in cryptoki/raw, which names its structure:
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

/** What C_GenerateKeyPair makes. */
export interface KeyPair {
  privateKey: Handle;
  publicKey: Handle;
}

/** How a module is initialised. */
export interface InitializationOptions {
  /** For modules that take a string in pReserved (NSS). */
  libraryParameters?: string;
  /** Not passed on: modules are always asked to lock (CKF_OS_LOCKING_OK), since calls are made on several threads. */
  flags?: number;
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
 * What the forms with a callback call: with null and the result, or with an error and null. The types are those of
 * pkcs11js, which leave null out: a callback without annotations uses the result as it is.
 */
export type Callback<Result> = (error: Error, result: Result) => void;
