import { X509Certificate } from 'node:crypto';
import { StorageObject } from './storage-object';

/** A certificate (CKO_CERTIFICATE). */
export class Certificate extends StorageObject {
  /**
   * The certificate as node:crypto has it.
   * @throws ERR_OSSL_... when CKA_VALUE holds no X.509 certificate; CKR_ATTRIBUTE_TYPE_INVALID when there is none
   */
  async toX509(): Promise<X509Certificate> {
    return new X509Certificate(await this.attribute('value'));
  }
}
