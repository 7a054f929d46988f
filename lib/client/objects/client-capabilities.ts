/** The batches and streams of a client's keys, in groups that have the names of their attributes. */
import type { Ciphertext } from '../../model/mechanisms/made-iv';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { BatchOptions } from '../../model/operations/batch/batch';
import {
  type BatchOutcome,
  type CipherInput,
  cipherMany,
  type Messages,
  type SignedMessage,
  signMany,
  verifyMany,
} from '../../model/operations/batch/batch-operations';
import type { BatchSessions } from '../../model/operations/batch/batch-target';
import type { CipherStream } from '../../model/operations/streams/cipher-stream';
import type { SignStream, VerifyStream } from '../../model/operations/streams/message-stream';
import type { BytesLike } from '../../raw/values';
import type { ClientObjectMembers, OperationOptions } from '../client-types';
import { createCipher, createSign, createVerify } from '../operations/streams';
import {
  type DecryptOperation,
  decryptOperation,
  type EncryptOperation,
  encryptOperation,
  type SignOperation,
  signOperation,
  type VerifyOperation,
  verifyOperation,
} from './key-operations';

/** The members of a client's keys that capabilities use. */
interface ClientKeyMembers extends ClientObjectMembers {
  batchSessions(): BatchSessions;
  authenticatesAlways(): boolean | Promise<boolean>;
}

/** The methods of a capability. Their descriptions are in its interface. */
type Capability<T> = T & ThisType<ClientKeyMembers & T>;

export interface ClientSigning extends SignOperation {
  /**
   * Signs many messages on the free sessions, with few crossings into native code; see PrivateKey.signMany.
   * @throws ERR_CRYPTOKI_UNSUPPORTED for a key with CKA_ALWAYS_AUTHENTICATE, which requires a PIN for each message
   */
  signMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer>;

  /**
   * Creates a stream that signs a message; see PrivateKey.createSign. The stream takes a session at its first byte, and returns
   * it when it ends or is destroyed. It is not repeated after an error once it has begun. ConnectOptions.operationTimeout
   * limits the whole stream.
   */
  createSign(algorithm: MechanismInput, options?: OperationOptions): SignStream;
}

export const clientSigning: Capability<ClientSigning> = {
  ...signOperation,
  signMany(algorithm, messages, options) {
    return signMany(this.batchSessions(), algorithm, messages, options);
  },
  createSign(algorithm, options = {}) {
    return createSign(this, algorithm, options, () => this.authenticatesAlways());
  },
};

export interface ClientVerifying extends VerifyOperation {
  /** Verifies many signatures or MACs on the free sessions. @param messages objects { data, signature } */
  verifyMany<M extends Messages<SignedMessage>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, boolean>;

  /** Creates a stream that verifies a signature or a MAC; see PublicKey.createVerify and ClientPrivateKey.createSign. */
  createVerify(algorithm: MechanismInput, signature?: BytesLike, options?: OperationOptions): VerifyStream;
}

export const clientVerifying: Capability<ClientVerifying> = {
  ...verifyOperation,
  verifyMany(algorithm, messages, options) {
    return verifyMany(this.batchSessions(), algorithm, messages, options);
  },
  createVerify(algorithm, signature, options = {}) {
    return createVerify(this, algorithm, signature, options);
  },
};

export interface ClientEncrypting extends EncryptOperation {
  /** Encrypts many messages on the free sessions; see SecretKey.encryptMany. */
  encryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Ciphertext>;
}

export const clientEncrypting: Capability<ClientEncrypting> = {
  ...encryptOperation,
  encryptMany(algorithm, messages, options) {
    return cipherMany('encryptMany', this.batchSessions(), algorithm, messages, options);
  },
};

export interface ClientDecrypting extends DecryptOperation {
  /** Decrypts many messages on the free sessions; see PrivateKey.decryptMany. */
  decryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer>;
}

export const clientDecrypting: Capability<ClientDecrypting> = {
  ...decryptOperation,
  decryptMany(algorithm, messages, options) {
    return cipherMany('decryptMany', this.batchSessions(), algorithm, messages, options);
  },
};

export interface ClientStreaming {
  /** Creates a stream that encrypts; see SecretKey.createEncrypt and ClientPrivateKey.createSign. */
  createEncrypt(algorithm: MechanismInput, options?: OperationOptions): CipherStream;

  /** Creates a stream that decrypts; see SecretKey.createDecrypt and ClientPrivateKey.createSign. */
  createDecrypt(algorithm: MechanismInput, options?: OperationOptions): CipherStream;
}

export const clientStreaming: Capability<ClientStreaming> = {
  createEncrypt(algorithm, options = {}) {
    return createCipher('encrypt', this, algorithm, options);
  },
  createDecrypt(algorithm, options = {}) {
    return createCipher('decrypt', this, algorithm, options);
  },
};
