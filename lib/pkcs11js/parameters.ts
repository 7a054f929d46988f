import type { ParameterStructures } from '../generated/structures';
import { PARAMETERS as P } from './constants';

/** A property of a mechanism parameter. */
export interface Property {
  /** The accepted names; error texts use the first. */
  readonly names: readonly [string, ...string[]];
  /** The field in the structure of cryptoki/raw. */
  readonly field: string;
  readonly kind: 'Buffer' | 'Number' | 'Boolean' | 'Handle';
  readonly isOptional: boolean;
  /** The required length in bytes, if it is fixed. */
  readonly length: number | undefined;
}

/** A structure for the parameter of a mechanism. */
export interface Parameter {
  /** The name of the structure in error texts. */
  readonly name: string;
  readonly structure: keyof ParameterStructures;
  readonly properties: readonly Property[];
  /** The values of fields for which pkcs11js has no property. */
  readonly preset?: Readonly<Record<string, number | bigint>>;
  /** Fields with a number of bits, which is by default that of the bytes in another field. */
  readonly bitsOf?: Readonly<Record<string, string>>;
}

const KINDS = { b: 'Buffer', n: 'Number', f: 'Boolean', h: 'Handle' } as const;

/**
 * Parses the text form of a property, names, field and kind: `iv:b16`, `data:b?`, `saltLen>sLen:n`, `dataLength|dataLen:n`.
 */
function property(text: string): Property {
  const [left = '', right = ''] = text.split(':');
  const [names = '', field] = left.split('>');
  const [first = '', ...synonyms] = names.split('|');
  const [, kind = 'b', length = '', optional] = /^([bnfh])(\d*)(\??)$/.exec(right) ?? [];
  return {
    names: [first, ...synonyms],
    field: field ?? first,
    kind: KINDS[kind as keyof typeof KINDS],
    isOptional: optional === '?',
    length: length === '' ? undefined : Number(length),
  };
}

function parameter(
  structure: keyof ParameterStructures,
  properties: string,
  more: Partial<Pick<Parameter, 'name' | 'preset' | 'bitsOf'>> = {},
): Parameter {
  return { name: structure, structure, properties: properties.split(' ').map(property), ...more };
}

const CCM = 'dataLength|dataLen>dataLen:n nonce:b? aad:b? macLength|macLen>macLen:n?';
const GCM = 'iv:b ivBits:n aad:b? tagBits:n?';
const EC_KEYS = 'kdf:n sharedData:b? publicData:b privateDataLen:n privateData:h publicData2:b?';
const DH_KEYS = 'kdf:n otherInfo:b? publicData:b privateDataLen:n privateData:h publicData2:b?';

