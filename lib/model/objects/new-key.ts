/** Templates of keys that come out of another key: derived, unwrapped, encapsulated. Without options they can do nothing. */
import { randomBytes } from 'node:crypto';
import { requireOptionsObject } from '../../core/arguments';
import type { Attributes } from '../attributes';
import type { ObjectTraits } from '../login/session-access';
import {
  type KeyOptions,
  type KeyUsage,
  PRIVATE_USAGE,
  SECRET_USAGE,
  usageAttributes,
} from './generate-keys';
import type { KeyType } from './identity';

/** The attributes of a key that comes out of another key. All attributes can be given; they replace those of the options. */
export type NewSecretKeyOptions = Omit<KeyOptions, 'keyType'> & {
  /** CKA_KEY_TYPE; default 'GENERIC_SECRET'. */
  readonly keyType?: KeyType | undefined;
};

/** The attributes of a private key that is unwrapped. */
export type NewPrivateKeyOptions = Omit<NewSecretKeyOptions, 'usage' | 'keyType'> & {
  readonly keyType: KeyType;
  /** Default: none. */
  readonly usage?: readonly KeyUsage[] | undefined;
};

/** The attributes of a secret key that is unwrapped. */
export type UnwrapSecretKeyOptions = NewSecretKeyOptions & {
  readonly class?: 'SECRET_KEY' | undefined;
  readonly keyType: KeyType;
};

/** The attributes of a private key that is unwrapped. */
export type UnwrapPrivateKeyOptions = NewPrivateKeyOptions & { readonly class: 'PRIVATE_KEY' };

/** The attributes of a key that is unwrapped. */
export type UnwrapOptions = UnwrapSecretKeyOptions | UnwrapPrivateKeyOptions;

/**
 * Returns the template of a secret key: sensitive, not extractable, a session object, and without any usage that was not asked
 * for.
 * @param subject names the options in errors
 */
export function secretKeyAttributes(options: NewSecretKeyOptions, subject: string): Attributes {
  requireOptionsObject(options, subject);
  const { keyType = 'GENERIC_SECRET', usage = [], ...rest } = options;
  return {
    class: 'SECRET_KEY',
    keyType,
    ...common(rest),
    ...usageAttributes(usage, [], SECRET_USAGE),
    ...withoutUnset(rest),
  };
}

/** Does the same as {@link secretKeyAttributes} for a private key. */
export function privateKeyAttributes(options: NewPrivateKeyOptions, subject: string): Attributes {
  requireOptionsObject(options, subject);
  const { keyType, usage = [], ...rest } = options;
  return {
    class: 'PRIVATE_KEY',
    keyType,
    ...common(rest),
    ...usageAttributes(usage, [], PRIVATE_USAGE),
    ...withoutUnset(rest),
  };
}

function common({
  id = randomBytes(20),
  token = false,
  extractable = false,
}: Omit<NewSecretKeyOptions, 'keyType' | 'usage'>): Attributes {
  return { id, token, private: true, sensitive: true, extractable };
}

/** An option that is undefined must not remove a default. */
function withoutUnset(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).filter(([, value]) => value !== undefined),
  ) as Attributes;
}

/** Returns the traits of the object that a template creates. */
export function traitsOf({ token = false, private: isPrivate }: Attributes): ObjectTraits {
  return { token, private: isPrivate };
}
