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
import { type Deriving, deriving } from './key-management';

/** A secret key (CKO_SECRET_KEY): AES, HMAC and others. */
export class SecretKey extends Key {}

export interface SecretKey
  extends Signing,
    Verifying,
    Encrypting,
    Decrypting,
    Streaming,
    Deriving<SecretKey> {}
addCapabilities(SecretKey, signing, verifying, encrypting, decrypting, streaming, deriving<SecretKey>());
