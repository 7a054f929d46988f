import { X509Certificate } from 'node:crypto';
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
}
