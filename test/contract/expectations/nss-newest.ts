import type { Expectations } from './expectations';
import { nss } from './nss';

const begun = { code: 'CKR_OPERATION_NOT_INITIALIZED', why: 'it is there, and nothing was begun' };
const type = { code: 'CKR_KEY_TYPE_INCONSISTENT', why: 'it is there, and was tried with an AES key' };
const length = { code: 'CKR_ARGUMENTS_BAD', why: 'lengths are arguments to it' };

/** Of version 3.132: the expectations of NSS, and the functions of PKCS#11 3.2. */
export const nssNewest: Expectations = {
  ...nss,
  codes: {
    ...nss.codes,
    'a KEM ciphertext of another length': length,
    'a context too long': length,
    'encapsulating for a key of another type': {
      code: 'CKR_KEY_HANDLE_INVALID',
      why: 'so it calls a key without parameter set',
    },
    'decapsulating with a key of another type': {
      code: 'CKR_TEMPLATE_INCOMPLETE',
      why: 'so it calls a key without parameter set',
    },
    'a signature of another length, given first': {
      code: 'CKR_SIGNATURE_INVALID',
      why: 'it looks at the length together with the rest',
    },
  },
  functions: {
    ...nss.functions,
    C_EncapsulateKey: type,
    C_DecapsulateKey: type,
    C_VerifySignatureInit: type,
    C_VerifySignature: begun,
    C_VerifySignatureUpdate: begun,
    C_VerifySignatureFinal: begun,
    C_GetSessionValidationFlags: { code: 'no error', why: 'it is there, and says 0' },
  },
};
