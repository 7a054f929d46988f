import type { BytesLike } from '../../raw/values';
import type { Ciphertext } from '../mechanisms/made-iv';
import type { MechanismInput } from '../mechanisms/mechanism';
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
import { Key } from './key';

/** A secret key (CKO_SECRET_KEY): AES, HMAC and others. */
export class SecretKey extends Key {
  /**
   * Encrypts a message as one native job (C_EncryptInit, C_Encrypt, PKCS#11 3.1, section 5.8).
   * @param algorithm { name: 'AES-GCM', iv, additionalData?, tagLength? (bits, 128) }: the tag follows the ciphertext;
   *   { name: 'AES-CBC', iv } with PKCS#7 padding; { name: 'AES-CTR', counter, length? (bits, 64) }; or a mechanism
   * @returns the ciphertext; with the member `iv` if the module has generated the IV of AES-GCM itself (some HSMs do, for
   *   example in FIPS mode). The IV is also set in `algorithm`. The ciphertext cannot be decrypted without it.
   * @throws CKR_DATA_LEN_RANGE, CKR_MECHANISM_PARAM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT;
   *   ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED; ERR_CRYPTOKI_UNSUPPORTED if the module has generated the IV and
   *   `algorithm` is frozen
   */
  encrypt(algorithm: MechanismInput, data: BytesLike): Promise<Ciphertext> {
    return encrypt(this, algorithm, data);
  }

  /** Does the same as {@link encrypt}, and blocks the calling thread. */
  encryptSync(algorithm: MechanismInput, data: BytesLike): Ciphertext {
    return encryptSync(this, algorithm, data);
  }

  /**
   * Decrypts a message as one native job (C_DecryptInit, C_Decrypt, PKCS#11 3.1, section 5.10).
   * @throws CKR_ENCRYPTED_DATA_INVALID (some modules: CKR_GENERAL_ERROR) when an AES-GCM tag is wrong,
   *   CKR_ENCRYPTED_DATA_LEN_RANGE for an empty ciphertext of AES-CBC (with padding it is never empty), and the errors of
   *   {@link encrypt}
   */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike): Promise<Buffer> {
    return decrypt(this, algorithm, encryptedData);
  }

  /** Does the same as {@link decrypt}, and blocks the calling thread. */
  decryptSync(algorithm: MechanismInput, encryptedData: BytesLike): Buffer {
    return decryptSync(this, algorithm, encryptedData);
  }

  /**
   * Computes a MAC as one native job (C_SignInit, C_Sign, PKCS#11 3.1, section 5.13).
   * @param algorithm such as 'HMAC-SHA256', or a mechanism
   */
  sign(algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
    return sign(this, algorithm, data);
  }

  /** Does the same as {@link sign}, and blocks the calling thread. */
  signSync(algorithm: MechanismInput, data: BytesLike): Buffer {
    return signSync(this, algorithm, data);
  }

  /**
   * Verifies a MAC: the token computes it (C_SignInit, C_Sign), and both are compared in constant time. If the key cannot
   * sign (CKA_SIGN is false), the token verifies it (C_VerifyInit, C_Verify, PKCS#11 3.1, section 5.15).
   * @returns false when the MAC is wrong, also in its length
   */
  verify(algorithm: MechanismInput, data: BytesLike, signature: BytesLike): Promise<boolean> {
    return verify(this, algorithm, data, signature);
  }

  /** Does the same as {@link verify}, and blocks the calling thread. */
  verifySync(algorithm: MechanismInput, data: BytesLike, signature: BytesLike): boolean {
    return verifySync(this, algorithm, data, signature);
  }

  /**
   * Creates a stream that encrypts its input (C_EncryptInit, C_EncryptUpdate, C_EncryptFinal, PKCS#11 3.1, section 5.8):
   * `await pipeline(file, stream, other)`. It occupies the key's session; see PrivateKey.createSign.
   * @param algorithm as for {@link encrypt}. AES-GCM: the tag follows the ciphertext.
   * @throws as {@link encrypt}
   */
  createEncrypt(algorithm: MechanismInput, options: StreamOptions = {}): CipherStream {
    return createCipher('encrypt', this, algorithm, options);
  }

  /**
   * Creates a stream that decrypts its input (C_DecryptInit, C_DecryptUpdate, C_DecryptFinal, PKCS#11 3.1, section 5.10); see
   * {@link createEncrypt}. AES-GCM: some modules return plaintext before they have checked the tag, so do not use it before
   * the stream has ended without an error. Other modules keep it until then. SoftHSM2 keeps the plaintext of all mechanisms
   * in its memory until the end.
   */
  createDecrypt(algorithm: MechanismInput, options: StreamOptions = {}): CipherStream {
    return createCipher('decrypt', this, algorithm, options);
  }

  /** Creates a stream that computes the MAC of a message of any length part by part; see PrivateKey.createSign. */
  createSign(algorithm: MechanismInput, options: StreamOptions = {}): SignStream {
    return createSign(this, algorithm, options);
  }

  /**
   * Creates a stream that verifies the MAC of a message of any length part by part, as {@link verify} does; see
   * PrivateKey.createSign. The result is false when the MAC is wrong.
   * @param signature if it is not known yet, give it to the stream's final()
   */
  createVerify(algorithm: MechanismInput, signature?: BytesLike, options: StreamOptions = {}): VerifyStream {
    return createVerify(this, algorithm, signature, options);
  }

  /**
   * Computes many MACs; see PrivateKey.signMany.
   * @param options.sessions sessions with this token to use at the same time; default the key's session
   */
  signMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options: ModelBatchOptions = {},
  ): BatchOutcome<M, Buffer> {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return signMany(onSessions(sessions, this), algorithm, messages, rest);
  }

  /**
   * Verifies many MACs; see PrivateKey.signMany.
   * @param messages objects { data, signature }
   */
  verifyMany<M extends Messages<SignedMessage>>(
    algorithm: MechanismInput,
    messages: M,
    options: ModelBatchOptions = {},
  ): BatchOutcome<M, boolean> {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return verifyMany(onSessions(sessions, this), algorithm, messages, rest);
  }

  /**
   * Encrypts many messages; see PrivateKey.signMany.
   * @param algorithm for AES-GCM and AES-CTR a function of the index, because each message needs a different IV
   */
  encryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options: ModelBatchOptions = {},
  ): BatchOutcome<M, Ciphertext> {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return cipherMany('encryptMany', onSessions(sessions, this), algorithm, messages, rest);
  }

  /** Decrypts many messages; see PrivateKey.signMany. */
  decryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options: ModelBatchOptions = {},
  ): BatchOutcome<M, Buffer> {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return cipherMany('decryptMany', onSessions(sessions, this), algorithm, messages, rest);
  }
}
