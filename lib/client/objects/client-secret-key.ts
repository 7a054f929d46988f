import { addCapabilities } from '../../core/capabilities';
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
import { type ClientDeriving, clientDeriving } from './client-key-management';

/** A secret key, which is used on any free session. */
export class ClientSecretKey extends ClientKey {}

export interface ClientSecretKey
  extends ClientSigning,
    ClientVerifying,
    ClientEncrypting,
    ClientDecrypting,
    ClientStreaming,
    ClientDeriving<ClientSecretKey> {}
addCapabilities(
  ClientSecretKey,
  ...[clientSigning, clientVerifying, clientEncrypting, clientDecrypting, clientStreaming],
  clientDeriving<ClientSecretKey>(),
);
