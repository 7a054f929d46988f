import type { KeyObject, X509Certificate } from 'node:crypto';
import type { BatchOptions } from '../batch/batch';
import {
  type BatchOutcome,
  type BatchSessions,
  type CipherInput,
  cipherMany,
  type Messages,
  type SignedMessage,
  signMany,
  verifyMany,
} from '../batch/operations';
import { CryptokiError } from '../errors';
import { clientKeyObject, clientTlsKey } from '../keyobject/client-references';
import type { KeyObjectOptions } from '../keyobject/public-half';
import type { MechanismInput } from '../mechanisms/mechanism';
import type { Certificate } from '../objects/certificate';
import type { PrivateKey } from '../objects/private-key';
import type { PublicKey } from '../objects/public-key';
import type { SecretKey } from '../objects/secret-key';
import type { StorageObject } from '../objects/storage-object';
import type { BytesLike } from '../raw/types';
import type { CipherStream } from '../streams/cipher-stream';
import type { SignStream, VerifyStream } from '../streams/message-stream';
import { createCipher, createSign, createVerify } from '../streams/on-client';
import type { Client } from './client';
import { onClient } from './client-batch';
import { ClientObject } from './client-object';
import type { OperationOptions } from './client-types';
import { copy, copyMechanism } from './copy';
import { wipe } from './login-keeper';
import type { Lease } from './pool';
import { until } from './recovery';

/** Each signature of such a key uses it up a little: it is not made twice. */
export const STATEFUL = ['HSS', 'XMSS', 'XMSSMT'];

/** A private key, used on whatever session is free. */
export class ClientPrivateKey extends ClientObject {
  /** CKA_ALWAYS_AUTHENTICATE, asked once; a promise only while it is not known. */
  #alwaysAuthenticates: boolean | Promise<boolean> | undefined;

