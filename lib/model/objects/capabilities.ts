/** The operations of keys, in groups that have the names of their attributes. A class of keys lists its capabilities. */
import type { BytesLike } from '../../raw/values';
import type { ContextLogin } from '../login/context-login';
import type { Ciphertext } from '../mechanisms/made-iv';
import type { MechanismInput } from '../mechanisms/mechanism';
import type { ModelKey } from '../model-types';
import {
  type BatchOutcome,
  type CipherInput,
  cipherMany,
  type Messages,
  type SignedMessage,
  signMany,
  verifyMany,
} from '../operations/batch/batch-operations';
import { batchOptions, type ModelBatchOptions, onSessions } from '../operations/batch/batch-sessions';
import {
  decrypt,
  decryptSync,
  encrypt,
  encryptSync,
  sign,
  signSync,
  verify,
  verifySync,
} from '../operations/single-part';
import type { CipherStream } from '../operations/streams/cipher-stream';
import type { SignStream, VerifyStream } from '../operations/streams/message-stream';
import { createCipher, createSign, createVerify } from '../operations/streams/session-streams';
import type { StreamOptions } from '../operations/streams/stream-options';

/** The methods of a capability. Their descriptions are in its interface. */
type Capability<T> = T & ThisType<ModelKey & T>;

/** Keys that sign: private keys, and secret keys that make MACs. */
export interface Signing {
  /**
   * Signs a message, or computes a MAC, as one native job (C_SignInit, C_Sign, PKCS#11 3.1, section 5.13).
   * @param algorithm 'ECDSA-SHA256' (or { name, format: 'der', lowS: true }: s is at most half of the order, as Bitcoin and others
   *   require; not in batches and streams), 'RSA-PKCS1-SHA256', 'RSA-PSS-SHA256' (or { name, saltLength } with the length in
   *   bytes; default: the length of the digest), 'EdDSA', 'HMAC-SHA256', or a mechanism. If the token signs digests only,
   *   Node computes the digest.
   * @param data the whole message; its digest only for mechanisms that sign a digest
   * @param options.pin for a key with CKA_ALWAYS_AUTHENTICATE: the PIN, sent within the same job (C_Login with
   *   CKU_CONTEXT_SPECIFIC). Operations with a PIN run one at a time per token; a PIN that the token has refused is not
   *   sent again.
   * @returns the signature; for ECDSA r and s one after the other, each as long as the curve's order (IEEE P1363), even if
   *   the module returns DER or omits leading zeros. To verify it with node:crypto, give dsaEncoding 'ieee-p1363'.
   * @throws CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT, CKR_MECHANISM_INVALID, CKR_USER_NOT_LOGGED_IN,
   *   CKR_DATA_LEN_RANGE, CKR_PIN_INCORRECT; ERR_CRYPTOKI_PIN_REFUSED, ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED
   */
  sign(algorithm: MechanismInput, data: BytesLike, options?: ContextLogin): Promise<Buffer>;

  /** Does the same as {@link sign}, and blocks the calling thread. */
  signSync(algorithm: MechanismInput, data: BytesLike, options?: ContextLogin): Buffer;

  /**
   * Creates a stream that signs a message of any length part by part (C_SignInit, C_SignUpdate, C_SignFinal, PKCS#11 3.1,
   * section 5.13): `await pipeline(file, stream)`, then `await stream.result()`. The stream occupies the key's session from
   * its first byte to its end: a second stream is refused during that time, and the module refuses other operations
   * (CKR_OPERATION_ACTIVE). If the token signs digests only, Node computes the digest, and the session is used at the end
   * only.
   * @param algorithm as for {@link sign}; not EdDSA, which cannot sign part by part
   * @param options.pin as for {@link sign}
   * @param options.signal destroys the stream
   * @throws ERR_CRYPTOKI_UNSUPPORTED, ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED; wrong arguments. An error of the
   *   token destroys the stream; the errors are those of {@link sign}.
   */
  createSign(algorithm: MechanismInput, options?: ContextLogin & StreamOptions): SignStream;

