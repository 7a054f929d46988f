/**
 * What the specification, or common sense, says for each situation that the suite provokes. A module that answers
 * otherwise says so in its own file, with the reason.
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
  'a wrong MAC in pieces': 'CKR_SIGNATURE_INVALID',
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

/** Functions that came after PKCS#11 2.40. */
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

/** How such a function is refused where there is none. */
export const NOT_THERE = 'CKR_FUNCTION_NOT_SUPPORTED';

/** What else modules differ in. */
export interface Facts {
  /** The state of a new session after the last one was closed while the user was logged in. */
  readonly stateAfterLastClose: 'RO_PUBLIC_SESSION' | 'RO_USER_FUNCTIONS';
  /** CKA_TOKEN of the keys that the suite makes: true where there are no session objects. */
  readonly tokenKeys: boolean;
  /** Whether key pairs must be made without saying what they are not for. */
  readonly trueUsagesOnly: boolean;
  /** Whether C_GetObjectSize tells a size. */
  readonly objectSize: boolean;
}

export const USUAL: Facts = {
  stateAfterLastClose: 'RO_PUBLIC_SESSION',
  tokenKeys: false,
  trueUsagesOnly: false,
  objectSize: true,
};

/** How one test comes out other than it is written. */
export interface Deviation {
  /** The module is asked and its answer must be this error: a module that learns it makes the test fail. */
  readonly fails?: string;
  /** An expectation of the test must fail. */
  readonly differs?: true;
  /** This package misbehaves, not the module: the test must fail until that is put right. */
  readonly bug?: true;
  /** It must not even be tried. */
  readonly skip?: true;
  /** The session is of no use afterwards. */
  readonly breaks?: true;
  readonly why: string;
}

/** All in which a module differs from what the suite expects of every module. */
export interface Expectations {
  /** Error codes other than {@link STANDARD}; a pattern where the module itself is not of one mind. */
  readonly codes?: {
    readonly [situation in Situation]?: { readonly code: string | RegExp; readonly why: string };
  };
  /** Functions that are there, though {@link NOT_THERE} is what others say, and what the module answers to a try. */
  readonly functions?: {
    readonly [name in OptionalFunction]?: { readonly code: string; readonly why: string };
  };
  /** Facts other than {@link USUAL}. */
  readonly facts?: Partial<Facts>;
  /** What it cannot do, whatever it reports: tests that need it are skipped. By feature or mechanism, the reason. */
  readonly lacks?: Readonly<Record<string, string>>;
  /** By 'chapter: name of the test'. */
  readonly deviations?: Readonly<Record<string, Deviation>>;
}