  /**
   * Signs a message; see PrivateKey.sign. For a key with CKA_ALWAYS_AUTHENTICATE the client asks its PIN provider each time
   * (reason 'contextSpecific').
   */
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    return this.#operate('sign', algorithm, options, (key, mechanism, pin) =>
      key.sign(mechanism, message, pin),
    );
  }

  /** Decrypts; see PrivateKey.decrypt and {@link sign}. */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(encryptedData);
    return this.#operate('decrypt', algorithm, options, (key, mechanism, pin) =>
      key.decrypt(mechanism, message, pin),
    );
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
      repeatable: !STATEFUL.includes(String(this.keyType)),
      check: async () => {
        this.#alwaysAuthenticates ??= this.#askAlwaysAuthenticates();
        if (!(await this.#alwaysAuthenticates)) return;
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
   * WebCrypto) waits up to five seconds for that; one on the JavaScript thread fails, and the next finds the key again. When
   * the client is closed, it gives errors.
   */
  toKeyObject(options?: KeyObjectOptions): Promise<KeyObject> {
    return clientKeyObject(this, options);
  }

  /**
   * PEM that stands for the key in this process; see PrivateKey.tlsKey and {@link toKeyObject}. TLS signs on the JavaScript
   * thread: each full handshake blocks it for as long as the token takes.
   */
  tlsKey(options?: KeyObjectOptions): Promise<string> {
    return clientTlsKey(this, options);
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

  async #operate(
    operation: string,
    algorithm: MechanismInput,
    options: OperationOptions | undefined,
    work: (
      key: PrivateKey,
      mechanism: MechanismInput,
      pin?: { pin: Awaited<ReturnType<Client['contextPin']>> },
    ) => Promise<Buffer>,
  ): Promise<Buffer> {
    const { input, handBack } = copyMechanism(algorithm);
    let always = this.#authenticatesAlways();
    if (typeof always !== 'boolean') always = await until(always, options?.signal);
    // A PIN is not sent twice for one wish.
    const repeatable = !always && !STATEFUL.includes(String(this.keyType));
    const result = await this.use(operation, { ...options, repeatable }, async (key, session) => {
      if (!always) return work(key as PrivateKey, input);
      const pin = await this.client.contextPin(session, this, options);
      try {
        return await work(key as PrivateKey, input, { pin });
      } finally {
        wipe(pin);
      }
    });
    handBack();
    return result;
  }
}

/** A public key, used on whatever session is free. */
export class ClientPublicKey extends ClientObject {
  /** Verifies a signature on the token; see PublicKey.verify. */
  verify(
    algorithm: MechanismInput,
    data: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean> {
    const [message, itsSignature] = [copy(data), copy(signature)];
    const { input } = copyMechanism(algorithm);
    return this.use('verify', { ...options, repeatable: true }, (key) =>
      (key as PublicKey).verify(input, message, itsSignature),
    );
  }

  /** Encrypts on the token; see PublicKey.encrypt. */
  encrypt(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    const { input } = copyMechanism(algorithm);
    return this.use('encrypt', { ...options, repeatable: true }, (key) =>
      (key as PublicKey).encrypt(input, message),
    );
  }

  /** Verifies many signatures on the sessions that are free. @param messages of { data, signature } */
  verifyMany<M extends Messages<SignedMessage>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, boolean> {
    return verifyMany(onClient(this.client, this), algorithm, messages, options);
  }

  /** Encrypts many messages on the sessions that are free; see SecretKey.encryptMany. */
  encryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return cipherMany('encryptMany', onClient(this.client, this), algorithm, messages, options);
  }

  /** Verifies a signature as the message comes; see PublicKey.createVerify and ClientPrivateKey.createSign. */
  createVerify(
    algorithm: MechanismInput,
    signature?: BytesLike,
    options: OperationOptions = {},
  ): VerifyStream {
    return createVerify(this, algorithm, signature, options);
  }

  /** The key as a public KeyObject of node:crypto; see PublicKey.toKeyObject. */
  toKeyObject(options?: OperationOptions): Promise<KeyObject> {
    return this.use('toKeyObject', { ...options, repeatable: true }, (key) =>
      (key as PublicKey).toKeyObject(),
    );
  }
}

/** A secret key, used on whatever session is free. */
export class ClientSecretKey extends ClientObject {
  /** Encrypts; see SecretKey.encrypt. */
  encrypt(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
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

  /** Encrypts what goes through; see SecretKey.createEncrypt and ClientPrivateKey.createSign. */
  createEncrypt(algorithm: MechanismInput, options: OperationOptions = {}): CipherStream {
    return createCipher('encrypt', this, algorithm, options);
  }

  /** Decrypts what goes through; see SecretKey.createDecrypt and ClientPrivateKey.createSign. */
  createDecrypt(algorithm: MechanismInput, options: OperationOptions = {}): CipherStream {
    return createCipher('decrypt', this, algorithm, options);
  }

  /** Makes a MAC as the message comes; see ClientPrivateKey.createSign. */
  createSign(algorithm: MechanismInput, options: OperationOptions = {}): SignStream {
    return createSign(this, algorithm, options, () => false);
  }

  /** Verifies a MAC as the message comes; see PublicKey.createVerify and ClientPrivateKey.createSign. */
  createVerify(
    algorithm: MechanismInput,
    signature?: BytesLike,
    options: OperationOptions = {},
  ): VerifyStream {
    return createVerify(this, algorithm, signature, options);
  }

  async #operate<T>(
    operation: string,
    algorithm: MechanismInput,
    options: OperationOptions | undefined,
    work: (key: SecretKey, mechanism: MechanismInput) => Promise<T>,
  ): Promise<T> {
    const { input, handBack } = copyMechanism(algorithm);
    const result = await this.use(operation, { ...options, repeatable: true }, (key) =>
      work(key as SecretKey, input),
    );
    handBack();
    return result;
  }

  /** Makes the MACs of many messages on the sessions that are free, few crossings for all of them; see PrivateKey.signMany. */
  signMany<M extends Messages<BytesLike>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return signMany(onClient(this.client, this), algorithm, messages, options);
  }

  /** Verifies many signatures on the sessions that are free. @param messages of { data, signature } */
  verifyMany<M extends Messages<SignedMessage>>(
    algorithm: MechanismInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, boolean> {
    return verifyMany(onClient(this.client, this), algorithm, messages, options);
  }

  /** Encrypts many messages on the sessions that are free; see SecretKey.encryptMany. */
  encryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return cipherMany('encryptMany', onClient(this.client, this), algorithm, messages, options);
  }

  /** Decrypts many messages on the sessions that are free; see SecretKey.decryptMany. */
  decryptMany<M extends Messages<BytesLike>>(
    algorithm: CipherInput,
    messages: M,
    options?: BatchOptions,
  ): BatchOutcome<M, Buffer> {
    return cipherMany('decryptMany', onClient(this.client, this), algorithm, messages, options);
  }
}

/** A certificate, read on whatever session is free. */
export class ClientCertificate extends ClientObject {
  /** The certificate as node:crypto has it; see Certificate.toX509. */
  toX509(options?: OperationOptions): Promise<X509Certificate> {
    return this.use('toX509', { ...options, repeatable: true }, (object) => (object as Certificate).toX509());
  }
}

type ClientObjectType = new (client: Client, object: StorageObject, generation: number) => ClientObject;

const CLASSES: Readonly<Record<string, ClientObjectType>> = {
  PRIVATE_KEY: ClientPrivateKey,
  PUBLIC_KEY: ClientPublicKey,
  SECRET_KEY: ClientSecretKey,
  CERTIFICATE: ClientCertificate,
};

/** The object of the right class. */
export function makeClientObject(client: Client, object: StorageObject, generation: number): ClientObject {
  const Type = typeof object.class === 'string' ? CLASSES[object.class] : undefined;
  return new (Type ?? ClientObject)(client, object, generation);
}

/** An object that the client has made: one with token: false keeps the session of the lease open. */
export function adoptClientObject(client: Client, object: StorageObject, lease: Lease): ClientObject {
  const made = makeClientObject(client, object, client.generation);
  if (!object.isTokenObject) made.pin(lease);
  return made;
}

/** Destroys the session objects that an operation has made which nobody waits for any more. Token objects stay. */
export async function discardIfAborted(
  signal: AbortSignal | undefined,
  ...objects: readonly StorageObject[]
): Promise<void> {
  if (!signal?.aborted) return;
  for (const object of objects) if (!object.isTokenObject) await object.destroy();
  throw signal.reason;
}
