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
   * Encrypts as one native job (C_EncryptInit, C_Encrypt, PKCS#11 3.1, section 5.8).
   * @param algorithm { name: 'AES-GCM', iv, additionalData?, tagLength? (bits, 128) }: the tag follows the ciphertext;
   *   { name: 'AES-CBC', iv } with PKCS#7 padding; { name: 'AES-CTR', counter, length? (bits, 64) }; or a mechanism
   * @returns the ciphertext; with the member `iv` where the module has made the IV of AES-GCM itself (some HSMs do, in FIPS mode
   *   for example), which is set in `algorithm` as well. Nothing can be decrypted without it.
   * @throws CKR_DATA_LEN_RANGE, CKR_MECHANISM_PARAM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT;
   *   ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED; ERR_CRYPTOKI_UNSUPPORTED when the module has made the IV and
   *   `algorithm` is frozen
   */
  encrypt(algorithm: MechanismInput, data: BytesLike): Promise<Ciphertext> {
    return encrypt(this, algorithm, data);
  }

  /** {@link encrypt}, blocking the calling thread. */
  encryptSync(algorithm: MechanismInput, data: BytesLike): Ciphertext {
    return encryptSync(this, algorithm, data);
  }

  /**
   * Decrypts as one native job (C_DecryptInit, C_Decrypt, PKCS#11 3.1, section 5.10).
   * @throws CKR_ENCRYPTED_DATA_INVALID (some modules: CKR_GENERAL_ERROR) when an AES-GCM tag is wrong,
   *   CKR_ENCRYPTED_DATA_LEN_RANGE for an empty ciphertext of AES-CBC (with padding it is never empty), and those of
   *   {@link encrypt}
   */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike): Promise<Buffer> {
    return decrypt(this, algorithm, encryptedData);
  }

  /** {@link decrypt}, blocking the calling thread. */
  decryptSync(algorithm: MechanismInput, encryptedData: BytesLike): Buffer {
    return decryptSync(this, algorithm, encryptedData);
  }

  /**
   * Makes a MAC as one native job (C_SignInit, C_Sign, PKCS#11 3.1, section 5.13).
   * @param algorithm 'HMAC-SHA256' and the like, or a mechanism
   */
  sign(algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
    return sign(this, algorithm, data);
  }

  /** {@link sign}, blocking the calling thread. */
  signSync(algorithm: MechanismInput, data: BytesLike): Buffer {
    return signSync(this, algorithm, data);
  }

  /**
   * Verifies a MAC: the token makes it (C_SignInit, C_Sign), and both are compared in constant time. Where the key cannot sign
   * (CKA_SIGN is false), the token verifies it (C_VerifyInit, C_Verify, PKCS#11 3.1, section 5.15).
   * @returns false when it is wrong, also in its length
   */
  verify(algorithm: MechanismInput, data: BytesLike, signature: BytesLike): Promise<boolean> {
    return verify(this, algorithm, data, signature);
  }

  /** {@link verify}, blocking the calling thread. */
  verifySync(algorithm: MechanismInput, data: BytesLike, signature: BytesLike): boolean {
    return verifySync(this, algorithm, data, signature);
  }

  /**
   * Encrypts what goes through the stream (C_EncryptInit, C_EncryptUpdate, C_EncryptFinal, PKCS#11 3.1, section 5.8):
   * `await pipeline(file, stream, other)`. It has the key's session to itself; see PrivateKey.createSign.
   * @param algorithm as for {@link encrypt}. AES-GCM: the tag comes at the end.
   * @throws as {@link encrypt}
   */
  createEncrypt(algorithm: MechanismInput, options: StreamOptions = {}): CipherStream {
    return createCipher('encrypt', this, algorithm, options);
  }

  /**
   * Decrypts what goes through the stream (C_DecryptInit, C_DecryptUpdate, C_DecryptFinal, PKCS#11 3.1, section 5.10); see
   * {@link createEncrypt}. AES-GCM: a module may give plaintext before it has checked the tag, so use nothing of it before
   * the stream has ended well. Others keep it until then. SoftHSM2 keeps in its own memory what it decrypts, by whatever
   * mechanism, until the end.
   */
  createDecrypt(algorithm: MechanismInput, options: StreamOptions = {}): CipherStream {
    return createCipher('decrypt', this, algorithm, options);
  }

  /** Makes the MAC of a message of any length as it comes; see PrivateKey.createSign. */
  createSign(algorithm: MechanismInput, options: StreamOptions = {}): SignStream {
    return createSign(this, algorithm, options);
  }

  /**
   * Verifies the MAC of a message of any length as it comes, as {@link verify} does; see PrivateKey.createSign. The result is
   * false when the MAC is wrong.
   * @param signature if it is not known yet, it is given to the stream's final()
   */
  createVerify(algorithm: MechanismInput, signature?: BytesLike, options: StreamOptions = {}): VerifyStream {
    return createVerify(this, algorithm, signature, options);
  }

  /**
   * Makes many MACs: few crossings, a native loop on each session.
   * @param messages an array, whose results come all together; or an iterable or async iterable, whose results come one by
   *   one, in order, as fast as they are fetched
   * @param options.sessions sessions of this token to use side by side; default the key's own
   * @returns for an array its results, with the failures by message; for an iterable a generator of items
   * @throws (an array: rejects) the signal's reason; wrong arguments. What fails for a message is told with that message.
   */
  signMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options: ModelBatchOptions = {},
  ): BatchOutcome<M, Buffer> {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return signMany(onSessions(sessions, this), algorithm, messages, rest);
  }

  /** Verifies many signatures; see PrivateKey.signMany. @param messages of { data, signature } */
  verifyMany<M extends Messages<SignedMessage>>(
    algorithm: MechanismInput,
    messages: M,
    options: ModelBatchOptions = {},
  ): BatchOutcome<M, boolean> {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return verifyMany(onSessions(sessions, this), algorithm, messages, rest);
  }

  /** Encrypts many messages; see PrivateKey.signMany. AES-GCM and AES-CTR take a function of the index, since each message needs its own IV. */
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
