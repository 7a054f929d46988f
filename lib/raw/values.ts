// The types of arguments and results, which the generated types use.

/** Bytes as arguments. An asynchronous call copies them before it returns. */
export type BytesLike = ArrayBufferView | ArrayBuffer;

/** CK_VERSION: 2.40 is { major: 2, minor: 40 }. */
export interface RawVersion {
  major: number;
  minor: number;
}

/** The values that attributes accept; the type of the attribute determines which. */
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

/** An attribute whose bytes are passed unchanged, for vendors' attributes and for values that are wrong on purpose. */
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
   * all others, and those that the specification does not define: bytes.
   */
  value: RawAttributeInput;
}

/** The values that a read attribute can have. */
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

/** The result for one attribute of C_GetAttributeValue. */
export interface RawAttributeResult {
  /** CKA_ number */
  type: number;
  /**
   * The value in the JavaScript type of the attribute (see {@link RawAttribute}); an empty date is null,
   * CK_UNAVAILABLE_INFORMATION is undefined, a number beyond 2^53-1 a bigint.
   */
  value?: RawAttributeValue;
  /** The reason for a missing value: it is sensitive, the object does not have the attribute, or the module gave no reason. */
  reason?: 'sensitive' | 'invalid' | 'unavailable';
}

/** CK_MECHANISM. */
export interface RawMechanism {
  /** CKM_ number */
  mechanism: number | bigint;
  /**
   * Nothing; bytes, which are passed unchanged (an IV, or a vendor's structure); a number (a single CK_ULONG); or an object with
   * the fields of the mechanism's parameter structure. Its member `structure` names a structure other than that of the
   * specification. After a successful call, the fields that the module has written (an IV made in an HSM) are set in the object.
   */
  parameter?: undefined | null | BytesLike | number | bigint | object;
}

/** The result of C_AsyncComplete for an operation that has ended. */
export interface RawAsyncData {
  /** The bytes that it made, if any. */
  value?: Buffer;
  /** The object that it made; 0n if none. */
  object: bigint;
  additionalObject: bigint;
}
