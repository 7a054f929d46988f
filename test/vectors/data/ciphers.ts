/** Block and stream ciphers other than AES. */
import { hex, range, repeat, text } from '../support/bytes';
import type { CipherVector } from '../support/ciphers';
import { encryptByLegacyNode, encryptByNode } from '../support/judge';
import { CKK_NSS_CHACHA20, NSS } from '../support/nss';

const TDEA = hex('0123456789abcdef 23456789abcdef01 456789abcdef0123');
const fox = text('The qufck brown fox jump');
const sp800 = 'NIST SP 800-67, B.1';

const des3: CipherVector = {
  ...{ source: sp800, mechanism: 'DES3_ECB', keyType: 'DES3', key: TDEA, plain: fox },
  encrypted: hex('a826fd8ce53b855f cce21c8112256fe6 68d5c05dd9b6b900'),
  judge: () => encryptByNode('des-ede3', TDEA, fox),
};

/** No standard has an example of CBC with three keys: key and text of NIST, an IV of FIPS 81, and the result of node:crypto. */
const IV = hex('1234567890abcdef');
const des3Cbc: CipherVector = {
  ...des3,
  ...{ source: `computed by node:crypto; key and text of ${sp800}`, mechanism: 'DES3_CBC', parameter: IV },
  encrypted: hex('38413d4ba2325cf1 141f707471ac2ced 57db530f0123b5ac'),
  judge: () => encryptByNode('des-ede3-cbc', TDEA, fox, { iv: IV }),
};
const des3Pad: CipherVector = {
  ...{ ...des3Cbc, mechanism: 'DES3_CBC_PAD' },
  encrypted: hex('38413d4ba2325cf1 141f707471ac2ced 57db530f0123b5ac dda77ebde0c63614'),
  judge: () => encryptByNode('des-ede3-cbc', TDEA, fox, { iv: IV, padding: true }),
};

const DES = hex('0123456789abcdef');
const DES_THRICE = Buffer.concat([DES, DES, DES]);
const time = text('Now is the time for all ');
const fips81 = { source: 'FIPS 81, B and C', keyType: 'DES', key: DES, plain: time } as const;

/** OpenSSL offers DES only among its legacy ciphers. Triple DES with three equal keys is DES. */
const des: CipherVector = {
  ...{ ...fips81, mechanism: 'DES_ECB' },
  encrypted: hex('3fa40e8a984d4815 6a271787ab8883f9 893d51ec4b563b53'),
  judge: () => encryptByNode('des-ede3', DES_THRICE, time),
};
const desCbc: CipherVector = {
  ...{ ...fips81, mechanism: 'DES_CBC', parameter: IV },
  encrypted: hex('e5c7cdde872bf27c 43e934008c389c0f 683788499a7c05f6'),
  judge: () => encryptByNode('des-ede3-cbc', DES_THRICE, time, { iv: IV }),
};

const DIGITS = hex('0123456789abcdeffedcba9876543210');

function camellia(more: string, encrypted: string): CipherVector {
  const key = Buffer.concat([DIGITS, hex(more)]);
  return {
    ...{
      source: `RFC 3713, A (${key.length * 8} bits)`,
      mechanism: 'CAMELLIA_ECB',
      keyType: 'CAMELLIA',
      key,
    },
    ...{ plain: DIGITS, encrypted: hex(encrypted) },
    judge: () => encryptByNode(`camellia-${key.length * 8}-ecb`, key, DIGITS),
  };
}

/** With an IV of zeros, the first block of CBC is that of ECB. */
function asCbc(
  vector: CipherVector,
  mechanism: 'CAMELLIA_CBC' | 'SEED_CBC' | 'RC2_CBC',
  parameter: object = Buffer.alloc(16),
): CipherVector {
  return { ...vector, source: `${vector.source}, one block with an IV of zeros`, mechanism, parameter };
}

function seed(number: number, key: Buffer, plain: Buffer, encrypted: string): CipherVector {
  return {
    ...{ source: `RFC 4269, B.${number}`, mechanism: 'SEED_ECB', keyType: 'SEED', key, plain },
    encrypted: hex(encrypted),
    judge: () => encryptByLegacyNode('seed-ecb', key, plain),
  };
}

