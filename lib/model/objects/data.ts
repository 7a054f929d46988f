import { StorageObject } from './storage-object';

/** A data object (CKO_DATA). */
export class Data extends StorageObject {
  /** Reads CKA_VALUE. */
  value(): Promise<Buffer> {
    return this.attribute('value');
  }
}
