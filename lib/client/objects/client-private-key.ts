import type { KeyObject } from 'node:crypto';
import { until } from '../../core/deadlines';
import { CryptokiError } from '../../core/errors';
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
import { ClientObject } from './client-object';
import { STATEFUL } from './object-identity';

/** A private key, used on whatever session is free. */
export class ClientPrivateKey extends ClientObject {
  /** CKA_ALWAYS_AUTHENTICATE, asked once; a promise only while it is not known. */
  #alwaysAuthenticates: boolean | Promise<boolean> | undefined;

  /**
   * Signs a message; see PrivateKey.sign. For a key with CKA_ALWAYS_AUTHENTICATE the client asks its PIN provider each time
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
   * Signs many messages on the sessions that are free, few crossings for all of them; see PrivateKey.signMany.
   * A key with CKA_ALWAYS_AUTHENTICATE wants a PIN for each message: ERR_CRYPTOKI_UNSUPPORTED.
   */
  signMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return signMany(this.#batches(), algorithm, messages, options);
  }

  /** Decrypts many messages on the sessions that are free; see PrivateKey.decryptMany. */
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
        throw new CryptokiError({
          code: 'ERR_CRYPTOKI_UNSUPPORTED',
          detail:
            'the key wants the PIN for each operation, so there are no batches with it; use sign() or decrypt()',
        });
      },
    });
  }

  /**
   * Signs a message as it comes; see PrivateKey.createSign. The stream borrows a session when its first byte comes, and gives
   * it back when it ends or is destroyed. Once it has begun it is never begun again after an error.
   * ConnectOptions.operationTimeout counts for the whole stream.
   */
  createSign(algorithm: MechanismInput, options: OperationOptions = {}): SignStream {
    return createSign(this, algorithm, options, () => this.#authenticatesAlways());
  }

  #authenticatesAlways(): boolean | Promise<boolean> {
    this.#alwaysAuthenticates ??= this.#askAlwaysAuthenticates();
    return this.#alwaysAuthenticates;
  }

  /**
   * The key as a native private KeyObject; see PrivateKey.toKeyObject. It uses sessions of its own beside those of the client
   * (8 at most), and follows the key through recoveries: an operation on one of libuv's threads (crypto.sign with a callback,
   * WebCrypto) waits up to five seconds for that; one on the JavaScript thread fails, and the next finds the key again. Where
   * the token allows no session besides, it uses that of the client, in turn. When the client is closed, it gives errors. A
   * session key lives as long as this object or a KeyObject that was made of it.
   */
  toKeyObject(options?: KeyObjectOptions): Promise<KeyObject> {
    return clientKeyObject(this, options);
  }

  /**
   * PEM that stands for the key in this process, valid until the client is closed (for a session key: until this object was
   * collected and nothing uses the key any more); see PrivateKey.tlsKey and {@link toKeyObject}. TLS signs on the JavaScript
   * thread: each full handshake blocks it for as long as the token takes.
   */
  tlsKey(options?: KeyObjectOptions): Promise<string> {
    return clientTlsKey(this, options);
  }

  /** {@link tlsKey} with the options of TLS that it needs. @internal */
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
