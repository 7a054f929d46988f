import { X509Certificate } from 'node:crypto';
import type { PrivateKey } from './private-key';
import type { PublicKey } from './public-key';
import { chainOf, relatedObject } from './related-objects';
import { StorageObject } from './storage-object';

/** A certificate (CKO_CERTIFICATE). */
export class Certificate extends StorageObject {
  /**
   * Returns the certificate as an X509Certificate of node:crypto.
   * @throws ERR_OSSL_... if CKA_VALUE is not an X.509 certificate; CKR_ATTRIBUTE_TYPE_INVALID if the object has no CKA_VALUE
   */
  async toX509(): Promise<X509Certificate> {
    return new X509Certificate(await this.attribute('value'));
  }

  /**
   * Finds the public key object of this certificate on the token: by CKA_ID, then by label. The public keys are compared. (Without
   * an object on the token, toX509() has the key too.)
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND
   */
  async publicKey(): Promise<PublicKey> {
    return (await relatedObject(this, 'PUBLIC_KEY')) as PublicKey;
  }

  /**
   * Finds the private key of this certificate on the token: by CKA_ID, then by label, and proved as PrivateKey.publicKey does.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND
   */
  async privateKey(): Promise<PrivateKey> {
    return (await relatedObject(this, 'PRIVATE_KEY')) as PrivateKey;
  }

  /**
   * Returns this certificate and its issuers on the token, each proved by the signature on the certificate before it. The chain
   * ends with a self-signed certificate, or where the token does not have the issuer. Dates and revocation are not checked.
   */
  async certificateChain(): Promise<Certificate[]> {
    return (await chainOf(this)) as Certificate[];
  }
}
