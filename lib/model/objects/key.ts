import type { Session } from '../session';
import type { Identity, KeyType } from './identity';
import { type Life, StorageObject } from './storage-object';

/** A key of any class. */
export class Key extends StorageObject {
  /** CKA_KEY_TYPE; undefined if the module does not return it. */
  readonly keyType: KeyType | undefined;

  /** @internal */
  constructor(session: Session, handle: bigint, identity: Identity, life: Life) {
    super(session, handle, identity, life);
    this.keyType = identity.keyType;
  }
}
