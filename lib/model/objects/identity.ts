import type { AttributeValues, Named } from '../../generated/attributes';
import { attributeType } from '../attributes';

/** The class of an object: CKO_ without the prefix, or a vendor's number. */
export type ObjectClass = Named<'CKO'>;

/** The type of a key: CKK_ without the prefix, or a vendor's number. */
export type KeyType = Named<'CKK'>;

/** The attributes that are read of each object when it is found or created. */
export const IDENTITY = ['class', 'token', 'private', 'label', 'id', 'keyType'] as const;

/** The CKA_ numbers of {@link IDENTITY}. */
export const IDENTITY_TYPES: readonly number[] = IDENTITY.map(attributeType);

/** The values of {@link IDENTITY} that the object has. */
export type Identity = Partial<Pick<AttributeValues, (typeof IDENTITY)[number]>>;
