import type { ParameterStructures } from '../generated/structures';

/** Bytes as arguments: they are copied before an asynchronous call returns to its caller. */
export type BytesLike = ArrayBufferView | ArrayBuffer;

/** CK_VERSION: 2.40 is { major: 2, minor: 40 }. */
export interface RawVersion {
  major: number;
  minor: number;
}

/** What an attribute can be given; the attribute's type decides which of these it takes. */
export type RawAttributeInput =
  | boolean
  | number
  | bigint
  | string
  | Date
  | BytesLike
  | readonly number[]
  | readonly RawAttribute[];

/** One CK_ATTRIBUTE of a template. */
export type RawAttribute = RawTypedAttribute | RawBytesAttribute;

/** An attribute whose bytes are given as they are, whatever its type: for values that are wrong on purpose, or a vendor's. */
export interface RawBytesAttribute {
  /** CKA_ number */
  type: number;
  bytes: BytesLike;
  value?: undefined;
}

/** An attribute with a value of its type. */
export interface RawTypedAttribute {
  /** CKA_ number */
  type: number;
  bytes?: undefined;
  /**
   * CK_BBOOL: boolean; CK_ULONG: number or bigint; strings: string (as UTF-8) or bytes; CK_DATE: Date, 'YYYY-MM-DD', or
   * '' for none; big integers: bytes (big-endian) or bigint; arrays of CK_ULONG (CKA_ALLOWED_MECHANISMS): numbers; templates: attributes;
   * all others, and what the specification does not name: bytes.
   */
  value: RawAttributeInput;
}

/** What reading an attribute can give. */
export type RawAttributeValue =
  | boolean
  | number
  | bigint
  | string
  | Date
  | null
  | undefined
  | Buffer
  | number[]
  | RawAttributeResult[];

/** What came of one attribute of C_GetAttributeValue. */
export interface RawAttributeResult {
  /** CKA_ number */
  type: number;
  /**
   * The value in the JavaScript type of the attribute (see {@link RawAttribute}); an empty date is null,
   * CK_UNAVAILABLE_INFORMATION is undefined, a number beyond 2^53-1 a bigint.
   */
  value?: RawAttributeValue;
  /** Why there is no value: it is sensitive, the object has no such attribute, or the module did not say. */
  reason?: 'sensitive' | 'invalid' | 'unavailable';
}

/** CK_MECHANISM. */
export interface RawMechanism {
  /** CKM_ number */
  mechanism: number | bigint;
  /**
   * Nothing; bytes as they are (an IV, or a vendor's structure); a number (a single CK_ULONG); or an object with the
   * fields of the mechanism's parameter structure. Its member `structure` names another structure than the one the
   * specification gives the mechanism. What the module writes into a field (an IV made in an HSM) is set in the object
   * when the call has succeeded.
   */
  parameter?: undefined | null | BytesLike | number | bigint | object;
}

/**
 * The parameter of one message of the message-based functions: bytes as they are, or an object with the fields of the
 * structure that its member `structure` names (CK_GCM_MESSAGE_PARAMS ...). Fields that the module writes (a nonce it has
 * made, the tag) are set in the object when the call has succeeded.
 */
export type RawParameter = BytesLike | { structure: keyof ParameterStructures; [field: string]: unknown };

/** What C_AsyncComplete says of an operation that has ended. */
export interface RawAsyncData {
  /** Bytes it made, where it made some. */
  value?: Buffer;
  /** Objects it made; 0n where it made none. */
  object: bigint;
  additionalObject: bigint;
}

/** For mechanisms that sign digests only: the job makes the digest of the message on the token first. */
export interface RawDigest {
  /** The digest mechanism. */
  mechanism: RawMechanism;
  /** Bytes to put before the digest: DigestInfo for CKM_RSA_PKCS. */
  prefix?: BytesLike | undefined;
  /** Of a digest that is longer, the first bytes are signed: ECDSA uses no more than the order of the curve is long. */
  length?: number | undefined;
}

/** Many byte strings in one: string i lies between offsets i and i + 1. */
export interface RawPacked {
  readonly data: Buffer;
  /** The first is 0; there is one more than there are strings. */
  readonly offsets: Uint32Array;
}

/** What came of a batch. */
export interface RawBatch {
  /** How many messages were tried, in their order: fewer than there are when the session was lost on the way. */
  readonly count: number;
  /** Those that failed. */
  readonly failures: readonly { readonly index: number; readonly error: Error }[];
  /** How long the module took for all of them, in milliseconds: waiting for the session does not count. */
  readonly time: number;
  /** Results, packed; empty where a message failed. Not of verifyMany. */
  readonly data?: Buffer;
  readonly offsets?: Uint32Array;
  /** 1 for a signature that is right; of verifyMany only. */
  readonly valid?: Uint8Array;
}

/** A session that openSession has opened. */
export interface RawSession {
  /** CK_SESSION_HANDLE */
  readonly handle: bigint;
  /**
   * The handle, with a number in the bits from 128 on that no other session of the process has. Methods take it in the place of
   * the handle, and refuse it (CKR_SESSION_HANDLE_INVALID) when the module has given the handle to another session.
   */
  readonly name: bigint;
  /** Its state when it was opened (one of CKS). */
  readonly state: number;
}

/** An object found by findObjects. */
export interface RawFound {
  handle: bigint;
  /** The attributes asked for, in the same order. */
  attributes: RawAttributeResult[];
}

/** How a module is loaded. */
export interface LoadOptions {
  /**
   * Which OpenSSL the module finds. 'deepbind': its own (RTLD_DEEPBIND; glibc only); 'none': the one inside Node's
   * executable first; 'auto', the default: 'deepbind' where it is possible and malloc is not replaced.
   */
  isolation?: 'auto' | 'deepbind' | 'none' | undefined;
  /** 'auto', the default: the newest interface that the module has; '2.40': C_GetInterface is never called. */
  interface?: 'auto' | '2.40' | undefined;
}

/** How a module is initialised. */
export interface InitializeOptions {
  /**
   * 'os', the default: the module locks for itself; one that says it cannot, or is known not to, gets more. 'objects':
   * calls that touch objects, sessions or the login wait for each other. 'module': one call at a time.
   */
  locking?: 'os' | 'objects' | 'module' | undefined;
  /** A string for modules that take one in pReserved (NSS, YubiHSM). */
  libraryParameters?: string | undefined;
  /**
   * What becomes of signal handlers that the module exchanges in C_Initialize. 'keep', the default: the module's count, and
   * `process.on('SIGINT')` may hear nothing any more. 'restore': those that were there before are put back. (Not on Windows.)
   */
  signalHandlers?: 'keep' | 'restore' | undefined;
  /**
   * Whether exit handlers run at the end of the process that were registered before C_Initialize has returned: those of the
   * module, and of whatever else. 'run', the default. 'skip': for modules whose handlers hang or abort. In any case they do
   * not run while a call is still in a module a second after the end has begun. (Not on Windows.)
   */
  exitHandlers?: 'run' | 'skip' | undefined;
}

/** What is known of a loaded module without a call. */
export interface ModuleDescription {
  /** The path it was loaded from first. */
  path: string;
  /** Version of the function list in use. */
  version: RawVersion;
  /** Whether it came from C_GetInterface. */
  fromInterface: boolean;
}
