/** What modules list but cannot do. A test that fails in just this way is skipped; one that passes, passes. */
export interface Limit {
  /** The names of the tests. */
  readonly test: RegExp;
  /** The code of the error; 'AssertionError' for a wrong result. */
  readonly code: `CKR_${string}` | 'AssertionError';
  readonly why: string;
}

export const SOFTHSM_LIMITS: readonly Limit[] = [
  { test: /_HMAC/, code: 'CKR_KEY_SIZE_RANGE', why: 'HMAC keys must be as long as the digest' },
  { test: /^DES_/, code: 'CKR_MECHANISM_INVALID', why: 'lists DES, which its OpenSSL 3 has no longer' },
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
    test: /^RC2_ECB/,
    code: 'CKR_MECHANISM_PARAM_INVALID',
    why: 'wants the parameter of RC2_CBC for RC2_ECB',
  },
  {
    test: /EXTRACT_KEY_FROM_KEY: example of PKCS#11$/,
    code: 'CKR_MECHANISM_PARAM_INVALID',
    why: 'extracts from whole bytes on only',
  },
  { test: /verifies AES_CMAC/, code: 'CKR_MECHANISM_INVALID', why: 'makes CMACs, but verifies none' },
  {
    test: /verifies AES_XCBC/,
    code: 'CKR_KEY_TYPE_INCONSISTENT',
    why: 'makes XCBC-MACs; verifies with a key it derives for signing only',
  },
];
