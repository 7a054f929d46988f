import type { KeyObject } from 'node:crypto';
import type { BytesLike } from '../../raw/values';
import type { MechanismInput } from '../mechanisms/mechanism';
import {
  type BatchOutcome,
  type CipherInput,
  cipherMany,
  type Messages,
  type SignedMessage,
  verifyMany,
} from '../operations/batch/batch-operations';
import { batchOptions, type ModelBatchOptions, onSessions } from '../operations/batch/batch-sessions';
import { encrypt, encryptSync, verify, verifySync } from '../operations/single-part';
import type { VerifyStream } from '../operations/streams/message-stream';
import { createVerify } from '../operations/streams/session-streams';
import type { StreamOptions } from '../operations/streams/stream-options';
import { Key } from './key';
import { toKeyObject } from './public-key-info';

/** A public key (CKO_PUBLIC_KEY). */
export class PublicKey extends Key {
  /**
   * Verifies a signature on the token, as one native job (C_VerifyInit, C_Verify, PKCS#11 3.1, section 5.15).
   * @param algorithm as for PrivateKey.sign
   * @returns false when the signature is wrong, also in its length, even if the module accepts shorter ones
   * @throws as PrivateKey.sign
   */
  verify(algorithm: MechanismInput, data: BytesLike, signature: BytesLike): Promise<boolean> {
    return verify(this, algorithm, data, signature);
  }

  /** Does the same as {@link verify}, and blocks the calling thread. */
  verifySync(algorithm: MechanismInput, data: BytesLike, signature: BytesLike): boolean {
    return verifySync(this, algorithm, data, signature);
  }

  /**
   * Encrypts a message as one native job (C_EncryptInit, C_Encrypt, PKCS#11 3.1, section 5.8).
   * @param algorithm as for PrivateKey.decrypt
   * @throws CKR_DATA_LEN_RANGE, and the errors of {@link verify}
   */
  encrypt(algorithm: MechanismInput, data: BytesLike): Promise<Buffer> {
    return encrypt(this, algorithm, data);
  }

  /** Does the same as {@link encrypt}, and blocks the calling thread. */
  encryptSync(algorithm: MechanismInput, data: BytesLike): Buffer {
    return encryptSync(this, algorithm, data);
  }

  /**
   * Creates a stream that verifies the signature of a message of any length part by part (C_VerifyInit, C_VerifyUpdate,
   * C_VerifyFinal, PKCS#11 3.1, section 5.15); see PrivateKey.createSign. The result is false when the signature is wrong.
   * @param signature if it is not known yet, give it to the stream's final()
   */
  createVerify(algorithm: MechanismInput, signature?: BytesLike, options: StreamOptions = {}): VerifyStream {
    return createVerify(this, algorithm, signature, options);
  }

  /**
   * Returns the key as a public KeyObject of node:crypto, made from its attributes. It can be exported as SPKI, PEM or JWK.
   * @throws ERR_CRYPTOKI_UNSUPPORTED for key types that Node does not support
   */
  toKeyObject(): Promise<KeyObject> {
    return toKeyObject(this);
  }

  /**
   * Verifies many signatures; see PrivateKey.signMany.
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
  ): BatchOutcome<M, Buffer> {
    const { sessions = [this.session], ...rest } = batchOptions(options);
    return cipherMany('encryptMany', onSessions(sessions, this), algorithm, messages, rest);
  }
}
