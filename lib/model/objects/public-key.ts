import type { KeyObject } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import {
  checkPublicKeyFormat,
  exportPublicKey,
  type PublicKeyFormat,
  type PublicKeyFormats,
} from '../export/public-key-formats';
import { type Encrypting, encrypting, type Verifying, verifying } from './capabilities';
import type { Certificate } from './certificate';
import {
  type DigestVerifying,
  digestVerifying,
  type RecoverVerifying,
  recoverVerifying,
} from './digest-signatures';
import { Key } from './key';
import { type Encapsulating, encapsulating, type Wrapping, wrapping } from './key-management';
import type { PrivateKey } from './private-key';
import { toKeyObject } from './public-key-info';
import { relatedObject } from './related-objects';
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

  /**
   * Returns the key in a format: 'pem' and 'der' (SubjectPublicKeyInfo), 'jwk', 'ssh' (a line of authorized_keys), 'raw' (the point,
   * or the bytes of an Edwards, Montgomery or post-quantum key).
   * @throws TypeError ERR_INVALID_ARG_VALUE; ERR_CRYPTOKI_UNSUPPORTED for a key without this format, and as {@link toKeyObject}
   */
  async export<Format extends PublicKeyFormat>(format: Format): Promise<PublicKeyFormats[Format]> {
    checkPublicKeyFormat(format);
    return exportPublicKey(await this.toKeyObject(), format, this.label ?? '');
  }

  /**
   * Finds the private key of this public key on the token: by CKA_ID, then by label, and proved as {@link PrivateKey.publicKey}
   * does.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND
   */
  async privateKey(): Promise<PrivateKey> {
    return (await relatedObject(this, 'PRIVATE_KEY')) as PrivateKey;
  }

  /**
   * Finds the certificate of this public key on the token: by CKA_ID, then by label. The public keys are compared.
   * @throws as {@link PrivateKey.certificate}
   */
  async certificate(): Promise<Certificate> {
    return (await relatedObject(this, 'CERTIFICATE')) as Certificate;
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
