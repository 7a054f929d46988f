/**
 * With PKCS#7 padding, whole blocks get one more block of CBC. No standard prints it for these ciphers: the first block is from
 * the standard, the second is the result of node:crypto for the padding.
 */
import { hex, range, text } from '../support/bytes';
import { cdmfKey, thrice } from '../support/cdmf';
import type { CipherVector } from '../support/ciphers';
import { encryptByLegacyNode, encryptByNode } from '../support/judge';

const DES = hex('0123456789abcdef');
const DES_IV = hex('1234567890abcdef');
const CAMELLIA = hex('0123456789abcdeffedcba9876543210');
const RC2 = hex('88bca90e90875a7f0f79c384627bafb2');
const zeros = Buffer.alloc(16);
const ZEROS_8 = Buffer.alloc(8);

const padding = (size: number): Buffer => Buffer.alloc(size, size);
const time = text('Now is the time for all ');

/** CDMF is DES with another key. No example is published. */
function cdmf(mechanism: 'CDMF_ECB' | 'CDMF_CBC' | 'CDMF_CBC_PAD', encrypted: string): CipherVector {
  const cbc = mechanism !== 'CDMF_ECB';
  const iv = cbc ? { iv: DES_IV, padding: mechanism === 'CDMF_CBC_PAD' } : {};
  return {
    ...{ source: 'computed; input of FIPS 81, B and C', mechanism, keyType: 'CDMF', key: DES, plain: time },
    ...(cbc ? { parameter: DES_IV } : {}),
    encrypted: hex(encrypted),
    judge: () => encryptByNode(cbc ? 'des-ede3-cbc' : 'des-ede3', cdmfKey(DES), time, iv),
  };
}

export const PADDED_CIPHERS: readonly CipherVector[] = [
  cdmf('CDMF_ECB', 'ee3bca19986ff523c7eadb6f64cdc047b57ff9ca5b65d702'),
  cdmf('CDMF_CBC', '198961896d97f37c65f2135784245103f69341245eb8bbd4'),
  cdmf('CDMF_CBC_PAD', '198961896d97f37c65f2135784245103f69341245eb8bbd43d2d7848d979fa1a'),
  {
    ...{ source: 'FIPS 81, C, and a block of padding', mechanism: 'DES_CBC_PAD', keyType: 'DES', key: DES },
    ...{ parameter: DES_IV, plain: time },
    encrypted: hex('e5c7cdde872bf27c 43e934008c389c0f 683788499a7c05f6 62c16a27e4fcf277'),
    judge: () => encryptByNode('des-ede3-cbc', thrice(DES), time, { iv: DES_IV, padding: true }),
  },
  {
    ...{ source: 'RFC 3713, A, and a block of padding', mechanism: 'CAMELLIA_CBC_PAD', keyType: 'CAMELLIA' },
    ...{ key: CAMELLIA, parameter: zeros, plain: CAMELLIA },
    encrypted: hex('67673138549669730857065648eabe43 82438e64ff9b749cc1eb12a76a1601fb'),
    judge: () => encryptByNode('camellia-128-cbc', CAMELLIA, CAMELLIA, { iv: zeros, padding: true }),
  },
  {
    ...{ source: 'RFC 4269, B.1, and a block of padding', mechanism: 'SEED_CBC_PAD', keyType: 'SEED' },
    ...{ key: zeros, parameter: zeros, plain: range(0, 15) },
    encrypted: hex('5ebac6e0054e166819aff1cc6d346cdb 99a85bab70d1c0d42caf69fb52ef21da'),
    judge: () => encryptByLegacyNode('seed-cbc', zeros, Buffer.concat([range(0, 15), padding(16)]), zeros),
  },
  {
    ...{ source: 'RFC 2268, 5, and a block of padding', mechanism: 'RC2_CBC_PAD', keyType: 'RC2', key: RC2 },
    ...{ parameter: { effectiveBits: 128, iv: ZEROS_8 }, plain: ZEROS_8 },
    encrypted: hex('2269552ab0f85ca6 3fe30043d97bdb9a'),
    judge: () => encryptByLegacyNode('rc2-cbc', RC2, Buffer.concat([ZEROS_8, padding(8)]), ZEROS_8),
  },
];
