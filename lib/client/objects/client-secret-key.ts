import type { KeyObject } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import type { SecretKey } from '../../model/objects/secret-key';
import type { OperationOptions } from '../client-types';
import {
  type ClientDecrypting,
  type ClientEncrypting,
  type ClientSigning,
  type ClientStreaming,
  type ClientVerifying,
  clientDecrypting,
  clientEncrypting,
  clientSigning,
  clientStreaming,
  clientVerifying,
} from './client-capabilities';
import { ClientKey } from './client-key';
import {
  type ClientDeriving,
  type ClientUnwrapping,
  type ClientWrapping,
  clientDeriving,
  clientUnwrapping,
  clientWrapping,
} from './client-key-management';
import type { ClientPrivateKey } from './client-private-key';

/** A secret key, which is used on any free session. */
export class ClientSecretKey extends ClientKey {
  /** Reads the value of an extractable key out of the token; see SecretKey.exportKey. */
  exportKey(options?: OperationOptions): Promise<KeyObject> {
    return this.use('exportKey', { callerOptions: options, repeatable: true }, (key) =>
      (key as SecretKey).exportKey(),
    );
  }
}

export interface ClientSecretKey
  extends ClientSigning,
    ClientVerifying,
    ClientEncrypting,
    ClientDecrypting,
    ClientStreaming,
    ClientDeriving<ClientSecretKey>,
    ClientWrapping,
    ClientUnwrapping<ClientSecretKey, ClientPrivateKey> {}
addCapabilities(
  ClientSecretKey,
  ...[clientSigning, clientVerifying, clientEncrypting, clientDecrypting, clientStreaming],
  ...[clientDeriving<ClientSecretKey>(), clientWrapping],
  clientUnwrapping<ClientSecretKey, ClientPrivateKey>(),
);
