import type { RawDigest } from './operations';
import type { BytesLike, RawMechanism } from './values';

/** Many byte strings in one: string i is between offsets i and i + 1. */
export interface RawPacked {
  readonly data: Buffer;
  /** The first is 0. There is one offset more than strings. */
  readonly offsets: Uint32Array;
}

/** The result of a batch. */
export interface RawBatch {
  /** Number of messages that were processed, in their order: fewer than were given if the session was lost. */
  readonly count: number;
  /** The messages that failed. */
  readonly failures: readonly { readonly index: number; readonly error: Error }[];
  /** Time of the module for all messages, in milliseconds, without the wait for the session. */
  readonly time: number;
  /** The results, packed; a result is empty if its message failed. Absent for verifyMany. */
  readonly data?: Buffer;
  readonly offsets?: Uint32Array;
  /** 1 for each valid signature, otherwise 0. For verifyMany only. */
  readonly valid?: Uint8Array;
}

/**
 * Operations on many messages, each as one native job. Messages are packed (see RawPacked): `data`, and a Uint32Array of
 * `offsets`. The result reports each message that failed; the others are processed.
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
