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

/** A secret key (CKO_SECRET_KEY): AES, HMAC and others. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: addCapabilities() adds the methods
export class SecretKey extends Key {}

export interface SecretKey extends Signing, Verifying, Encrypting, Decrypting, Streaming {}
addCapabilities(SecretKey, signing, verifying, encrypting, decrypting, streaming);
