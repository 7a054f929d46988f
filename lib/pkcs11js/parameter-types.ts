import type { Handle, IParams } from './types';

/** The parameters of mechanisms, with the names and members of pkcs11js. Each belongs to a CK_PARAMS_ number. */

/** CK_PARAMS_EC_DH */
export interface ECDH1 extends IParams {
  kdf: number;
  sharedData?: Buffer;
  publicData: Buffer;
}

/** CK_PARAMS_AES_CBC: CK_AES_CBC_ENCRYPT_DATA_PARAMS; `iv` has 16 bytes. */
export interface AesCBC extends IParams {
  iv: Buffer;
  data?: Buffer;
}

/** CK_PARAMS_CCM. Lengths are in bytes. `dataLength` and `macLength` are accepted for `dataLen` and `macLen`, too. */
export interface CcmParams extends IParams {
  dataLen: number;
  nonce?: Buffer;
  aad?: Buffer;
  macLen?: number;
}

/** CK_PARAMS_AES_CCM, like {@link CcmParams}. */
export interface AesCCM extends CcmParams {
  macLen: number;
}

/** CK_PARAMS_AES_GCM and CK_PARAMS_AES_GCM_v240: both are CK_GCM_PARAMS. With the first, `ivBits` is optional. */
export interface AesGCM extends IParams {
  iv?: Buffer;
  aad?: Buffer;
  ivBits: number;
  tagBits: number;
}

/** CK_PARAMS_GCM */
export interface GcmParams extends IParams {
  iv: Buffer;
  ivBits: number;
  aad?: Buffer;
  tagBits?: number;
}

/** CK_PARAMS_RSA_OAEP */
export interface RsaOAEP extends IParams {
  hashAlg: number;
  mgf: number;
  source: number;
  sourceData?: Buffer;
}

/** CK_PARAMS_RSA_PSS */
export interface RsaPSS extends IParams {
  hashAlg: number;
  mgf: number;
  /** Length in bytes. */
  saltLen: number;
}

/** CK_PARAMS_ECDH2_DERIVE */
export interface Ecdh2Derive extends IParams {
  kdf: number;
  sharedData?: Buffer;
  publicData: Buffer;
  privateDataLen: number;
  privateData: Handle;
  publicData2?: Buffer;
}

/** CK_PARAMS_ECMQV_DERIVE */
export interface EcmqvDerive extends Ecdh2Derive {
  publicKey?: Handle;
}

/** CK_PARAMS_X9_42_DH1_DERIVE */
export interface X942DH1Derive extends IParams {
  kdf: number;
  otherInfo?: Buffer;
  publicData: Buffer;
  /** Not used. */
  privateData: Handle;
}

/** CK_PARAMS_X9_42_DH2_DERIVE */
export interface X942DH2Derive extends X942DH1Derive {
  privateDataLen: number;
  publicData2?: Buffer;
}

/** CK_PARAMS_X9_42_MQV_DERIVE */
export interface X942MQvDeriveParams extends Omit<X942DH2Derive, 'type' | 'privateDataLen'> {
  /** CK_PARAMS_X9_42_MQV_DERIVE. Necessary, although pkcs11js does not declare it. */
  type?: number;
  /** Necessary, although pkcs11js does not declare it. */
  privateDataLen?: number;
  publicKey: Handle;
}

/** CK_PARAMS_KEA_DERIVE */
export interface KeaDeriveParams extends IParams {
  isSender?: boolean;
  randomA: Buffer;
  randomB: Buffer;
  publicData: Buffer;
}

/** CK_PARAMS_RC2 */
export interface RC2Params extends IParams {
  effectiveBits: number;
}

/** CK_PARAMS_RC2_CBC; `iv` has 8 bytes. */
export interface RC2CBCParams extends RC2Params {
  iv: Buffer;
}

/** CK_PARAMS_RC2_MAC_GENERAL */
export interface RC2MACGeneralParams extends RC2Params {
  macLength: number;
}

/** CK_PARAMS_RC5 */
export interface RC5Params extends IParams {
  wordSize: number;
  rounds: number;
}

/** CK_PARAMS_RC5_CBC */
export interface RC5CBCParams extends RC5Params {
  iv: Buffer;
}

/** CK_PARAMS_RC5_MAC_GENERAL */
export interface RC5MACGeneralParams extends RC5Params {
  macLength: number;
}

/** CK_PARAMS_DES_CBC_ENCRYPT_DATA; `iv` has 8 bytes. */
export interface DesCbcEncryptDataParams extends IParams {
  iv: Buffer;
  data?: Buffer;
}

/** CK_PARAMS_SKIPJACK_PRIVATE_WRAP */
export interface SkipjackPrivateWrapParams extends IParams {
  password: Buffer;
  publicData: Buffer;
  primeP: Buffer;
  baseG: Buffer;
  subprimeQ: Buffer;
  randomA: Buffer;
}

/** CK_PARAMS_SKIPJACK_RELAYX */
export interface SkipjackRelayXParams extends IParams {
  oldWrappedX: Buffer;
  oldPassword: Buffer;
  oldPublicData: Buffer;
  oldRandomA: Buffer;
  newPassword: Buffer;
  newPublicData: Buffer;
  newRandomA: Buffer;
}

/** CK_PARAMS_PBE */
export interface PbeParams extends IParams {
  initVector: Buffer;
  password: Buffer;
  salt: Buffer;
  iteration: number;
}

/** CK_PARAMS_KEY_WRAP_SET_OAEP */
export interface KeyWrapSetOaepParams extends IParams {
  bc: number;
  x: Buffer;
}

/** CK_PARAM_GOSTR3410_DERIVE */
export interface GostR3410DeriveParams extends IParams {
  kdf: number;
  publicData: Buffer;
  ukm?: Buffer;
}

/** CK_PARAM_GOSTR3410_KEY_WRAP */
export interface GostR3410KeyWrapParams extends IParams {
  wrapOID: Buffer;
  ukm?: Buffer;
  key: Handle;
}
