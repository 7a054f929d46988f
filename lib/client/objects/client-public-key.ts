import type { KeyObject } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import type { PublicKey } from '../../model/objects/public-key';
import type { OperationOptions } from '../client-types';
import {
  type ClientEncrypting,
  type ClientVerifying,
  clientEncrypting,
  clientVerifying,
} from './client-capabilities';
import { ClientKey } from './client-key';
import {
  type ClientEncapsulating,
  type ClientWrapping,
  clientEncapsulating,
  clientWrapping,
} from './client-key-management';
import type { ClientSecretKey } from './client-secret-key';
import {
  type VerifyDigestOperation,
  type VerifyRecoverOperation,
  verifyDigestOperation,
  verifyRecoverOperation,
} from './key-operations';

/** A public key, which is used on any free session. */
export class ClientPublicKey extends ClientKey {
  /** Returns the key as a public KeyObject of node:crypto; see PublicKey.toKeyObject. */
  toKeyObject(options?: OperationOptions): Promise<KeyObject> {
    return this.use('toKeyObject', { given: options, repeatable: true }, (key) =>
      (key as PublicKey).toKeyObject(),
    );
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
