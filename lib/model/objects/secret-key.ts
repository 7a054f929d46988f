import type { KeyObject } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import { exportSecretKey } from '../export/export-key';
import {
  type Decrypting,
  decrypting,
  type Encrypting,
  encrypting,
  type Signing,
  type Streaming,
  signing,
  streaming,
  type Verifying,
  verifying,
} from './capabilities';
import { Key } from './key';
import {
  type Deriving,
  deriving,
  type Unwrapping,
  unwrapping,
  type Wrapping,
  wrapping,
} from './key-management';
import type { PrivateKey } from './private-key';

/** A secret key (CKO_SECRET_KEY): AES, HMAC and others. */
export class SecretKey extends Key {
  /**
   * Reads the value of the key out of the token, as a secret KeyObject, whose export() returns bytes or JWK. Only for a key with
   * CKA_EXTRACTABLE = true and CKA_SENSITIVE = false; for others it fails before the value is read.
   * @throws CKR_KEY_UNEXTRACTABLE, CKR_ATTRIBUTE_SENSITIVE; ERR_CRYPTOKI_UNSUPPORTED if the module does not return the value
   */
  exportKey(): Promise<KeyObject> {
    return exportSecretKey(this);
  }
}

export interface SecretKey
  extends Signing,
    Verifying,
    Encrypting,
    Decrypting,
    Streaming,
    Deriving<SecretKey>,
    Wrapping,
    Unwrapping<SecretKey, PrivateKey> {}
addCapabilities(
  SecretKey,
  ...[signing, verifying, encrypting, decrypting, streaming],
  ...[deriving<SecretKey>(), wrapping, unwrapping<SecretKey, PrivateKey>()],
);
