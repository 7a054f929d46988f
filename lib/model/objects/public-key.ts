import type { KeyObject } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import { type Encrypting, encrypting, type Verifying, verifying } from './capabilities';
import {
  type DigestVerifying,
  digestVerifying,
  type RecoverVerifying,
  recoverVerifying,
} from './digest-signatures';
import { Key } from './key';
import { type Encapsulating, encapsulating, type Wrapping, wrapping } from './key-management';
import { toKeyObject } from './public-key-info';
import type { SecretKey } from './secret-key';

/** A public key (CKO_PUBLIC_KEY). */
export class PublicKey extends Key {
  /**
   * Returns the key as a public KeyObject of node:crypto, made from its attributes. It can be exported as SPKI, PEM or JWK.
   * @throws ERR_CRYPTOKI_UNSUPPORTED for key types that Node does not support
   */
  toKeyObject(): Promise<KeyObject> {
    return toKeyObject(this);
  }
}

export interface PublicKey
  extends Verifying,
    DigestVerifying,
    RecoverVerifying,
    Encrypting,
    Wrapping,
    Encapsulating<SecretKey> {}
addCapabilities(
  PublicKey,
  verifying,
  digestVerifying,
  recoverVerifying,
  encrypting,
  wrapping,
  encapsulating<SecretKey>(),
);
