/** The types of keys of each mechanism. */
import { CryptokiError } from '../../core/errors';
import type { Named } from '../../generated/attributes';
import { CKM, CKR } from '../../generated/constants';
import { type MechanismInput, nameOf } from './mechanism';

/** Mechanisms of one algorithm. */
export type Family = 'RSA' | 'ECDSA' | 'EDDSA' | 'DSA' | 'ML_DSA' | 'SLH_DSA';

const PATTERNS: readonly (readonly [Family, RegExp])[] = [
  ['RSA', /^(\w+_)?RSA_(PKCS|9796|X_509|X9_31)/],
  ['ECDSA', /^ECDSA(_SHA\w+)?$/],
  ['EDDSA', /^EDDSA$/],
  ['DSA', /^DSA(_SHA\w+)?$/],
  ['ML_DSA', /^(HASH_)?ML_DSA(_SHA\w+)?$/],
  ['SLH_DSA', /^(HASH_)?SLH_DSA(_SHA\w+)?$/],
];

const FAMILIES = new Map<number, Family>();
/** Mechanisms of symmetric keys: MACs and ciphers. */
const SYMMETRIC = new Set<number>();
for (const [name, mechanism] of Object.entries(CKM)) {
  if (/^AES_KEY_WRAP/.test(name)) SYMMETRIC.add(mechanism);
  if (/_(GEN|DERIVE|DERIVATION|WRAP)(_|$)/.test(name)) continue;
  const found = PATTERNS.find(([, pattern]) => pattern.test(name));
  if (found !== undefined) FAMILIES.set(mechanism, found[0]);
  else if (/_HMAC(_GENERAL)?$|^(AES|DES3?|CAMELLIA|ARIA|SEED)_/.test(name)) SYMMETRIC.add(mechanism);
}

/** The types of keys of a family. In modules older than PKCS#11 3.0 Edwards keys have the type EC. */
const KEY_TYPES: Readonly<Record<Family, readonly string[]>> = {
  RSA: ['RSA'],
  ECDSA: ['EC'],
  EDDSA: ['EC_EDWARDS', 'EC'],
  DSA: ['DSA'],
  ML_DSA: ['ML_DSA'],
  SLH_DSA: ['SLH_DSA'],
};

const ASYMMETRIC = new Set([
  ...['RSA', 'DSA', 'DH', 'EC', 'X9_42_DH', 'EC_EDWARDS', 'EC_MONTGOMERY', 'GOSTR3410'],
  ...['ML_DSA', 'SLH_DSA', 'ML_KEM', 'HSS', 'XMSS', 'XMSSMT'],
]);

/** Returns the family of a mechanism; undefined for MACs, ciphers and unknown mechanisms. */
export function familyOf(mechanism: number | bigint): Family | undefined {
  return FAMILIES.get(Number(mechanism));
}

/** Algorithms by the type of key, for messages. */
const FITTING: Readonly<Record<string, { readonly [use in 'Sign' | 'Encrypt' | 'Wrap']?: string }>> = {
  RSA: {
    Sign: 'RSA-PKCS1-SHA256, RSA-PSS-SHA256 and the same with SHA1, SHA224, SHA384, SHA512',
    Encrypt: 'RSA-OAEP-SHA256 and the same with SHA1, SHA224, SHA384, SHA512; RSA-PKCS1',
    Wrap: 'RSA-OAEP-SHA256 and the same with SHA1, SHA224, SHA384, SHA512; RSA-PKCS1',
  },
  EC: { Sign: 'ECDSA-SHA256 and the same with SHA1, SHA224, SHA384, SHA512' },
  EC_EDWARDS: { Sign: 'EdDSA' },
};
const SYMMETRIC_FITTING = {
  Sign: 'HMAC-SHA256 and the same with SHA1, SHA224, SHA384, SHA512',
  Encrypt: 'AES-GCM, AES-CBC, AES-CTR',
  Wrap: 'AES-KW, AES-KWP, AES-GCM, AES-CBC',
};

/** An operation with a key. */
export type KeyedOperation = 'Sign' | 'Verify' | 'Encrypt' | 'Decrypt' | 'Wrap' | 'Unwrap';

/** The use that operations have in common, and the function that would refuse the key. */
const USES = {
  Sign: ['Sign', 'C_SignInit'],
  Verify: ['Sign', 'C_VerifyInit'],
  Encrypt: ['Encrypt', 'C_EncryptInit'],
  Decrypt: ['Encrypt', 'C_DecryptInit'],
  Wrap: ['Wrap', 'C_WrapKey'],
  Unwrap: ['Wrap', 'C_UnwrapKey'],
} as const;

function fits(mechanism: number, keyType: string): boolean {
  const family = FAMILIES.get(mechanism);
  if (family !== undefined) return KEY_TYPES[family].includes(keyType);
  return !(SYMMETRIC.has(mechanism) && ASYMMETRIC.has(keyType));
}

/**
 * Checks that a mechanism can be used with the type of a key. Modules differ for other mechanisms: some return a misleading
 * error, some a signature that cannot be verified. Keys of vendors' types or of unknown type are not checked.
 * @param input the caller's algorithm or mechanism, for the message
 * @throws CKR_KEY_TYPE_INCONSISTENT; no call was made
 */
export function checkKeyType(
  operation: KeyedOperation,
  input: MechanismInput,
  mechanism: number | bigint,
  keyType: Named<'CKK'> | undefined,
): void {
  if (typeof keyType !== 'string' || fits(Number(mechanism), keyType)) return;
  const [use, functionName] = USES[operation];
  const fitting = ASYMMETRIC.has(keyType) ? FITTING[keyType]?.[use] : SYMMETRIC_FITTING[use];
  const hint = fitting === undefined ? '' : `; for a key of this type use one of: ${fitting}`;
  throw new CryptokiError({
    rv: CKR.KEY_TYPE_INCONSISTENT,
    function: functionName,
    detail: `${nameOf(input)} cannot be used with a key of type ${keyType}${hint}. No call was made`,
  });
}
