// Values that cross the bridge, whatever the function: generated types are made of them.

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

/** What C_AsyncComplete says of an operation that has ended. */
export interface RawAsyncData {
  /** Bytes it made, where it made some. */
  value?: Buffer;
  /** Objects it made; 0n where it made none. */
  object: bigint;
  additionalObject: bigint;
}
