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

/** A public key, which is used on any free session. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: addCapabilities() adds the methods
export class ClientPublicKey extends ClientKey {
  /** Returns the key as a public KeyObject of node:crypto; see PublicKey.toKeyObject. */
  toKeyObject(options?: OperationOptions): Promise<KeyObject> {
    return this.use('toKeyObject', { callerOptions: options, repeatable: true }, (key) =>
      (key as PublicKey).toKeyObject(),
    );
  }
}

export interface ClientPublicKey extends ClientVerifying, ClientEncrypting {}
addCapabilities(ClientPublicKey, clientVerifying, clientEncrypting);
