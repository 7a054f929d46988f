import type { Expectations } from './expectations';

/** NSS stores the reason of a failure per thread. Some failures set none: C functions then return the reason of an earlier one. */
const stale = 'the reason of an earlier failure on the same thread comes out';

/** These functions exist and fail because their preconditions are not met. */
const begun = { code: 'CKR_OPERATION_NOT_INITIALIZED', why: 'it is there, and nothing was begun' };
const messages = { code: 'no error', why: 'it has messages of AES-GCM and ChaCha20-Poly1305' };

export const nss: Expectations = {
  codes: {
    'no event of a slot': { code: 'CKR_FUNCTION_NOT_SUPPORTED', why: 'slots of NSS have no events' },
    'a new PIN too short': { code: 'no error', why: 'outside of FIPS mode any PIN will do' },
    'an unknown curve': { code: 'CKR_DOMAIN_PARAMS_INVALID', why: 'it knows no other code for curves' },
    'an RSA key of 16 bits': { code: 'CKR_ATTRIBUTE_VALUE_INVALID', why: 'it checks the size as a value' },
    'wrapping a key that may not leave': {
      code: 'no error',
      why: 'softokn leaves CKA_EXTRACTABLE to its callers when it wraps',
    },
    'deriving with a broken public key': {
      code: 'CKR_KEY_SIZE_RANGE',
      why: 'so it calls a point off the curve',
    },
    'a key that may not sign': {
      code: 'CKR_KEY_TYPE_INCONSISTENT',
      why: 'the usage is looked at together with the type',
    },
    'RSA data too long to sign': { code: /^CKR_/, why: stale },
    'data too long for RSA-PKCS1': { code: /^CKR_/, why: stale },
    'a GCM ciphertext without a tag': { code: 'CKR_DATA_LEN_RANGE', why: 'ciphertext is data to it' },
    'an empty GCM ciphertext': { code: 'CKR_DATA_LEN_RANGE', why: 'ciphertext is data to it' },
    'an empty RSA ciphertext': { code: 'CKR_DATA_LEN_RANGE', why: 'ciphertext is data to it' },
    'an RSA ciphertext of the wrong length': { code: 'CKR_DATA_LEN_RANGE', why: 'ciphertext is data to it' },
  },
  functions: {
    C_LoginUser: { ...begun, why: 'so it refuses a name that it does not know' },
    C_SessionCancel: { code: 'CKR_OPERATION_CANCEL_FAILED', why: 'there is nothing to cancel' },
    C_MessageEncryptInit: messages,
    C_MessageDecryptInit: messages,
    C_EncryptMessage: begun,
    C_DecryptMessage: begun,
    C_MessageEncryptFinal: begun,
    C_MessageDecryptFinal: begun,
  },
  facts: { objectSize: false },
  lacks: {
    'curve secp256k1': 'NSS has no secp256k1',
    'built-in objects': 'a new database is empty',
    'token data': 'the database keeps keys and certificates only',
  },
  deviations: {
    'decrypt: AES-CBC in parts that end within a block': {
      fails: 'CKR_ENCRYPTED_DATA_LEN_RANGE',
      breaks: true,
      why: 'C_DecryptUpdate takes whole blocks only',
    },
    'message: AES-GCM: a message in parts': {
      fails: 'CKR_FUNCTION_NOT_SUPPORTED',
      breaks: true,
      why: 'it takes whole messages only',
    },
    'key: a key pair is generated: secp256k1': {
      fails: 'CKR_DOMAIN_PARAMS_INVALID',
      why: 'NSS has no secp256k1',
    },
    'key: a generated key reports that the token generated it': {
      differs: true,
      why: 'CKA_LOCAL of generated keys is false',
    },
  },
};

/** Of the slot without a database. */
export const nssCrypto: Expectations = {
  ...nss,
  lacks: { ...nss.lacks, 'token data': 'it keeps nothing' },
};
