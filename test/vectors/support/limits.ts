/** Mechanisms that modules list but do not support. A test that fails in exactly this way is skipped; one that passes, passes. */
export interface Limit {
  /** The names of the tests. */
  readonly test: RegExp;
  /** The code of the error; 'AssertionError' for a wrong result. */
  readonly code: `CKR_${string}` | 'AssertionError';
  readonly why: string;
}

export const SOFTHSM_LIMITS: readonly Limit[] = [
  { test: /_HMAC/, code: 'CKR_KEY_SIZE_RANGE', why: 'HMAC keys must be as long as the digest' },
  {
    test: /^((derives|generates) with )?DES_/,
    code: 'CKR_MECHANISM_INVALID',
    why: 'lists DES, which its OpenSSL 3 has no longer',
  },
  {
    test: /wraps with AES_KEY_WRAP_PAD.*(20|7) bytes/,
    code: 'AssertionError',
    why: 'pads keys with zeros to whole blocks before AES_KEY_WRAP_PAD, so that RFC 5649 has another length to note',
  },
  { test: /derives with SHA256_KDF/, code: 'CKR_MECHANISM_PARAM_INVALID', why: 'derives with CKD_NULL only' },
  { test: /RSA-OAEP-SHA(224|256|384|512)/, code: 'CKR_ARGUMENTS_BAD', why: 'has OAEP with SHA-1 only' },
  { test: /RSA-OAEP-SHA1 with a label/, code: 'CKR_GENERAL_ERROR', why: 'ignores the label of OAEP' },
];

export const NSS_LIMITS: readonly Limit[] = [
  {
    test: /(HMAC|CMAC)_GENERAL/,
    code: 'CKR_MECHANISM_PARAM_INVALID',
    why: 'lists the mechanism, but does not know its hash or cipher when the length is given',
  },
  {
    test: /RC2_(ECB|MAC):/,
    code: 'CKR_MECHANISM_PARAM_INVALID',
    why: 'wants the parameter of RC2_CBC for RC2_ECB, newer versions for RC2_MAC too',
  },
  {
    test: /EXTRACT_KEY_FROM_KEY: example of PKCS#11$/,
    code: 'CKR_MECHANISM_PARAM_INVALID',
    why: 'extracts from whole bytes on only',
  },
  {
    test: /generates with HKDF_KEY_GEN/,
    code: 'CKR_MECHANISM_INVALID',
    why: 'lists HKDF_KEY_GEN, but C_GenerateKey does not know it',
  },
  {
    test: /PBE_SHA1_DES2/,
    code: 'CKR_KEY_SIZE_RANGE',
    why: 'older versions make no DES2 keys of passwords',
  },
  {
    test: /CKM_NSS_PBE_SHA1_DES_CBC/,
    code: 'AssertionError',
    why: "takes the IV from the end of SHA-1's digest, RFC 8018 from behind the key",
  },
  {
    test: /verifies TLS_MAC/,
    code: 'CKR_MECHANISM_INVALID',
    why: 'makes Finished messages, but verifies none',
  },
  { test: /Ed448/, code: 'CKR_DOMAIN_PARAMS_INVALID', why: 'has Ed25519 only' },
  { test: /verifies AES_CMAC/, code: 'CKR_MECHANISM_INVALID', why: 'makes CMACs, but verifies none' },
  {
    test: /verifies AES_XCBC/,
    code: 'CKR_KEY_TYPE_INCONSISTENT',
    why: 'makes XCBC-MACs; verifies with a key it derives for signing only',
  },
];

export const OPENCRYPTOKI_LIMITS: readonly Limit[] = [
  {
    test: /DH_PKCS_DERIVE: modp15/,
    code: 'CKR_MECHANISM_PARAM_INVALID',
    why: 'has groups of up to 2048 bits',
  },
  { test: /RSA(_PKCS_PSS and |-PSS-)SHA224/, code: 'CKR_MECHANISM_INVALID', why: 'has no SHA-224' },
  { test: /RSA-OAEP-SHA224/, code: 'CKR_MECHANISM_PARAM_INVALID', why: 'has no SHA-224' },
  { test: /^RSA-PKCS1 both ways/, code: 'CKR_FUNCTION_FAILED', why: 'encrypts no empty message' },
  {
    test: /reports the version with SSL3_MASTER_KEY_DERIVE/,
    code: 'AssertionError',
    why: 'does not write the version of the secret',
  },
];