  /**
   * Signs many messages with few crossings into native code, by a native loop on each session.
   * @param messages an array, whose results are returned together; or an iterable or async iterable, whose results are
   *   returned one by one, in order, as fast as the caller fetches them
   * @param options.sessions sessions with this token to use at the same time; default the key's session
   * @returns for an array its results, with the failures by message; for an iterable a generator of items
   * @throws (an array: rejects) the signal's reason; wrong arguments. A failure of one message is in the result of that
   *   message.
   */
  signMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options?: ModelBatchOptions,
  ): BatchOutcome<M, Buffer>;
}

export const signing: Capability<Signing> = {
  sign(algorithm, data, options) {
    return sign(this, algorithm, data, options);
  },
  signSync(algorithm, data, options) {
    return signSync(this, algorithm, data, options);
  },
  createSign(algorithm, options = {}) {
    return createSign(this, algorithm, options);
  },
  signMany(algorithm, messages, options = {}) {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return signMany(onSessions(sessions, this), algorithm, messages, rest);
  },
};

/** Keys that verify: public keys, and secret keys that make MACs. */
export interface Verifying {
  /**
   * Verifies a signature on the token, as one native job (C_VerifyInit, C_Verify, PKCS#11 3.1, section 5.15). The token
   * computes a MAC (C_SignInit, C_Sign), and both are compared in constant time; a key that cannot sign (CKA_SIGN is false)
   * verifies it.
   * @param algorithm as for PrivateKey.sign
   * @returns false when the signature is wrong, also in its length, even if the module accepts shorter ones
   * @throws as PrivateKey.sign
   */
  verify(algorithm: MechanismInput, data: BytesLike, signature: BytesLike): Promise<boolean>;

  /** Does the same as {@link verify}, and blocks the calling thread. */
  verifySync(algorithm: MechanismInput, data: BytesLike, signature: BytesLike): boolean;

  /**
   * Creates a stream that verifies the signature of a message of any length part by part (C_VerifyInit, C_VerifyUpdate,
   * C_VerifyFinal, PKCS#11 3.1, section 5.15); see PrivateKey.createSign. The result is false when the signature is wrong.
   * @param signature if it is not known yet, give it to the stream's final()
   */
  createVerify(algorithm: MechanismInput, signature?: BytesLike, options?: StreamOptions): VerifyStream;

  /**
   * Verifies many signatures; see PrivateKey.signMany.
   * @param messages objects { data, signature }
   */
  verifyMany<M extends Messages<SignedMessage>>(
    algorithm: MechanismInput,
    messages: M,
    options?: ModelBatchOptions,
  ): BatchOutcome<M, boolean>;
}

export const verifying: Capability<Verifying> = {
  verify(algorithm, data, signature) {
    return verify(this, algorithm, data, signature);
  },
  verifySync(algorithm, data, signature) {
    return verifySync(this, algorithm, data, signature);
  },
  createVerify(algorithm, signature, options = {}) {
    return createVerify(this, algorithm, signature, options);
  },
  verifyMany(algorithm, messages, options = {}) {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return verifyMany(onSessions(sessions, this), algorithm, messages, rest);
  },
};

/** Keys that encrypt: public keys (RSA) and secret keys. */
export interface Encrypting {
  /**
   * Encrypts a message as one native job (C_EncryptInit, C_Encrypt, PKCS#11 3.1, section 5.8).
   * @param algorithm 'RSA-OAEP-SHA256' (or { name, label }), 'RSA-PKCS1';
   *   { name: 'AES-GCM', iv, additionalData?, tagLength? (bits, 128) }: the tag follows the ciphertext;
   *   { name: 'AES-CBC', iv } with PKCS#7 padding; { name: 'AES-CTR', counter, length? (bits, 64) }; or a mechanism
   * @returns the ciphertext; with the member `iv` if the module has generated the IV of AES-GCM itself (some HSMs do, for
   *   example in FIPS mode). The IV is also set in `algorithm`. The ciphertext cannot be decrypted without it.
   * @throws CKR_DATA_LEN_RANGE, CKR_MECHANISM_PARAM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT;
   *   ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED; ERR_CRYPTOKI_UNSUPPORTED if the module has generated the IV and
   *   `algorithm` is frozen
   */
  encrypt(algorithm: MechanismInput, data: BytesLike): Promise<Ciphertext>;

