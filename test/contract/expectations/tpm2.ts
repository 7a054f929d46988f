import type { Expectations } from './expectations';

const GENERAL = { code: 'CKR_GENERAL_ERROR', why: 'it hands on any failure of the TPM so' };
const label = 'a label of a TPM ends with a zero byte, that of node:crypto does not';
const sha224 = 'a TPM has no SHA-224';

/** Of version 1.9. */
export const tpm2: Expectations = {
  codes: {
    'no event of a slot': { code: 'CKR_FUNCTION_NOT_SUPPORTED', why: 'it has no C_WaitForSlotEvent' },
    'the security officer while the user is logged in': {
      code: 'CKR_USER_ALREADY_LOGGED_IN',
      why: 'it does not look who is logged in',
    },
    'a new PIN too short': { code: 'no error', why: 'any PIN will do' },
    'a key that may not sign': { code: 'no error', why: 'keys on curves always sign' },
    'RSA data too long to sign': GENERAL,
    'a wrong OAEP padding': GENERAL,
    'an RSA ciphertext of the wrong length': GENERAL,
    'an empty RSA ciphertext': GENERAL,
    'an RSA key of 16 bits': { code: 'CKR_ATTRIBUTE_VALUE_INVALID', why: 'it checks the size as a value' },
  },
  facts: { tokenKeys: true, trueUsagesOnly: true },
  lacks: {
    import: 'a TPM takes no keys from outside',
    'import public': 'a TPM takes no keys from outside',
    'data objects': 'its data objects are private ones only',
    'built-in objects': 'a new token is empty',
    'curve secp256k1': 'a TPM has NIST curves only',
    'curve P-521': 'its CKA_EC_POINT of such a key is no DER: the length is written in one byte',
    'AES_KEY_GEN:GENERATE': 'it reports the mechanism, and has no C_GenerateKey',
  },
  deviations: {
    'digest: goes on from its saved state': {
      fails: 'CKR_FUNCTION_NOT_SUPPORTED',
      why: 'it has no C_GetOperationState',
    },
    'key: a key pair is generated: P-521': {
      differs: true,
      why: 'its CKA_EC_POINT of such a key is no DER: the length is written in one byte',
    },
    ...Object.fromEntries(
      ['P-256', 'P-384'].flatMap((curve) =>
        [
          `sign: ECDSA-SHA224 on ${curve}, as node:crypto verifies`,
          `verify: ECDSA-SHA224 on ${curve}: verifies its own signature, and no other`,
          `verify: ECDSA-SHA224 on ${curve}: a signature of another length is wrong`,
        ].map((name) => [name, { fails: 'CKR_GENERAL_ERROR', why: sha224 }]),
      ),
    ),
    'decrypt: RSA-OAEP-SHA1 with a label of node:crypto': { fails: 'CKR_GENERAL_ERROR', why: label },
    'decrypt: RSA-OAEP-SHA1 with a label of an empty message': { fails: 'CKR_GENERAL_ERROR', why: label },
    'key: a key pair is generated: secp256k1': {
      fails: 'CKR_CURVE_NOT_SUPPORTED',
      why: 'a TPM has NIST curves only',
    },
  },
};
