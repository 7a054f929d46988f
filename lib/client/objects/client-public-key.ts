import type { KeyObject } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import {
  checkPublicKeyFormat,
  type PublicKeyFormat,
  type PublicKeyFormats,
} from '../../model/export/public-key-formats';
import type { PublicKey } from '../../model/objects/public-key';
import type { OperationOptions } from '../client-types';
import {
  type ClientEncrypting,
  type ClientVerifying,
  clientEncrypting,
  clientVerifying,
} from './client-capabilities';
import type { ClientCertificate } from './client-certificate';
import { ClientKey } from './client-key';
import {
  type ClientEncapsulating,
  type ClientWrapping,
  clientEncapsulating,
  clientWrapping,
} from './client-key-management';
import type { ClientPrivateKey } from './client-private-key';
import type { ClientSecretKey } from './client-secret-key';
import {
  type VerifyDigestOperation,
  type VerifyRecoverOperation,
  verifyDigestOperation,
  verifyRecoverOperation,
} from './key-operations';
import { relatedClientObject } from './related-client-objects';

/** A public key, which is used on any free session. */
export class ClientPublicKey extends ClientKey {
  /** Returns the key as a public KeyObject of node:crypto; see PublicKey.toKeyObject. */
  toKeyObject(options?: OperationOptions): Promise<KeyObject> {
    return this.use('toKeyObject', { callerOptions: options, repeatable: true }, (key) =>
      (key as PublicKey).toKeyObject(),
    );
  }

  /** Returns the key as 'pem', 'der', 'jwk', 'ssh' or 'raw'; see PublicKey.export. */
  async export<Format extends PublicKeyFormat>(
    format: Format,
    options?: OperationOptions,
  ): Promise<PublicKeyFormats[Format]> {
    checkPublicKeyFormat(format);
    return this.use('export', { callerOptions: options, repeatable: true }, (key) =>
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

export interface ClientPublicKey
  extends ClientVerifying,
    VerifyDigestOperation,
    VerifyRecoverOperation,
    ClientEncrypting,
    ClientWrapping,
    ClientEncapsulating<ClientSecretKey> {}
addCapabilities(
  ClientPublicKey,
  ...[
    clientVerifying,
    verifyDigestOperation,
    verifyRecoverOperation,
    clientEncrypting,
    clientWrapping,
    clientEncapsulating<ClientSecretKey>(),
  ],
);
