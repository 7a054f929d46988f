import { createHmac } from 'node:crypto';
import type { Mechanism, MechanismName } from 'cryptoki';
import { hex, range, repeat, text } from '../support/bytes';
import { cmac, encryptByNode, xcbcMac } from '../support/judge';
import type { SecretKeyType } from '../support/keys';
import { AES_128, AES_192, AES_256, BLOCKS } from './aes';

export interface MacVector {
  readonly source: string;
  readonly mechanism: MechanismName;
  /** Set if it differs from the name of the mechanism. */
  readonly name?: string;
  /** Length of the MAC, for mechanisms with a variable length. */
  readonly parameter?: Mechanism['parameter'];
  readonly keyType: SecretKeyType;
  readonly key: Buffer;
  readonly message: Buffer;
  readonly mac: Buffer;
  /** The result by node:crypto. */
  readonly judge: () => Buffer;
}

type Hash = 'MD5' | 'SHA_1' | 'SHA224' | 'SHA256' | 'SHA384' | 'SHA512';

function hmac(source: string, hash: Hash, key: Buffer, message: Buffer, mac: string): MacVector {
  const wanted = hex(mac);
  const whole = createHmac(hash.replace('_', ''), key).update(message).digest();
  const truncated = wanted.length < whole.length;
  return {
    ...{ source, keyType: 'GENERIC_SECRET', key, message, mac: wanted },
    ...(truncated
      ? { mechanism: `${hash}_HMAC_GENERAL`, parameter: wanted.length }
      : { mechanism: `${hash}_HMAC` }),
    judge: () => whole.subarray(0, wanted.length),
  };
}

/** A test case of RFC 4231, which applies to four hash functions. */
function rfc4231(number: number, key: Buffer, message: Buffer, macs: readonly string[]): MacVector[] {
  const hashes = ['SHA224', 'SHA256', 'SHA384', 'SHA512'] as const;
  return hashes.map((hash, i) => hmac(`RFC 4231, test case ${number}`, hash, key, message, macs[i] ?? ''));
}

const larger = text('Test Using Larger Than Block-Size Key - Hash Key First');
const hiThere = text('Hi There');
const jefe = text('Jefe');
const question = text('what do ya want for nothing?');

