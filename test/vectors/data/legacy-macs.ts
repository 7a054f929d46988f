/** MACs of ciphers and hash functions that are no longer used. */
import { createHash } from 'node:crypto';
import { hex, range, repeat, text } from '../support/bytes';
import { cdmfKey, thrice } from '../support/cdmf';
import { encryptByLegacyNode, encryptByNode } from '../support/judge';
import { md2Hmac } from '../support/md2';
import type { MacVector } from './mac';

type Cipher = 'CDMF' | 'DES' | 'DES3' | 'RC2' | 'CAMELLIA' | 'SEED';

interface CbcMac {
  readonly source: string;
  readonly key: Buffer;
  readonly message: Buffer;
  /** The last block of CBC with an IV of zeros; the message is padded with zeros. */
  readonly block: string;
  /** The whole of CBC. */
  readonly encrypt: (padded: Buffer, iv: Buffer) => Buffer;
  /** RC2 has a parameter structure of its own. */
  readonly parameter?: number;
  readonly general?: (length: number) => object | number;
}

/** PKCS#11: the MAC of CKM_*_MAC is half a block long, that of CKM_*_MAC_GENERAL has any length. */
function cbcMac(cipher: Cipher, vector: CbcMac): MacVector[] {
  const { source, key, message, block, encrypt, parameter, general = (length) => length } = vector;
  const last = hex(block);
  const size = last.length;
  const padded = Buffer.concat([message, Buffer.alloc((size - (message.length % size)) % size)]);
  const judge = (): Buffer => encrypt(padded, Buffer.alloc(size)).subarray(-size);
  const common = { source, keyType: cipher, key, message };
  const generalLength = size - 2;
  return [
    {
      ...common,
      ...(parameter === undefined ? {} : { parameter }),
      ...{ mechanism: `${cipher}_MAC`, mac: last.subarray(0, size / 2) },
      judge: () => judge().subarray(0, size / 2),
    },
    {
      ...common,
      ...{ mechanism: `${cipher}_MAC_GENERAL`, parameter: general(generalLength) },
      mac: last.subarray(0, generalLength),
      judge: () => judge().subarray(0, generalLength),
    },
  ];
}

const DES = hex('0123456789abcdef');
const TDEA = hex('0123456789abcdef 23456789abcdef01 456789abcdef0123');
const CAMELLIA = hex('0123456789abcdeffedcba9876543210');
const RC2 = hex('88bca90e90875a7f0f79c384627bafb2');

const hiThere = text('Hi There');

/** The MAC of SSL 3.0, which precedes HMAC (RFC 6101, 5.2.3.1). No standard has an example. */
function ssl3Mac(hash: 'MD5' | 'SHA1', length: number, mac: string): MacVector {
  const pad = hash === 'MD5' ? 48 : 40;
  const key = repeat(0x0b, hash === 'MD5' ? 16 : 20);
  const digest = (...parts: Buffer[]): Buffer => createHash(hash).update(Buffer.concat(parts)).digest();
  return {
    ...{ source: `computed by node:crypto, ${length} bytes`, mechanism: `SSL3_${hash}_MAC` },
    ...{ parameter: length, keyType: 'GENERIC_SECRET', key, message: hiThere, mac: hex(mac) },
    judge: () => digest(key, repeat(0x5c, pad), digest(key, repeat(0x36, pad), hiThere)).subarray(0, length),
  };
}

/** No standard has an example: computed with an MD2 that is tested with the examples of RFC 1319. */
function hmacMd2(mac: string): MacVector {
  const key = repeat(0x0b, 16);
  const wanted = hex(mac);
  return {
    ...{ source: 'computed as RFC 2104 says', keyType: 'GENERIC_SECRET', key, message: hiThere, mac: wanted },
    ...(wanted.length === 16
      ? { mechanism: 'MD2_HMAC' }
      : { mechanism: 'MD2_HMAC_GENERAL', parameter: wanted.length }),
    judge: () => md2Hmac(key, hiThere).subarray(0, wanted.length),
  };
}

const RC2_MACS = cbcMac('RC2', {
  ...{ source: 'computed by node:crypto; key of RFC 2268, 5', key: RC2, message: Buffer.alloc(16) },
  ...{ block: '536efd2d89e12a73', parameter: 128 },
  general: (macLength) => ({ effectiveBits: 128, macLength }),
  encrypt: (data, iv) => encryptByLegacyNode('rc2-cbc', RC2, data, iv),
});

/** Newer versions of NSS require the parameter of another mechanism. */
const RC2_MACS_OF_NSS = RC2_MACS.filter(({ mechanism }) => mechanism === 'RC2_MAC').map((vector) => ({
  ...{ ...vector, name: 'RC2_MAC with the parameter of RC2_CBC' },
  parameter: { structure: 'CK_RC2_CBC_PARAMS', effectiveBits: 128, iv: Buffer.alloc(8) },
}));

export const LEGACY_MACS: readonly MacVector[] = [
  ...cbcMac('DES', {
    ...{ source: 'FIPS 113, 3', key: DES, message: text('7654321 Now is the time for ') },
    block: 'f1d30f6849312ca4',
    encrypt: (data, iv) => encryptByNode('des-ede3-cbc', thrice(DES), data, { iv }),
  }),
  ...cbcMac('CDMF', {
    ...{ source: 'computed; input of FIPS 113, 3', key: DES, message: text('7654321 Now is the time for ') },
    block: 'a50ae793d89edbac',
    encrypt: (data, iv) => encryptByNode('des-ede3-cbc', cdmfKey(DES), data, { iv }),
  }),
  ...cbcMac('DES3', {
    ...{ source: 'computed by node:crypto; key and text of NIST SP 800-67, B.1', key: TDEA },
    ...{ message: text('The qufck brown fox jump'), block: '70d563820afe8b35' },
    encrypt: (data, iv) => encryptByNode('des-ede3-cbc', TDEA, data, { iv }),
  }),
  ...cbcMac('CAMELLIA', {
    ...{ source: 'computed by node:crypto; key and text of RFC 3713, A', key: CAMELLIA },
    ...{ message: Buffer.concat([CAMELLIA, CAMELLIA]), block: '707e72042c113e95786fba7d975668cc' },
    encrypt: (data, iv) => encryptByNode('camellia-128-cbc', CAMELLIA, data, { iv }),
  }),
  ...cbcMac('SEED', {
    ...{ source: 'computed by node:crypto; key and text of RFC 4269, B.1', key: Buffer.alloc(16) },
    ...{ message: Buffer.concat([range(0, 15), range(0, 15)]), block: 'fcdd6f64ab112afa97dc8c5c5cbbd392' },
    encrypt: (data, iv) => encryptByLegacyNode('seed-cbc', Buffer.alloc(16), data, iv),
  }),
  ...RC2_MACS,
  ...RC2_MACS_OF_NSS,
  ssl3Mac('MD5', 16, '431c0921037c83db0c22b17fb6974f9c'),
  ssl3Mac('SHA1', 20, '6d3fc6ea3219755a202dcb9be862ce0cd69775bc'),
  hmacMd2('99d83421130b88dffd2fe4d19879fce2'),
  hmacMd2('99d83421130b88dffd2f'),
];
