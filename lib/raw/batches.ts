import type { RawDigest } from './operations';
import type { BytesLike, RawMechanism } from './values';

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

/**
 * Operations on many messages, as one native job each. Messages are packed (see RawPacked): `data`, and a Uint32Array of
 * `offsets`. A message that fails is told of in the result; the others are done all the same.
 */
export interface RawBatches {
  /** C_SignInit and C_Sign for each message. @param digest as for sign */
  signMany(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
    digest?: RawDigest | undefined,
  ): Promise<RawBatch>;
  signManySync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
    digest?: RawDigest | undefined,
  ): RawBatch;
  /** C_VerifyInit and C_Verify for each message. */
  verifyMany(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
    signatures: BytesLike,
    signatureOffsets: Uint32Array,
    digest?: RawDigest | undefined,
  ): Promise<RawBatch>;
  verifyManySync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
    signatures: BytesLike,
    signatureOffsets: Uint32Array,
    digest?: RawDigest | undefined,
  ): RawBatch;
  /** C_DigestInit and C_Digest for each message. */
  digestMany(
    session: bigint,
    mechanism: RawMechanism,
    data: BytesLike,
    offsets: Uint32Array,
  ): Promise<RawBatch>;
  digestManySync(session: bigint, mechanism: RawMechanism, data: BytesLike, offsets: Uint32Array): RawBatch;
  /** C_EncryptInit and C_Encrypt for each message. @param mechanism one for all, or one for each message */
  encryptMany(
    session: bigint,
    mechanism: RawMechanism | readonly RawMechanism[],
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
  ): Promise<RawBatch>;
  encryptManySync(
    session: bigint,
    mechanism: RawMechanism | readonly RawMechanism[],
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
  ): RawBatch;
  /** C_DecryptInit and C_Decrypt for each message. @param mechanism one for all, or one for each message */
  decryptMany(
    session: bigint,
    mechanism: RawMechanism | readonly RawMechanism[],
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
  ): Promise<RawBatch>;
  decryptManySync(
    session: bigint,
    mechanism: RawMechanism | readonly RawMechanism[],
    key: bigint,
    data: BytesLike,
    offsets: Uint32Array,
  ): RawBatch;
}
