import type { Named } from '../../generated/attributes';
import type { Session } from '../session';
import type { Identity } from './identity';
import { type Life, StorageObject } from './storage-object';

/** CKK_ without the prefix, or a vendor's number. */
export type KeyType = Named<'CKK'>;

/** A key of any class. */
export class Key extends StorageObject {
  /** CKA_KEY_TYPE; undefined if the module does not tell. */
  readonly keyType: KeyType | undefined;

  /** @internal */
  constructor(session: Session, handle: bigint, identity: Identity, life: Life) {
    super(session, handle, identity, life);
    this.keyType = identity.keyType;
  }
}
