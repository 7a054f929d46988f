/** The usages of imported keys. */
import { unknownName, wrongType } from '../../core/argument-errors';
import type { AttributeName, Attributes } from '../attributes';
import type { KeyType } from '../objects/identity';

/** The class of an imported key. */
export type ImportedClass = 'PRIVATE_KEY' | 'PUBLIC_KEY' | 'SECRET_KEY';

/**
 * A usage of an imported key. Each name stands for both directions: 'sign' and 'verify' are CKA_SIGN of a private key, CKA_VERIFY of
 * a public key, and both of a secret key. So the same usage can be given for both halves of a pair.
 */
export type ImportUsage =
  | ('sign' | 'verify' | 'encrypt' | 'decrypt')
  | ('wrap' | 'unwrap' | 'derive' | 'encapsulate' | 'decapsulate');

type UsageTable = Readonly<Record<string, readonly AttributeName[]>>;

const USAGES: Readonly<Record<ImportedClass, UsageTable>> = {
  PRIVATE_KEY: {
    ...{ sign: ['sign'], verify: ['sign'], encrypt: ['decrypt'], decrypt: ['decrypt'] },
    ...{ wrap: ['unwrap'], unwrap: ['unwrap'], derive: ['derive'] },
    ...{ encapsulate: ['decapsulate'], decapsulate: ['decapsulate'] },
  },
  PUBLIC_KEY: {
    ...{ sign: ['verify'], verify: ['verify'], encrypt: ['encrypt'], decrypt: ['encrypt'] },
    ...{ wrap: ['wrap'], unwrap: ['wrap'], derive: ['derive'] },
    ...{ encapsulate: ['encapsulate'], decapsulate: ['encapsulate'] },
  },
  SECRET_KEY: {
    ...{ sign: ['sign', 'verify'], verify: ['sign', 'verify'] },
    ...{ encrypt: ['encrypt', 'decrypt'], decrypt: ['encrypt', 'decrypt'] },
    ...{ wrap: ['wrap', 'unwrap'], unwrap: ['wrap', 'unwrap'], derive: ['derive'] },
  },
};
/** Usages that are set to false if they were not asked for, because tokens have different defaults. */
const CAPABILITIES: Readonly<Record<ImportedClass, readonly AttributeName[]>> = {
  PRIVATE_KEY: ['sign', 'signRecover', 'decrypt', 'unwrap', 'derive'],
  PUBLIC_KEY: ['verify', 'verifyRecover', 'encrypt', 'wrap', 'derive'],
  SECRET_KEY: ['sign', 'verify', 'encrypt', 'decrypt', 'wrap', 'unwrap', 'derive'],
};
/** Attributes of PKCS#11 3.2: set to false for the keys that could have them only, because older modules refuse them. */
const KEM_CAPABILITIES = {
  PRIVATE_KEY: ['decapsulate'],
  PUBLIC_KEY: ['encapsulate'],
  SECRET_KEY: [],
} as const;

function defaultUsage(keyType: KeyType): ImportUsage {
  const type = String(keyType);
  if (type === 'EC_MONTGOMERY' || type === 'HKDF') return 'derive';
  if (type === 'ML_KEM') return 'decapsulate';
  return /^(RSA|EC|EC_EDWARDS|ML_DSA|SLH_DSA|GENERIC_SECRET|\w+_HMAC)$/.test(type) ? 'sign' : 'encrypt';
}

function flags(names: readonly AttributeName[], value: boolean): Attributes {
  const attributes: unknown = Object.fromEntries(names.map((name) => [name, value]));
  return attributes as Attributes;
}

/**
 * Returns the attributes of the usages: those that were asked for, true, and all others, false.
 * @param chosen the option usage
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function usagesOf(
  keyClass: ImportedClass,
  keyType: KeyType,
  chosen: unknown,
): { readonly granted: Attributes; readonly denied: Attributes } {
  const table = USAGES[keyClass];
  const usages: unknown = chosen ?? [defaultUsage(keyType)];
  if (!Array.isArray(usages)) throw wrongType('usage', 'an array of names', usages);
  const granted = usages.flatMap((usage: string) => {
    if (Object.hasOwn(table, usage)) return table[usage] as readonly AttributeName[];
    throw unknownName('usage', usage, Object.keys(table), { place: ' of a key' });
  });
  const possible: readonly AttributeName[] = [
    ...CAPABILITIES[keyClass],
    ...(keyType === 'ML_KEM' ? KEM_CAPABILITIES[keyClass] : []),
  ];
  return {
    granted: flags(granted, true),
    denied: flags(
      possible.filter((name) => !granted.includes(name)),
      false,
    ),
  };
}
