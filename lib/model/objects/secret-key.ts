import { addCapabilities } from '../../core/capabilities';
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
export class SecretKey extends Key {}

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
