import type { Expectations } from './expectations';

const general = 'it hands on any failure of OpenSSL as CKR_GENERAL_ERROR';
const oaep = 'it knows RSA-OAEP with SHA-1 and without label only, and says so by CKR_ARGUMENTS_BAD';
const GENERAL = { code: 'CKR_GENERAL_ERROR', why: general };

export const softhsm2: Expectations = {
  codes: {
    'an unknown curve': GENERAL,
    'an RSA key of 16 bits': GENERAL,
    'an AES key of 5 bytes': { code: 'CKR_ATTRIBUTE_VALUE_INVALID', why: 'it checks the length as a value' },
    'unwrapping what was changed': GENERAL,
    'deriving with a broken public key': GENERAL,
    'RSA data too long to sign': GENERAL,
    'data too long for RSA-OAEP': GENERAL,
    'data too long for RSA-PKCS1': GENERAL,
    'a destroyed key': { code: 'CKR_OBJECT_HANDLE_INVALID', why: 'keys are objects to it' },
    'a wrong GCM tag': GENERAL,
    'a GCM ciphertext without a tag': GENERAL,
    'CBC with broken padding': GENERAL,
    'a wrong OAEP padding': GENERAL,
    'an empty GCM ciphertext': GENERAL,
    'an empty RSA ciphertext': GENERAL,
    'an RSA ciphertext of the wrong length': GENERAL,
  },
  facts: { objectSize: false },
  lacks: { 'built-in objects': 'a new token is empty' },
  deviations: {
    'digest: goes on from its saved state': {
      fails: 'CKR_FUNCTION_NOT_SUPPORTED',
      why: 'it has no C_GetOperationState',
    },
    ...Object.fromEntries(
      ['SHA256', 'SHA384', 'SHA512'].flatMap((hash) => [
        [`encrypt: RSA-OAEP-${hash}, as node:crypto decrypts`, { fails: 'CKR_ARGUMENTS_BAD', why: oaep }],
        [`encrypt: RSA-OAEP-${hash} of an empty message`, { fails: 'CKR_ARGUMENTS_BAD', why: oaep }],
        [`decrypt: RSA-OAEP-${hash} of node:crypto`, { fails: 'CKR_ARGUMENTS_BAD', why: oaep }],
        [`decrypt: RSA-OAEP-${hash} of an empty message`, { fails: 'CKR_ARGUMENTS_BAD', why: oaep }],
      ]),
    ),
    'encrypt: RSA-OAEP-SHA1 with a label of an empty message': { fails: 'CKR_ARGUMENTS_BAD', why: oaep },
    'decrypt: RSA-OAEP-SHA1 with a label of an empty message': {
      fails: 'CKR_GENERAL_ERROR',
      why: 'C_DecryptInit takes a label and C_Decrypt ignores it',
    },
    'encrypt: RSA-OAEP-SHA1 with a label, as node:crypto decrypts': { fails: 'CKR_ARGUMENTS_BAD', why: oaep },
    'decrypt: RSA-OAEP-SHA1 with a label of node:crypto': {
      fails: 'CKR_GENERAL_ERROR',
      why: 'C_DecryptInit takes a label and C_Decrypt ignores it',
    },
  },
};
