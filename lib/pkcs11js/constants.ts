import * as generated from '../generated/constants';

/** The numbers for `type` of a parameter object. They are those of pkcs11js; PKCS#11 does not define them. */
export const PARAMETERS = {
  CK_PARAMS_BUFFER: 0,
  CK_PARAMS_AES_CBC: 1,
  CK_PARAMS_AES_CCM: 2,
  CK_PARAMS_AES_GCM: 3,
  CK_PARAMS_RSA_OAEP: 4,
  CK_PARAMS_RSA_PSS: 5,
  CK_PARAMS_EC_DH: 6,
  CK_PARAMS_AES_GCM_v240: 7,
  CK_PARAMS_ECDH2_DERIVE: 8,
  CK_PARAMS_ECMQV_DERIVE: 9,
  CK_PARAMS_X9_42_DH1_DERIVE: 10,
  CK_PARAMS_X9_42_DH2_DERIVE: 11,
  CK_PARAMS_X9_42_MQV_DERIVE: 12,
  CK_PARAMS_KEA_DERIVE: 13,
  CK_PARAMS_RC2: 14,
  CK_PARAMS_RC2_CBC: 15,
  CK_PARAMS_RC2_MAC_GENERAL: 16,
  CK_PARAMS_RC5: 17,
  CK_PARAMS_RC5_CBC: 18,
  CK_PARAMS_RC5_MAC_GENERAL: 19,
  CK_PARAMS_DES_CBC_ENCRYPT_DATA: 20,
  CK_PARAMS_SKIPJACK_PRIVATE_WRAP: 21,
  CK_PARAMS_SKIPJACK_RELAYX: 22,
  CK_PARAMS_PBE: 23,
  CK_PARAMS_KEY_WRAP_SET_OAEP: 24,
  CK_PARAMS_GCM: 25,
  CK_PARAMS_CCM: 26,
  CK_PARAM_GOSTR3410_DERIVE: 27,
  CK_PARAM_GOSTR3410_KEY_WRAP: 28,
} as const;

function flatten(): Record<string, number> {
  const flat: Record<string, number> = {};
  for (const [family, members] of Object.entries(generated)) {
    for (const [name, value] of Object.entries(members)) flat[`${family}_${name}`] = value;
  }
  return flat;
}

/**
 * Every constant of PKCS#11 3.2 under its full name (CKM_AES_GCM), and the CK_PARAMS_ numbers. They are properties of
 * the package. scripts/facade.mjs declares their types when it builds the package.
 */
export const CONSTANTS: Readonly<Record<string, number>> = { ...flatten(), ...PARAMETERS };
