import type { KeyObject } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import { ownError } from '../../core/errors';
import type { KeyObjectOptions } from '../../model/native-keys/public-half';
import type { TlsParameters } from '../../model/native-keys/tls-algorithms';
import type { PrivateKey } from '../../model/objects/private-key';
import type { BatchSessions } from '../../model/operations/batch/batch-target';
import type { OperationOptions } from '../client-types';
import { onClient } from '../operations/batches';
import { clientKeyObject, clientTlsKey, clientTlsParameters } from '../operations/native-keys';
import {
  type ClientDecrypting,
  type ClientSigning,
  clientDecrypting,
  clientSigning,
} from './client-capabilities';
import type { ClientCertificate } from './client-certificate';
import { ClientKey } from './client-key';
import {
  type ClientDecapsulating,
  type ClientDeriving,
  type ClientUnwrapping,
  clientDecapsulating,
  clientDeriving,
  clientUnwrapping,
} from './client-key-management';
import type { ClientPublicKey } from './client-public-key';
import type { ClientSecretKey } from './client-secret-key';
import {
  type SignDigestOperation,
  type SignRecoverOperation,
  signDigestOperation,
  signRecoverOperation,
} from './key-operations';
import { relatedClientObject, relatedClientObjects } from './related-client-objects';

/** A private key, which is used on any free session. */
export class ClientPrivateKey extends ClientKey {
  /** CKA_ALWAYS_AUTHENTICATE, which is read once; a promise until it is known. */
  #alwaysAuthenticates: boolean | Promise<boolean> | undefined;

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
    return this.use('exportKey', { callerOptions: options, repeatable: true }, (key) =>
      (key as PrivateKey).exportKey(),
    );
  }

  /** Returns the PEM of {@link tlsKey} with the TLS options that it needs. @internal */
  tlsParameters(options?: KeyObjectOptions): Promise<TlsParameters> {
    return clientTlsParameters(this, options);
  }

  /** See ClientKey.batchSessions. @internal */
  override batchSessions(): BatchSessions {
    return onClient(this.client, this, {
      repeatable: this.isRepeatable('sign'),
      check: async () => {
        if (!(await this.authenticatesAlways())) return;
        throw ownError(
          'ERR_CRYPTOKI_UNSUPPORTED',
          'the key requires the PIN for each operation (CKA_ALWAYS_AUTHENTICATE), so it cannot be used in a batch; use sign() or decrypt()',
        );
      },
    });
  }

  /** See ClientKey.authenticatesAlways. @internal */
  override authenticatesAlways(): boolean | Promise<boolean> {
    this.#alwaysAuthenticates ??= this.#askAlwaysAuthenticates();
    return this.#alwaysAuthenticates;
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
}

export interface ClientPrivateKey
  extends ClientSigning,
    SignDigestOperation,
    SignRecoverOperation,
    ClientDecrypting,
    ClientDeriving<ClientSecretKey>,
    ClientUnwrapping<ClientSecretKey, ClientPrivateKey>,
    ClientDecapsulating<ClientSecretKey> {}
addCapabilities(
  ClientPrivateKey,
  ...[
    clientSigning,
    signDigestOperation,
    signRecoverOperation,
    clientDecrypting,
    clientDeriving<ClientSecretKey>(),
  ],
  ...[clientUnwrapping<ClientSecretKey, ClientPrivateKey>(), clientDecapsulating<ClientSecretKey>()],
);
