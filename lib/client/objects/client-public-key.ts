import type { KeyObject } from 'node:crypto';
import {
  checkPublicKeyFormat,
  type PublicKeyFormat,
  type PublicKeyFormats,
} from '../../model/export/public-key-formats';
import { copy, copyMechanism } from '../../model/mechanisms/caller-copies';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { PublicKey } from '../../model/objects/public-key';
import type { BatchOptions } from '../../model/operations/batch/batch';
import {
  type BatchOutcome,
  type CipherInput,
  cipherMany,
  type Messages,
  type SignedMessage,
  verifyMany,
} from '../../model/operations/batch/batch-operations';
import type { VerifyStream } from '../../model/operations/streams/message-stream';
import type { BytesLike } from '../../raw/values';
import type { OperationOptions } from '../client-types';
import { onClient } from '../operations/batches';
import { createVerify } from '../operations/streams';
import { type ClientCertificate, relatedClientObject } from './client-key';
import { ClientObject } from './client-object';
import type { ClientPrivateKey } from './client-private-key';

/** A public key, which is used on any free session. */
export class ClientPublicKey extends ClientObject {
  /** Verifies a signature on the token; see PublicKey.verify. */
  verify(
    algorithm: MechanismInput,
    data: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean> {
    const [message, copiedSignature] = [copy(data), copy(signature)];
    const { input } = copyMechanism(algorithm);
    return this.use('verify', { given: options, repeatable: true, shares: 'operation' }, (key) =>
      (key as PublicKey).verify(input, message, copiedSignature),
    );
  }

  /** Encrypts on the token; see PublicKey.encrypt. */
  encrypt(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    const { input } = copyMechanism(algorithm);
    return this.use('encrypt', { given: options, repeatable: true, shares: 'operation' }, (key) =>
      (key as PublicKey).encrypt(input, message),
    );
  }

  /** Verifies many signatures on the free sessions. @param messages of { data, signature } */
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
  ): BatchOutcome<M, Buffer> {
    return cipherMany('encryptMany', onClient(this.client, this), algorithm, messages, options);
  }

  /** Creates a stream that verifies a signature; see PublicKey.createVerify and ClientPrivateKey.createSign. */
  createVerify(
    algorithm: MechanismInput,
    signature?: BytesLike,
    options: OperationOptions = {},
  ): VerifyStream {
    return createVerify(this, algorithm, signature, options);
  }

  /** Returns the key as a public KeyObject of node:crypto; see PublicKey.toKeyObject. */
  toKeyObject(options?: OperationOptions): Promise<KeyObject> {
    return this.use('toKeyObject', { given: options, repeatable: true }, (key) =>
      (key as PublicKey).toKeyObject(),
    );
  }

  /** Returns the key as 'pem', 'der', 'jwk', 'ssh' or 'raw'; see PublicKey.export. */
  async export<Format extends PublicKeyFormat>(
    format: Format,
    options?: OperationOptions,
  ): Promise<PublicKeyFormats[Format]> {
    checkPublicKeyFormat(format);
    return this.use('export', { given: options, repeatable: true }, (key) =>
      (key as PublicKey).export(format),
    );
  }

  /** Finds the private key of this public key on the token, and proves it; see PublicKey.privateKey. */
  privateKey(options?: OperationOptions): Promise<ClientPrivateKey> {
    return relatedClientObject(this, 'privateKey', options, (key) => (key as PublicKey).privateKey());
  }

  /** Finds the certificate of this public key on the token; see PublicKey.certificate. */
  certificate(options?: OperationOptions): Promise<ClientCertificate> {
    return relatedClientObject(this, 'certificate', options, (key) => (key as PublicKey).certificate());
  }
}
