import type { BytesLike, RawAttribute, RawAttributeResult, RawMechanism } from './values';

/** A digest that the job computes on the token before it signs, for mechanisms that sign digests only. */
export interface RawDigest {
  /** The digest mechanism. */
  mechanism: RawMechanism;
  /** Bytes before the digest: DigestInfo for CKM_RSA_PKCS. */
  prefix?: BytesLike | undefined;
  /** Maximum length in bytes: a longer digest is truncated, because ECDSA uses at most the length of the order of the curve. */
  length?: number | undefined;
}

/** An object found by findObjects. */
export interface RawFound {
  handle: bigint;
  /** The requested attributes, in the same order. */
  attributes: RawAttributeResult[];
}

/**
 * Operations that PKCS#11 splits into several functions, each as one native job: no call of another caller runs between them,
 * and no operation stays active on the session after an error.
 */
export interface RawOperations {
  /**
   * C_SignInit, C_Sign.
   * @param digest the mechanism for the digest of `data` (C_DigestInit, C_Digest), which is then signed
   * @param pin for a key with CKA_ALWAYS_AUTHENTICATE: C_Login with CKU_CONTEXT_SPECIFIC after C_SignInit; null
   *   for a token with its own PIN pad
   */
  sign(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    digest?: RawDigest | undefined,
    pin?: string | BytesLike | null | undefined,
  ): Promise<Buffer>;
  signSync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    digest?: RawDigest | undefined,
    pin?: string | BytesLike | null | undefined,
  ): Buffer;
  /**
   * C_VerifyInit, C_Verify; false for CKR_SIGNATURE_INVALID and CKR_SIGNATURE_LEN_RANGE. A MAC is computed (C_SignInit, C_Sign)
   * and compared in constant time; C_Verify is used only if the key cannot sign.
   * @param digest as for sign
   */
  verify(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    signature: BytesLike,
    digest?: RawDigest | undefined,
  ): Promise<boolean>;
  verifySync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    data: BytesLike,
    signature: BytesLike,
    digest?: RawDigest | undefined,
  ): boolean;
  /** C_DigestInit, C_Digest. */
  digest(session: bigint, mechanism: RawMechanism, data: BytesLike): Promise<Buffer>;
  digestSync(session: bigint, mechanism: RawMechanism, data: BytesLike): Buffer;
  /** C_EncryptInit, C_Encrypt. */
  encrypt(session: bigint, mechanism: RawMechanism, key: bigint, data: BytesLike): Promise<Buffer>;
  encryptSync(session: bigint, mechanism: RawMechanism, key: bigint, data: BytesLike): Buffer;
  /**
   * C_DecryptInit, C_Decrypt.
   * @param pin as for sign
   */
  decrypt(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    encryptedData: BytesLike,
    pin?: string | BytesLike | null | undefined,
  ): Promise<Buffer>;
  decryptSync(
    session: bigint,
    mechanism: RawMechanism,
    key: bigint,
    encryptedData: BytesLike,
    pin?: string | BytesLike | null | undefined,
  ): Buffer;
  /** C_SignRecoverInit, C_SignRecover: a signature from which the data can be recovered. */
  signRecover(session: bigint, mechanism: RawMechanism, key: bigint, data: BytesLike): Promise<Buffer>;
  signRecoverSync(session: bigint, mechanism: RawMechanism, key: bigint, data: BytesLike): Buffer;
  /** C_VerifyRecoverInit, C_VerifyRecover: the data of a signature. */
  verifyRecover(session: bigint, mechanism: RawMechanism, key: bigint, signature: BytesLike): Promise<Buffer>;
  verifyRecoverSync(session: bigint, mechanism: RawMechanism, key: bigint, signature: BytesLike): Buffer;
  /** C_DigestInit, C_DigestKey, C_DigestFinal: the digest of the value of a secret key. */
  digestKey(session: bigint, mechanism: RawMechanism, key: bigint): Promise<Buffer>;
  digestKeySync(session: bigint, mechanism: RawMechanism, key: bigint): Buffer;
  /**
   * C_DeriveKey, C_GetAttributeValue of CKA_VALUE, C_DestroyObject: the value of a derived key, which does not stay on the token,
   * also if its value cannot be read.
   * @param template must allow the value to be read (CKA_SENSITIVE false, CKA_EXTRACTABLE true)
   * @param length the number of bytes to return, from the beginning of the value; 0 for all
   */
  deriveValue(
    session: bigint,
    mechanism: RawMechanism,
    baseKey: bigint,
    template: readonly RawAttribute[],
    length: number,
  ): Promise<Buffer>;
  deriveValueSync(
    session: bigint,
    mechanism: RawMechanism,
    baseKey: bigint,
    template: readonly RawAttribute[],
    length: number,
  ): Buffer;
  /**
   * C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal, and C_GetAttributeValue for each object found.
   * @param types attributes to read of each object (CKA_ numbers)
   * @param limit the maximum number of objects; 0 for all
   */
  findObjects(
    session: bigint,
    template: readonly RawAttribute[],
    types: readonly number[],
    limit: number,
  ): Promise<RawFound[]>;
  findObjectsSync(
    session: bigint,
    template: readonly RawAttribute[],
    types: readonly number[],
    limit: number,
  ): RawFound[];
  /**
   * Ends operations that are active on the session: with C_SessionCancel, or by finishing each one on an empty message in a
   * module without it.
   * @param flags the operations: CKF.SIGN, CKF.FIND_OBJECTS ...
   * @returns false when one of them may still be active
   */
  endOperations(session: bigint, flags: number | bigint): Promise<boolean>;
  endOperationsSync(session: bigint, flags: number | bigint): boolean;
}
