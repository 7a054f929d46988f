import type { Handle, IParams } from './types';

/** The parameters of mechanisms, under pkcs11js's names. What an interface is for is its CK_PARAMS_ number. */

type Bytes = NodeJS.ArrayBufferView;

/** CK_PARAMS_EC_DH */
export interface ECDH1 extends IParams {
  kdf: number;
  sharedData?: Bytes | undefined;
  publicData: Bytes;
}

/** CK_PARAMS_AES_CBC: CK_AES_CBC_ENCRYPT_DATA_PARAMS; `iv` has 16 bytes. */
export interface AesCBC extends IParams {
  iv: Bytes;
  data?: Bytes | undefined;
}

/** CK_PARAMS_AES_CCM and CK_PARAMS_CCM; one of `dataLen` and `dataLength` is needed. */
export interface CcmParams extends IParams {
  dataLen?: number | undefined;
  dataLength?: number | undefined;
  nonce?: Bytes | undefined;
  aad?: Bytes | undefined;
  macLen?: number | undefined;
  macLength?: number | undefined;
}
export interface AesCCM extends CcmParams {}

/** CK_PARAMS_AES_GCM: the structure of 2.20, without `ivBits`; CK_PARAMS_AES_GCM_v240 with it. */
export interface AesGCM extends IParams {
  iv?: Bytes | undefined;
  aad?: Bytes | undefined;
  ivBits?: number | undefined;
  tagBits?: number | undefined;
}

/** CK_PARAMS_GCM */
export interface GcmParams extends IParams {
  iv: Bytes;
  ivBits: number;
  aad?: Bytes | undefined;
  tagBits?: number | undefined;
}

/** CK_PARAMS_RSA_OAEP */
export interface RsaOAEP extends IParams {
  hashAlg: number;
  mgf: number;
  source: number;
  sourceData?: Bytes | undefined;
}

/** CK_PARAMS_RSA_PSS */
export interface RsaPSS extends IParams {
  hashAlg: number;
  mgf: number;
  /** in bytes */
  saltLen: number;
}

/** CK_PARAMS_ECDH2_DERIVE */
export interface Ecdh2Derive extends IParams {
  kdf: number;
  sharedData?: Bytes | undefined;
  publicData: Bytes;
  privateDataLen: number;
  privateData: Handle;
  publicData2?: Bytes | undefined;
}

/** CK_PARAMS_ECMQV_DERIVE */
export interface EcmqvDerive extends Ecdh2Derive {
  publicKey?: Handle | undefined;
}

/** CK_PARAMS_X9_42_DH1_DERIVE */
export interface X942DH1Derive extends IParams {
  kdf: number;
  otherInfo?: Bytes | undefined;
  publicData: Bytes;
}

/** CK_PARAMS_X9_42_DH2_DERIVE */
export interface X942DH2Derive extends X942DH1Derive {
  privateData: Handle;
  privateDataLen: number;
  publicData2?: Bytes | undefined;
}

/** CK_PARAMS_X9_42_MQV_DERIVE */
export interface X942MQvDeriveParams extends X942DH2Derive {
  publicKey: Handle;
}

/** CK_PARAMS_KEA_DERIVE */
export interface KeaDeriveParams extends IParams {
  isSender?: boolean | undefined;
  randomA: Bytes;
  randomB: Bytes;
  publicData: Bytes;
}

/** CK_PARAMS_RC2 */
export interface RC2Params extends IParams {
  effectiveBits: number;
}

/** CK_PARAMS_RC2_CBC; `iv` has 8 bytes. */
export interface RC2CBCParams extends RC2Params {
  iv: Bytes;
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
  iv: Bytes;
}

/** CK_PARAMS_RC5_MAC_GENERAL */
export interface RC5MACGeneralParams extends RC5Params {
  macLength: number;
}

/** CK_PARAMS_DES_CBC_ENCRYPT_DATA; `iv` has 8 bytes. */
export interface DesCbcEncryptDataParams extends IParams {
  iv: Bytes;
  data?: Bytes | undefined;
}

/** CK_PARAMS_SKIPJACK_PRIVATE_WRAP */
export interface SkipjackPrivateWrapParams extends IParams {
  password: Bytes;
  publicData: Bytes;
  primeP: Bytes;
  baseG: Bytes;
  subprimeQ: Bytes;
  randomA: Bytes;
}

/** CK_PARAMS_SKIPJACK_RELAYX */
export interface SkipjackRelayXParams extends IParams {
  oldWrappedX: Bytes;
  oldPassword: Bytes;
  oldPublicData: Bytes;
  oldRandomA: Bytes;
  newPassword: Bytes;
  newPublicData: Bytes;
  newRandomA: Bytes;
}

/** CK_PARAMS_PBE */
export interface PbeParams extends IParams {
  initVector: Bytes;
  password: Bytes;
  salt: Bytes;
  iteration: number;
}

/** CK_PARAMS_KEY_WRAP_SET_OAEP */
export interface KeyWrapSetOaepParams extends IParams {
  bc?: number | undefined;
  x?: Bytes | undefined;
}

/** CK_PARAM_GOSTR3410_DERIVE */
export interface GostR3410DeriveParams extends IParams {
  kdf: number;
  publicData: Bytes;
  ukm?: Bytes | undefined;
}

/** CK_PARAM_GOSTR3410_KEY_WRAP */
export interface GostR3410KeyWrapParams extends IParams {
  wrapOID: Bytes;
  ukm?: Bytes | undefined;
  key: Handle;
}