  /** Does the same as {@link encrypt}, and blocks the calling thread. */
  encryptSync(algorithm: MechanismInput, data: BytesLike): Ciphertext;

  /**
   * Encrypts many messages; see PrivateKey.signMany.
   * @param algorithm for AES-GCM and AES-CTR a function of the index, because each message needs a different IV
   */
  encryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: ModelBatchOptions,
  ): BatchOutcome<M, Ciphertext>;
}

export const encrypting: Capability<Encrypting> = {
  encrypt(algorithm, data) {
    return encrypt(this, algorithm, data);
  },
  encryptSync(algorithm, data) {
    return encryptSync(this, algorithm, data);
  },
  encryptMany(algorithm, messages, options = {}) {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return cipherMany('encryptMany', onSessions(sessions, this), algorithm, messages, rest);
  },
};

/** Keys that decrypt: private keys (RSA) and secret keys. */
export interface Decrypting {
  /**
   * Decrypts a message as one native job (C_DecryptInit, C_Decrypt, PKCS#11 3.1, section 5.10).
   * @param algorithm as for the encryption
   * @param options.pin as for PrivateKey.sign
   * @throws CKR_ENCRYPTED_DATA_INVALID (some modules: CKR_GENERAL_ERROR) when an AES-GCM tag is wrong,
   *   CKR_ENCRYPTED_DATA_LEN_RANGE for an empty ciphertext of AES-CBC (with padding it is never empty), and the errors of
   *   PrivateKey.sign
   */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: ContextLogin): Promise<Buffer>;

  /** Does the same as {@link decrypt}, and blocks the calling thread. */
  decryptSync(algorithm: MechanismInput, encryptedData: BytesLike, options?: ContextLogin): Buffer;

  /** Decrypts many messages; see PrivateKey.signMany. */
  decryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: ModelBatchOptions,
  ): BatchOutcome<M, Buffer>;
}

export const decrypting: Capability<Decrypting> = {
  decrypt(algorithm, encryptedData, options) {
    return decrypt(this, algorithm, encryptedData, options);
  },
  decryptSync(algorithm, encryptedData, options) {
    return decryptSync(this, algorithm, encryptedData, options);
  },
  decryptMany(algorithm, messages, options = {}) {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return cipherMany('decryptMany', onSessions(sessions, this), algorithm, messages, rest);
  },
};

/** Keys that encrypt and decrypt part by part: secret keys. */
export interface Streaming {
  /**
   * Creates a stream that encrypts its input (C_EncryptInit, C_EncryptUpdate, C_EncryptFinal, PKCS#11 3.1, section 5.8):
   * `await pipeline(file, stream, other)`. It occupies the key's session; see PrivateKey.createSign.
   * @param algorithm as for SecretKey.encrypt. AES-GCM: the tag follows the ciphertext.
   * @throws as SecretKey.encrypt
   */
  createEncrypt(algorithm: MechanismInput, options?: StreamOptions): CipherStream;

  /**
   * Creates a stream that decrypts its input (C_DecryptInit, C_DecryptUpdate, C_DecryptFinal, PKCS#11 3.1, section 5.10); see
   * {@link createEncrypt}. AES-GCM: some modules return plaintext before they have checked the tag, so do not use it before
   * the stream has ended without an error. Other modules keep it until then. SoftHSM2 keeps the plaintext of all mechanisms
   * in its memory until the end.
   */
  createDecrypt(algorithm: MechanismInput, options?: StreamOptions): CipherStream;
}

export const streaming: Capability<Streaming> = {
  createEncrypt(algorithm, options = {}) {
    return createCipher('encrypt', this, algorithm, options);
  },
  createDecrypt(algorithm, options = {}) {
    return createCipher('decrypt', this, algorithm, options);
  },
};
