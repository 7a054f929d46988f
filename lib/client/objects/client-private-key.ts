import type { KeyObject } from 'node:crypto';
import { until } from '../../core/deadlines';
import { ownError } from '../../core/errors';
import { afterwards, copy, copyMechanism } from '../../model/mechanisms/caller-copies';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { KeyObjectOptions } from '../../model/native-keys/public-half';
import type { TlsParameters } from '../../model/native-keys/tls-algorithms';
import type { PrivateKey } from '../../model/objects/private-key';
import type { BatchOptions } from '../../model/operations/batch/batch';
import {
  type BatchOutcome,
  type CipherInput,
  cipherMany,
  type Messages,
  signMany,
} from '../../model/operations/batch/batch-operations';
import type { BatchSessions } from '../../model/operations/batch/batch-target';
import type { SignStream } from '../../model/operations/streams/message-stream';
import type { BytesLike } from '../../raw/values';
import type { OperationOptions } from '../client-types';
import { wipe } from '../connection/login-keeper';
import { onClient } from '../operations/batches';
import { clientKeyObject, clientTlsKey, clientTlsParameters } from '../operations/native-keys';
import { withOptions } from '../operations/operation-options';
import { createSign } from '../operations/streams';
import { type ClientCertificate, relatedClientObject, relatedClientObjects } from './client-key';
import { ClientObject } from './client-object';
import type { ClientPublicKey } from './client-public-key';
import { STATEFUL } from './object-identity';

/** A private key, which is used on any free session. */
export class ClientPrivateKey extends ClientObject {
  /** CKA_ALWAYS_AUTHENTICATE, which is read once; a promise until it is known. */
  #alwaysAuthenticates: boolean | Promise<boolean> | undefined;