export const HMACS: readonly MacVector[] = [
  hmac('RFC 2202, 2, test case 1', 'MD5', repeat(0x0b, 16), hiThere, '9294727a3638bb1c13f48ef8158bfc9d'),
  hmac(
    'RFC 2202, 2, test case 5',
    'MD5',
    repeat(0x0c, 16),
    text('Test With Truncation'),
    '56461ef2342edc00f9bab995',
  ),
  hmac('RFC 2202, 2, test case 2', 'MD5', jefe, question, '750c783e6ab0b503eaa86e310a5db738'),
  hmac(
    'RFC 2202, 3, test case 1',
    'SHA_1',
    repeat(0x0b, 20),
    hiThere,
    'b617318655057264e28bc0b6fb378c8ef146be00',
  ),
  hmac('RFC 2202, 3, test case 2', 'SHA_1', jefe, question, 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'),
  hmac(
    'RFC 2202, 3, test case 3',
    'SHA_1',
    repeat(0xaa, 20),
    repeat(0xdd, 50),
    '125d7342b9ac11cd91a39af48aa17b4f63f175d3',
  ),
  hmac(
    'RFC 2202, 3, test case 6',
    'SHA_1',
    repeat(0xaa, 80),
    larger,
    'aa4ae5e15272d00e95705637ce8a3b55ed402112',
  ),
  hmac(
    'RFC 2202, 3, test case 5',
    'SHA_1',
    repeat(0x0c, 20),
    text('Test With Truncation'),
    '4c1a03424b55e07fe7f27be1',
  ),
  ...rfc4231(1, repeat(0x0b, 20), hiThere, [
    '896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22',
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    `afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c
     faea9ea9076ede7f4af152e8b2fa9cb6`,
    `87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
     daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854`,
  ]),
  ...rfc4231(2, jefe, question, [
    'a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    `af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e
     8e2240ca5e69e2c78b3239ecfab21649`,
    `164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
     9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737`,
  ]),
  ...rfc4231(3, repeat(0xaa, 20), repeat(0xdd, 50), [
    '7fb3cb3588c6c1f6ffa9694d7d6ad2649365b0c1f65d69d1ec8333ea',
    '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    `88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b
     2a5ab39dc13814b94e3ab6e101a34f27`,
    `fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39
     bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb`,
  ]),
  ...rfc4231(5, repeat(0x0c, 20), text('Test With Truncation'), [
    '0e2aea68a90c8d37c988bcdb9fca6fa8',
    'a3b6167473100ee06e0c796c2955552b',
    '3abf34c3503b2a23a46efc619baef897',
    '415fad6271580a531d4179bc891d87a6',
  ]),
  ...rfc4231(6, repeat(0xaa, 131), larger, [
    '95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e',
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    `4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6
     0c2ef6ab4030fe8296248df163f44952`,
    `80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352
     6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598`,
  ]),
];

type Sha3 = 'SHA3_224' | 'SHA3_256' | 'SHA3_384' | 'SHA3_512';

/** Example of NIST for a key that is shorter than the block, complete and truncated to 16 bytes. */
function sha3Hmac(hash: Sha3, mac: string): MacVector[] {
  const wanted = hex(mac);
  const key = range(0, wanted.length - 1);
  const message = text('Sample message for keylen<blocklen');
  const whole = createHmac(hash.replace('_', '-'), key).update(message).digest();
  const common = {
    source: 'HMAC_SHA3 examples (NIST CSRC)',
    keyType: 'GENERIC_SECRET',
    key,
    message,
  } as const;
  return [
    { ...common, mechanism: `${hash}_HMAC`, mac: wanted, judge: () => whole },
    {
      ...{ ...common, mechanism: `${hash}_HMAC_GENERAL`, parameter: 16, mac: wanted.subarray(0, 16) },
      judge: () => whole.subarray(0, 16),
    },
  ];
}

export const SHA3_HMACS: readonly MacVector[] = [
  ...sha3Hmac('SHA3_224', '332cfd59347fdb8e576e77260be4aba2d6dc53117b3bfb52c6d18c04'),
  ...sha3Hmac('SHA3_256', '4fe8e202c4f058e8dddc23d8c34e467343e23555e24fc2f025d598f558f67205'),
  ...sha3Hmac(
    'SHA3_384',
    `d588a3c51f3f2d906e8298c1199aa8ff6296218127f6b38a90b6afe2c5617725
     bc99987f79b22a557b6520db710b7f42`,
  ),
  ...sha3Hmac(
    'SHA3_512',
    `4efd629d6c71bf86162658f29943b1c308ce27cdfa6db0d9c3ce81763f9cbce5
     f7ebe9868031db1a8f8eb7b6b95e5c5e3f657a8996c86a2f6527e307f0213196`,
  ),
];

function aesCmac(key: Buffer, length: number, mac: string): MacVector {
  const message = BLOCKS.subarray(0, length);
  const source = `NIST SP 800-38B, D (AES-${key.length * 8}), ${length} bytes`;
  const judge = (): Buffer => cmac(`aes-${key.length * 8}-ecb`, key, message);
  return { source, mechanism: 'AES_CMAC', keyType: 'AES', key, message, mac: hex(mac), judge };
}

const TDEA = hex('8aa83bf8cbda1062 0bc1bf19fbb6cd58 bc313d4a371ca8b5');

function tdeaCmac(length: number, mac: string): MacVector {
  const message = BLOCKS.subarray(0, length);
  const judge = (): Buffer => cmac('des-ede3', TDEA, message);
  const source = `NIST SP 800-38B, D.4 (three-key TDEA), ${length} bytes`;
  return { source, mechanism: 'DES3_CMAC', keyType: 'DES3', key: TDEA, message, mac: hex(mac), judge };
}

function xcbc(number: number, message: Buffer, mac: string): MacVector[] {
  const key = range(0, 15);
  const both = ['AES_XCBC_MAC', 'AES_XCBC_MAC_96'] as const;
  return both.map((mechanism) => {
    const length = mechanism === 'AES_XCBC_MAC' ? 16 : 12;
    return {
      ...{ source: `RFC 3566, 4.6, test case ${number}`, mechanism, keyType: 'AES', key, message },
      mac: hex(mac).subarray(0, length),
      judge: () => xcbcMac(key, message).subarray(0, length),
    };
  });
}

/** A CBC-MAC is the start of the last block of CBC with an IV of zeros. */
function cbcMac(mechanism: 'AES_MAC' | 'AES_MAC_GENERAL', mac: string): MacVector {
  const iv = Buffer.alloc(16);
  const wanted = hex(mac);
  return {
    ...{ source: 'PKCS#11: of the first block of NIST SP 800-38A, F.1.1', mechanism, keyType: 'AES' },
    ...(mechanism === 'AES_MAC' ? {} : { parameter: wanted.length }),
    ...{ key: AES_128, message: BLOCKS.subarray(0, 16), mac: wanted },
    judge: () =>
      encryptByNode('aes-128-cbc', AES_128, BLOCKS.subarray(0, 16), { iv }).subarray(0, wanted.length),
  };
}

export const CIPHER_MACS: readonly MacVector[] = [
  aesCmac(AES_128, 0, 'bb1d6929 e9593728 7fa37d12 9b756746'),
  aesCmac(AES_128, 16, '070a16b4 6b4d4144 f79bdd9d d04a287c'),
  aesCmac(AES_128, 40, 'dfa66747 de9ae630 30ca3261 1497c827'),
  aesCmac(AES_128, 64, '51f0bebf 7e3b9d92 fc497417 79363cfe'),
  aesCmac(AES_192, 0, 'd17ddf46 adaacde5 31cac483 de7a9367'),
  aesCmac(AES_192, 16, '9e99a7bf 31e71090 0662f65e 617c5184'),
  aesCmac(AES_192, 40, '8a1de5be 2eb31aad 089a82e6 ee908b0e'),
  aesCmac(AES_192, 64, 'a1d5df0e ed790f79 4d775896 59f39a11'),
  aesCmac(AES_256, 0, '028962f6 1b7bf89e fc6b551f 4667d983'),
  aesCmac(AES_256, 16, '28a7023f 452e8f82 bd4bf28d 8c37c35c'),
  aesCmac(AES_256, 40, 'aaf3d8f1 de5640c2 32f5b169 b9c911e6'),
  aesCmac(AES_256, 64, 'e1992190 549f6ed5 696a2c05 6c315410'),
  {
    ...aesCmac(AES_128, 40, 'dfa66747 de9ae630'),
    ...{ mechanism: 'AES_CMAC_GENERAL', parameter: 8 },
    judge: () => cmac('aes-128-ecb', AES_128, BLOCKS.subarray(0, 40)).subarray(0, 8),
  },
  tdeaCmac(0, 'b7a688e1 22ffaf95'),
  tdeaCmac(8, '8e8f2931 36283797'),
  tdeaCmac(20, '743ddbe0 ce2dc2ed'),
  tdeaCmac(32, '33e6b109 2400eae5'),
  ...xcbc(1, Buffer.alloc(0), '75f0251d528ac01c4573dfd584d79f29'),
  ...xcbc(2, range(0, 2), '5b376580ae2f19afe7219ceef172756f'),
  ...xcbc(3, range(0, 15), 'd2a246fa349b68a79998a4394ff7a263'),
  ...xcbc(4, range(0, 19), '47f51b4564966215b8985c63055ed308'),
  cbcMac('AES_MAC', '3ad77bb40d7a3660'),
  cbcMac('AES_MAC_GENERAL', '3ad77bb40d7a3660a89ecaf3'),
];
