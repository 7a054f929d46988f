import type { KeyObject } from 'node:crypto';
import { copy, copyMechanism } from '../../model/mechanisms/caller-copies';
import type { Ciphertext } from '../../model/mechanisms/made-iv';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { SecretKey } from '../../model/objects/secret-key';
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
import type { CipherStream } from '../../model/operations/streams/cipher-stream';
import type { SignStream, VerifyStream } from '../../model/operations/streams/message-stream';
import type { BytesLike } from '../../raw/values';
import type { OperationOptions } from '../client-types';
import { onClient } from '../operations/batches';
import { createCipher, createSign, createVerify } from '../operations/streams';
import { ClientObject } from './client-object';

/** A secret key, which is used on any free session. */
export class ClientSecretKey extends ClientObject {
  /** Encrypts; see SecretKey.encrypt. */
  encrypt(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Ciphertext> {
    const message = copy(data);
    return this.#operate('encrypt', algorithm, options, (key, mechanism) => key.encrypt(mechanism, message));
  }

  /** Decrypts; see SecretKey.decrypt. */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(encryptedData);
    return this.#operate('decrypt', algorithm, options, (key, mechanism) => key.decrypt(mechanism, message));
  }

  /** Makes a MAC; see SecretKey.sign. */
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    return this.#operate('sign', algorithm, options, (key, mechanism) => key.sign(mechanism, message));
  }

  /** Verifies a MAC; see SecretKey.verify. */
  verify(
    algorithm: MechanismInput,
    data: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean> {
    const [message, mac] = [copy(data), copy(signature)];
    return this.#operate('verify', algorithm, options, (key, mechanism) =>
      key.verify(mechanism, message, mac),
    );
  }

  /** Creates a stream that encrypts; see SecretKey.createEncrypt and ClientPrivateKey.createSign. */
  createEncrypt(algorithm: MechanismInput, options: OperationOptions = {}): CipherStream {
    return createCipher('encrypt', this, algorithm, options);
  }

  /** Creates a stream that decrypts; see SecretKey.createDecrypt and ClientPrivateKey.createSign. */
  createDecrypt(algorithm: MechanismInput, options: OperationOptions = {}): CipherStream {
    return createCipher('decrypt', this, algorithm, options);
  }

  /** Creates a stream that makes a MAC; see ClientPrivateKey.createSign. */
  createSign(algorithm: MechanismInput, options: OperationOptions = {}): SignStream {
    return createSign(this, algorithm, options, () => false);
  }

  /** Creates a stream that verifies a MAC; see PublicKey.createVerify and ClientPrivateKey.createSign. */
  createVerify(
    algorithm: MechanismInput,
    signature?: BytesLike,
    options: OperationOptions = {},
  ): VerifyStream {
    return createVerify(this, algorithm, signature, options);
  }

  /** Reads the value of an extractable key out of the token; see SecretKey.exportKey. */
  exportKey(options?: OperationOptions): Promise<KeyObject> {
    return this.use('exportKey', { given: options, repeatable: true }, (key) =>
      (key as SecretKey).exportKey(),
    );
  }

  async #operate<T>(
    operation: string,
    algorithm: MechanismInput,
    options: OperationOptions | undefined,
    work: (key: SecretKey, mechanism: MechanismInput) => Promise<T>,
  ): Promise<T> {
    const { input, handBack } = copyMechanism(algorithm);
    const result = await this.use(
      operation,
      { given: options, repeatable: true, shares: 'operation' },
      (key) => work(key as SecretKey, input),
    );
    handBack?.();
    return result;
  }

  /** Makes the MACs of many messages on the free sessions, with few crossings into native code; see PrivateKey.signMany. */
  signMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return signMany(onClient(this.client, this), algorithm, messages, options);
  }

  /** Verifies many MACs on the free sessions. @param messages of { data, signature } */
  verifyMany<M extends Messages<SignedMessage>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, boolean> {
    return verifyMany(onClient(this.client, this), algorithm, messages, options);
  }

  /** Encrypts many messages on the free sessions; see SecretKey.encryptMany. */
  encryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Ciphertext> {
    return cipherMany('encryptMany', onClient(this.client, this), algorithm, messages, options);
  }

  /** Decrypts many messages on the free sessions; see SecretKey.decryptMany. */
  decryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return cipherMany('decryptMany', onClient(this.client, this), algorithm, messages, options);
  }
}