/** The parameters by `type`. */
export const PARAMETERS: ReadonlyMap<number, Parameter> = new Map([
  [P.CK_PARAMS_AES_CBC, parameter('CK_AES_CBC_ENCRYPT_DATA_PARAMS', 'iv:b16 data:b?')],
  [P.CK_PARAMS_AES_CCM, parameter('CK_AES_CCM_PARAMS', CCM)],
  // pkcs11js passes six fields here, too, and does not initialise ulIvBits.
  [
    P.CK_PARAMS_AES_GCM,
    parameter('CK_GCM_PARAMS', 'iv:b ivBits:n? aad:b? tagBits:n?', {
      name: 'CK_AES_GCM_PARAMS',
      bitsOf: { ivBits: 'iv' },
    }),
  ],
  [P.CK_PARAMS_RSA_OAEP, parameter('CK_RSA_PKCS_OAEP_PARAMS', 'hashAlg:n mgf:n source:n sourceData:b?')],
  [P.CK_PARAMS_RSA_PSS, parameter('CK_RSA_PKCS_PSS_PARAMS', 'hashAlg:n mgf:n saltLen>sLen:n')],
  [P.CK_PARAMS_EC_DH, parameter('CK_ECDH1_DERIVE_PARAMS', 'kdf:n publicData:b sharedData:b?')],
  [P.CK_PARAMS_AES_GCM_v240, parameter('CK_GCM_PARAMS', GCM, { name: 'CK_AES_GCM_240_PARAMS' })],
  [P.CK_PARAMS_ECDH2_DERIVE, parameter('CK_ECDH2_DERIVE_PARAMS', EC_KEYS)],
  [
    P.CK_PARAMS_ECMQV_DERIVE,
    parameter('CK_ECMQV_DERIVE_PARAMS', `${EC_KEYS} publicKey:h?`, { preset: { publicKey: 0n } }),
  ],
  [P.CK_PARAMS_X9_42_DH1_DERIVE, parameter('CK_X9_42_DH1_DERIVE_PARAMS', 'kdf:n otherInfo:b? publicData:b')],
  [P.CK_PARAMS_X9_42_DH2_DERIVE, parameter('CK_X9_42_DH2_DERIVE_PARAMS', DH_KEYS)],
  [P.CK_PARAMS_X9_42_MQV_DERIVE, parameter('CK_X9_42_MQV_DERIVE_PARAMS', `${DH_KEYS} publicKey:h`)],
  [P.CK_PARAMS_KEA_DERIVE, parameter('CK_KEA_DERIVE_PARAMS', 'isSender:f? randomA:b randomB:b publicData:b')],
  [P.CK_PARAMS_RC2_CBC, parameter('CK_RC2_CBC_PARAMS', 'effectiveBits:n iv:b8')],
  [P.CK_PARAMS_RC2_MAC_GENERAL, parameter('CK_RC2_MAC_GENERAL_PARAMS', 'effectiveBits:n macLength:n')],
  [P.CK_PARAMS_RC5, parameter('CK_RC5_PARAMS', 'wordSize>wordsize:n rounds:n')],
  [P.CK_PARAMS_RC5_CBC, parameter('CK_RC5_CBC_PARAMS', 'wordSize>wordsize:n rounds:n iv:b')],
  [
    P.CK_PARAMS_RC5_MAC_GENERAL,
    parameter('CK_RC5_MAC_GENERAL_PARAMS', 'wordSize>wordsize:n rounds:n macLength:n'),
  ],
  [P.CK_PARAMS_DES_CBC_ENCRYPT_DATA, parameter('CK_DES_CBC_ENCRYPT_DATA_PARAMS', 'iv:b8 data:b?')],
  [
    P.CK_PARAMS_SKIPJACK_PRIVATE_WRAP,
    parameter(
      'CK_SKIPJACK_PRIVATE_WRAP_PARAMS',
      'password:b publicData:b primeP:b baseG:b subprimeQ:b randomA:b',
    ),
  ],
  [
    P.CK_PARAMS_SKIPJACK_RELAYX,
    parameter(
      'CK_SKIPJACK_RELAYX_PARAMS',
      'oldWrappedX:b oldPassword:b oldPublicData:b oldRandomA:b newPassword:b newPublicData:b newRandomA:b',
    ),
  ],
  [P.CK_PARAMS_PBE, parameter('CK_PBE_PARAMS', 'initVector:b8 password:b salt:b iteration:n')],
  [P.CK_PARAMS_KEY_WRAP_SET_OAEP, parameter('CK_KEY_WRAP_SET_OAEP_PARAMS', 'bc:n? x:b?')],
  [P.CK_PARAMS_GCM, parameter('CK_GCM_PARAMS', GCM)],
  [P.CK_PARAMS_CCM, parameter('CK_CCM_PARAMS', CCM)],
  [P.CK_PARAM_GOSTR3410_DERIVE, parameter('CK_GOSTR3410_DERIVE_PARAMS', 'kdf:n publicData:b ukm:b?')],
  [P.CK_PARAM_GOSTR3410_KEY_WRAP, parameter('CK_GOSTR3410_KEY_WRAP_PARAMS', 'wrapOID:b ukm:b? key:h')],
]);
