/**
 * The result that PKCS#11 requires (or, where it says nothing, the usual one) for each situation that the suite creates.
 * A module with another result lists it in a file of its own, with the reason.
 */
export const STANDARD = {
  'a mechanism it does not have': 'CKR_MECHANISM_INVALID',
  'a slot it does not have': 'CKR_SLOT_ID_INVALID',
  'no event of a slot': 'CKR_NO_EVENT',
  'a token object made in a read-only session': 'CKR_SESSION_READ_ONLY',
  'a wrong PIN': 'CKR_PIN_INCORRECT',
  'a new PIN too short': 'CKR_PIN_LEN_RANGE',
  'the security officer beside a read-only session': 'CKR_SESSION_READ_ONLY_EXISTS',
  'the security officer while the user is logged in': 'CKR_USER_ANOTHER_ALREADY_LOGGED_IN',
  'a private object made without login': 'CKR_USER_NOT_LOGGED_IN',
  'a template without a class': 'CKR_TEMPLATE_INCOMPLETE',
  'a destroyed object': 'CKR_OBJECT_HANDLE_INVALID',
  'a destroyed key': 'CKR_KEY_HANDLE_INVALID',
  'an attribute that cannot change': 'CKR_ATTRIBUTE_READ_ONLY',
  'an unknown curve': 'CKR_CURVE_NOT_SUPPORTED',
  'an RSA key of 16 bits': 'CKR_KEY_SIZE_RANGE',
  'an AES key of 5 bytes': 'CKR_KEY_SIZE_RANGE',
  'unwrapping what was changed': 'CKR_WRAPPED_KEY_INVALID',
  'wrapping a key that may not leave': 'CKR_KEY_UNEXTRACTABLE',
  'deriving with a broken public key': 'CKR_MECHANISM_PARAM_INVALID',
  'a key of another type': 'CKR_KEY_TYPE_INCONSISTENT',
  'a cipher for a key of another type': 'CKR_KEY_TYPE_INCONSISTENT',
  'a key that may not sign': 'CKR_KEY_FUNCTION_NOT_PERMITTED',
  'RSA data too long to sign': 'CKR_DATA_LEN_RANGE',
  'data too long for RSA-OAEP': 'CKR_DATA_LEN_RANGE',
  'data too long for RSA-PKCS1': 'CKR_DATA_LEN_RANGE',
  'an ECDSA signature of another length': 'false',
  'an RSA signature of another length': 'false',
  'an EdDSA signature of another length': 'false',
  'an empty ECDSA signature': 'false',
  'an empty RSA signature': 'false',
  'an empty EdDSA signature': 'false',
  'a wrong MAC': 'false',
  'a wrong MAC in parts': 'CKR_SIGNATURE_INVALID',
  'a MAC of another length': 'false',
  'a second operation': 'CKR_OPERATION_ACTIVE',
  'an operation without a beginning': 'CKR_OPERATION_NOT_INITIALIZED',
  'a wrong GCM tag': 'CKR_ENCRYPTED_DATA_INVALID',
  'a GCM ciphertext without a tag': 'CKR_ENCRYPTED_DATA_LEN_RANGE',
  'an empty GCM ciphertext': 'CKR_ENCRYPTED_DATA_LEN_RANGE',
  'CBC with broken padding': 'CKR_ENCRYPTED_DATA_INVALID',
  'CBC of half a block': 'CKR_ENCRYPTED_DATA_LEN_RANGE',
  'whole blocks wanted': 'CKR_DATA_LEN_RANGE',
  'an RSA ciphertext of the wrong length': 'CKR_ENCRYPTED_DATA_LEN_RANGE',
  'an empty RSA ciphertext': 'CKR_ENCRYPTED_DATA_LEN_RANGE',
  'a wrong OAEP padding': 'CKR_ENCRYPTED_DATA_INVALID',
  'a wrong tag of a message': 'CKR_ENCRYPTED_DATA_INVALID',
  'a KEM ciphertext of another length': 'CKR_WRAPPED_KEY_LEN_RANGE',
  'the wrong half of a KEM pair': 'CKR_KEY_TYPE_INCONSISTENT',
  'encapsulating for a key of another type': 'CKR_KEY_TYPE_INCONSISTENT',
  'decapsulating with a key of another type': 'CKR_KEY_TYPE_INCONSISTENT',
  'a context too long': 'CKR_MECHANISM_PARAM_INVALID',
  'a signature of another length, given first': 'CKR_SIGNATURE_LEN_RANGE',
} as const;

export type Situation = keyof typeof STANDARD;

type Operation = 'Encrypt' | 'Decrypt' | 'Sign' | 'Verify';

/** Functions that were added after PKCS#11 2.40. */
export type OptionalFunction =
  | 'C_LoginUser'
  | 'C_SessionCancel'
  | `C_Message${Operation}${'Init' | 'Final'}`
  | `C_${Operation}Message${'' | 'Begin' | 'Next'}`
  | `C_${'Encapsulate' | 'Decapsulate'}Key`
  | `C_VerifySignature${'' | 'Init' | 'Update' | 'Final'}`
  | 'C_GetSessionValidationFlags'
  | `C_Async${'Complete' | 'GetID' | 'Join'}`
  | `C_${'Wrap' | 'Unwrap'}KeyAuthenticated`;

/** Error code of a function that the module does not have. */
export const NOT_THERE = 'CKR_FUNCTION_NOT_SUPPORTED';

/** Facts that differ between modules and are not error codes. */
export interface Facts {
  /** The state of a new session after the last one was closed while the user was logged in. */
  readonly stateAfterLastClose: 'RO_PUBLIC_SESSION' | 'RO_USER_FUNCTIONS';
  /** CKA_TOKEN of the keys that the suite creates: true for a module without session objects. */
  readonly tokenKeys: boolean;
  /** True if key pairs must be generated without attributes that forbid uses. */
  readonly trueUsagesOnly: boolean;
  /** True if C_GetObjectSize returns a size. */
  readonly objectSize: boolean;
}

export const USUAL: Facts = {
  stateAfterLastClose: 'RO_PUBLIC_SESSION',
  tokenKeys: false,
  trueUsagesOnly: false,
  objectSize: true,
};

/** The way in which the result of one test differs from the test as it is written. */
export interface Deviation {
  /** The module must return this error: the test fails once the module supports the function. */
  readonly fails?: string;
  /** An expectation of the test must fail. */
  readonly differs?: true;
  /** A fault of this package, not of the module: the test must fail until the fault is mended. */
  readonly bug?: true;
  /** The test is not run at all, because it would harm the module. */
  readonly skip?: true;
  /** The session cannot be used after the test. */
  readonly breaks?: true;
  readonly why: string;
}

/** All differences between a module and the suite's expectations. */
export interface Expectations {
  /** Error codes that differ from {@link STANDARD}; a pattern where the module itself returns several. */
  readonly codes?: {
    readonly [situation in Situation]?: { readonly code: string | RegExp; readonly why: string };
  };
  /** Newer functions that the module has, with its result of a trial call; {@link NOT_THERE} applies to the others. */
  readonly functions?: {
    readonly [name in OptionalFunction]?: { readonly code: string; readonly why: string };
  };
  /** Facts that differ from {@link USUAL}. */
  readonly facts?: Partial<Facts>;
  /** Features that do not work, even if the module reports them: name of a feature or mechanism to the reason of the skip. */
  readonly lacks?: Readonly<Record<string, string>>;
  /** By 'chapter: title of the test'. */
  readonly deviations?: Readonly<Record<string, Deviation>>;
}
