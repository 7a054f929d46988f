import type { AttributeValues } from '../../generated/attributes';

/** The attributes that are read of each object when it is found or created. */
export const IDENTITY = ['class', 'token', 'private', 'label', 'id', 'keyType'] as const;

/** {@link IDENTITY}, as far as the object has it. */
export type Identity = Partial<Pick<AttributeValues, (typeof IDENTITY)[number]>>;
