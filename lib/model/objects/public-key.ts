import type { KeyObject } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import { type Encrypting, encrypting, type Verifying, verifying } from './capabilities';
import { Key } from './key';
import { toKeyObject } from './public-key-info';

/** A public key (CKO_PUBLIC_KEY). */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: addCapabilities() adds the methods
export class PublicKey extends Key {
  /**
   * Returns the key as a public KeyObject of node:crypto, made from its attributes. It can be exported as SPKI, PEM or JWK.
   * @throws ERR_CRYPTOKI_UNSUPPORTED for key types that Node does not support
   */
  toKeyObject(): Promise<KeyObject> {
    return toKeyObject(this);
  }
}

export interface PublicKey extends Verifying, Encrypting {}
addCapabilities(PublicKey, verifying, encrypting);