  /**
   * Signs a message; see PrivateKey.sign. For a key with CKA_ALWAYS_AUTHENTICATE the client calls its PIN provider each time
   * (reason 'contextSpecific').
   */
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    return this.#operate('sign', algorithm, data, options);
  }

  /** Decrypts; see PrivateKey.decrypt and {@link sign}. */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: OperationOptions): Promise<Buffer> {
    return this.#operate('decrypt', algorithm, encryptedData, options);
  }

  /**
   * Signs many messages on the free sessions, with few crossings into native code; see PrivateKey.signMany.
   * @throws ERR_CRYPTOKI_UNSUPPORTED for a key with CKA_ALWAYS_AUTHENTICATE, which requires a PIN for each message
   */
  signMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return signMany(this.#batches(), algorithm, messages, options);
  }

  /** Decrypts many messages on the free sessions; see PrivateKey.decryptMany. */
  decryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return cipherMany('decryptMany', this.#batches(), algorithm, messages, options);
  }

  #batches(): BatchSessions {
    return onClient(this.client, this, {
      repeatable: this.#isStateless,
      check: async () => {
        if (!(await this.#authenticatesAlways())) return;
        throw ownError(
          'ERR_CRYPTOKI_UNSUPPORTED',
          'the key requires the PIN for each operation (CKA_ALWAYS_AUTHENTICATE), so it cannot be used in a batch; use sign() or decrypt()',
        );
      },
    });
  }

  /**
   * Creates a stream that signs a message; see PrivateKey.createSign. The stream takes a session at its first byte, and returns
   * it when it ends or is destroyed. It is not repeated after an error once it has begun. ConnectOptions.operationTimeout
   * limits the whole stream.
   */
  createSign(algorithm: MechanismInput, options: OperationOptions = {}): SignStream {
    return createSign(this, algorithm, options, () => this.#authenticatesAlways());
  }

  #authenticatesAlways(): boolean | Promise<boolean> {
    this.#alwaysAuthenticates ??= this.#askAlwaysAuthenticates();
    return this.#alwaysAuthenticates;
  }

  /**
   * Returns the key as a native private KeyObject; see PrivateKey.toKeyObject. It has its own sessions (at most 8) beside those
   * of the client, and stays usable after recoveries: an operation on a thread of libuv (crypto.sign with a callback, WebCrypto)
   * waits up to five seconds for a recovery; one on the JavaScript thread fails, and the next one finds the key again. If the
   * token allows no further session, it shares the client's session. After the client was closed, its operations fail. A
   * session key exists as long as this object or a KeyObject that was made from it.
   */
  toKeyObject(options?: KeyObjectOptions): Promise<KeyObject> {
    return clientKeyObject(this, options);
  }

  /**
   * Returns a PEM that represents the key in this process until the client is closed (for a session key: until this object was
   * collected and nothing uses the key any more); see PrivateKey.tlsKey and {@link toKeyObject}. TLS signs on the JavaScript
   * thread: each full handshake blocks it until the token has signed.
   */
  tlsKey(options?: KeyObjectOptions): Promise<string> {
    return clientTlsKey(this, options);
  }

  /** Finds the public key of this private key on the token, and proves it; see PrivateKey.publicKey. */
  publicKey(options?: OperationOptions): Promise<ClientPublicKey> {
    return relatedClientObject(this, 'publicKey', options, (key) => (key as PrivateKey).publicKey());
  }

  /** Finds the certificate of this private key on the token, and proves it; see PrivateKey.certificate. */
  certificate(options?: OperationOptions): Promise<ClientCertificate> {
    return relatedClientObject(this, 'certificate', options, (key) => (key as PrivateKey).certificate());
  }

  /** Returns the certificate of this private key and its issuers on the token; see Certificate.certificateChain. */
  certificateChain(options?: OperationOptions): Promise<ClientCertificate[]> {
    return relatedClientObjects(this, 'certificateChain', options, (key) =>
      (key as PrivateKey).certificateChain(),
    );
  }

  /** Reads the value of an extractable key out of the token; see PrivateKey.exportKey. */
  exportKey(options?: OperationOptions): Promise<KeyObject> {
    return this.use('exportKey', { given: options, repeatable: true }, (key) =>
      (key as PrivateKey).exportKey(),
    );
  }

  /** Returns the PEM of {@link tlsKey} with the TLS options that it needs. @internal */
  tlsParameters(options?: KeyObjectOptions): Promise<TlsParameters> {
    return clientTlsParameters(this, options);
  }

  async #askAlwaysAuthenticates(): Promise<boolean> {
    try {
      const { alwaysAuthenticate = false } = await this.attributes('alwaysAuthenticate');
      this.#alwaysAuthenticates = alwaysAuthenticate;
      return alwaysAuthenticate;
    } catch (error) {
      this.#alwaysAuthenticates = undefined;
      throw error;
    }
  }

  #operate(
    operation: 'sign' | 'decrypt',
    algorithm: MechanismInput,
    data: BytesLike,
    options: OperationOptions | undefined,
  ): Promise<Buffer> {
    const message = copy(data);
    const { input, handBack } = copyMechanism(algorithm);
    const needsPin = this.#authenticatesAlways();
    const run = { given: options, repeatable: this.#isStateless, shares: 'operation' } as const;
    const result =
      needsPin === false
        ? this.use(operation, run, (key) => (key as PrivateKey)[operation](input, message))
        : withOptions(options, (signal) => this.#operateWithPin(operation, input, message, signal, needsPin));
    return handBack === undefined ? result : result.then(afterwards(handBack));
  }

  /** Runs an operation of a key that may have CKA_ALWAYS_AUTHENTICATE. */
  async #operateWithPin(
    operation: 'sign' | 'decrypt',
    input: MechanismInput,
    message: BytesLike,
    signal: AbortSignal | undefined,
    asked: boolean | Promise<boolean>,
  ): Promise<Buffer> {
    const needsPin = typeof asked === 'boolean' ? asked : await until(asked, signal);
    if (!needsPin) {
      const run = { signal, repeatable: this.#isStateless, shares: 'operation' } as const;
      return this.use(operation, run, (key) => (key as PrivateKey)[operation](input, message));
    }
    // A PIN is sent at most once for each call of the program, so the operation is not repeated.
    return this.use(operation, { signal, repeatable: false }, async (key, session) => {
      const pin = await this.client.contextPin(session, this, { signal });
      try {
        return await (key as PrivateKey)[operation](input, message, { pin });
      } finally {
        wipe(pin);
      }
    });
  }

  /** False for keys of which each signature uses up a part: such an operation is not repeated. */
  get #isStateless(): boolean {
    return !STATEFUL.includes(String(this.keyType));
  }
}