function rc4(key: string, stream: string): CipherVector {
  const plain = Buffer.alloc(16);
  const judge = (): Buffer => encryptByLegacyNode(key.length === 10 ? 'rc4-40' : 'rc4', hex(key), plain);
  const source = `RFC 6229, 2 (${key.length * 4} bits)`;
  return { source, mechanism: 'RC4', keyType: 'RC4', key: hex(key), plain, encrypted: hex(stream), judge };
}

/** The parameter is the effective length of the key in bits. */
function rc2(key: string, plain: string, encrypted: string): CipherVector {
  const bits = key.length * 4;
  return {
    ...{ source: `RFC 2268, 5 (${bits} bits)`, mechanism: 'RC2_ECB', parameter: bits, keyType: 'RC2' },
    ...{ key: hex(key), plain: hex(plain), encrypted: hex(encrypted) },
    judge: () => encryptByLegacyNode('rc2-ecb', hex(key), hex(plain)),
  };
}

/** In node:crypto the counter is before the nonce, in the same bytes. */
const chacha20: CipherVector = {
  ...{ source: 'RFC 8439, 2.4.2', mechanism: 'CHACHA20', keyType: 'CHACHA20', key: range(0, 31) },
  parameter: { blockCounter: hex('01000000'), nonce: hex('000000000000004a00000000') },
  plain: text(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ),
  encrypted: hex(`
    6e2e359a2568f98041ba0728dd0d6981 e97e7aec1d4360c20a27afccfd9fae0b
    f91b65c5524733ab8f593dabcd62b357 1639d624e65152ab8f530c359f0861d8
    07ca0dbf500d6a6156a38e088a22b65e 52bc514d16ccf806818ce91ab7793736
    5af90bbf74a35be6b40b8eedf2785e42 874d`),
  judge: () =>
    encryptByNode('chacha20', range(0, 31), chacha20.plain, { iv: hex('01000000000000000000004a00000000') }),
};

const rc2Long = rc2('88bca90e90875a7f0f79c384627bafb2', '0000000000000000', '2269552ab0f85ca6');
const camellia128 = camellia('', '67673138549669730857065648eabe43');
const seed1 = seed(1, repeat(0, 16), range(0, 15), '5ebac6e0054e166819aff1cc6d346cdb');

export const CIPHERS: readonly CipherVector[] = [
  ...[des3, des3Cbc, des3Pad, des, desCbc],
  camellia128,
  camellia('0011223344556677', 'b4993401b3e996f84ee5cee7d79b09b9'),
  camellia('00112233445566778899aabbccddeeff', '9acc237dff16d76c20ef7c919e3a7509'),
  asCbc(camellia128, 'CAMELLIA_CBC'),
  seed1,
  seed(2, range(0, 15), repeat(0, 16), 'c11f22f20140505084483597e4370f43'),
  asCbc(seed1, 'SEED_CBC'),
  rc4('0102030405', 'b2396305f03dc027ccc3524a0a1118a8'),
  rc4('0102030405060708090a0b0c0d0e0f10', '9ac7cc9a609d1ef7b2932899cde41b97'),
  chacha20,
  // The mechanism of NSS has the counter before the nonce, as node:crypto.
  {
    ...{ ...chacha20, mechanism: NSS.CHACHA20_CTR, name: 'CKM_NSS_CHACHA20_CTR' },
    keyType: CKK_NSS_CHACHA20,
    parameter: hex('01000000000000000000004a00000000'),
  },
  rc2Long,
  {
    ...{ ...rc2Long, name: 'RC2_ECB with the parameter of RC2_CBC, which NSS wants' },
    parameter: { structure: 'CK_RC2_CBC_PARAMS', effectiveBits: 128, iv: Buffer.alloc(8) },
  },
  asCbc(rc2Long, 'RC2_CBC', { effectiveBits: 128, iv: Buffer.alloc(8) }),
];
