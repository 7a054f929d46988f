import type { Expectations } from './expectations';

const pss = 'it has RSA-PSS, and SHA-224, but not with each other';

/** Of version 3.8.1. */
export const opencryptoki: Expectations = {
  codes: {
    'no event of a slot': { code: 'CKR_FUNCTION_NOT_SUPPORTED', why: 'it has no C_WaitForSlotEvent' },
    'an RSA key of 16 bits': { code: 'CKR_ATTRIBUTE_VALUE_INVALID', why: 'it checks the size as a value' },
    'an AES key of 5 bytes': {
      code: 'CKR_TEMPLATE_INCONSISTENT',
      why: 'it checks the length with the template',
    },
    'CBC with broken padding': { code: 'no error', why: 'it does not check the padding' },
    'a wrong OAEP padding': { code: 'CKR_FUNCTION_FAILED', why: 'the reason is lost on the way' },
  },
  facts: { stateAfterLastClose: 'RO_PUBLIC_SESSION' },
  lacks: { 'built-in objects': 'a new token is empty' },
  deviations: {
    'object: a secret key is created and read': {
      differs: true,
      why: 'a key that was created by its value has no CKA_VALUE_LEN',
    },
    'sign: RSA-PSS-SHA224, as node:crypto verifies': { fails: 'CKR_MECHANISM_INVALID', why: pss },
    'verify: RSA-PSS-SHA224: verifies its own signature, and no other': {
      fails: 'CKR_MECHANISM_INVALID',
      why: pss,
    },
    'verify: RSA-PSS-SHA224: a signature of another length is wrong': {
      fails: 'CKR_MECHANISM_INVALID',
      why: pss,
    },
    'encrypt: RSA-PKCS1 of an empty message': {
      fails: 'CKR_FUNCTION_FAILED',
      why: 'its padding wants at least one byte',
    },
    'decrypt: RSA-PKCS1 of an empty message': {
      differs: true,
      why: 'it gives one zero byte for an empty message',
    },
    'random: a seed is accepted': { fails: 'CKR_RANDOM_SEED_NOT_SUPPORTED', why: 'it takes none' },
  },
};
