import { createHash, hkdfSync } from 'node:crypto';
import type { MechanismName } from 'cryptoki';
import type { RawMechanism } from 'cryptoki/raw';
import { CKM } from 'cryptoki/raw';
import { hex, range, repeat, text } from '../support/bytes';
import { encryptByLegacyNode, encryptByNode } from '../support/judge';
import type { SecretKeyType } from '../support/keys';
import { md2 } from '../support/md2';
import { AES_128, BLOCKS } from './aes';

export interface DeriveVector {
  readonly source: string;
  readonly mechanism: MechanismName;
  /** Name of a vendor mechanism, which PKCS#11 numbers only. */
  readonly name?: string;
  /** `second` is the handle of the second key, if there is one. */
  readonly parameter: (second: bigint) => RawMechanism['parameter'];
  readonly keyType: SecretKeyType;
  /** The base key. */
  readonly base: Buffer;
  /** A second key, for mechanisms that combine two keys. */
  readonly second?: Buffer;
  readonly derived: Buffer;
  /** The result is an object of class CKO_DATA. */
  readonly asData?: boolean;
  /** The result by node:crypto. */
  readonly judge: () => Buffer;
}

interface HkdfCase {
  readonly number: number;
  readonly hash: 'SHA_1' | 'SHA256';
  readonly ikm: Buffer;
  readonly salt?: Buffer;
  readonly info?: Buffer;
  readonly okm: string;
}

function hkdf({ number, hash, ikm, salt, info, okm }: HkdfCase): DeriveVector {
  const none = Buffer.alloc(0);
  const derived = hex(okm);
  const node = hash === 'SHA_1' ? 'sha1' : 'sha256';
  return {
    ...{ source: `RFC 5869, A.${number}`, mechanism: 'HKDF_DERIVE', keyType: 'GENERIC_SECRET', base: ikm },
    parameter: () => ({
      ...{ extract: true, expand: true, prfHashMechanism: CKM[hash] },
      ...{ saltType: salt === undefined ? SALT_NULL : SALT_DATA, salt, saltKey: 0n, info },
    }),
    derived,
    judge: () => Buffer.from(hkdfSync(node, ikm, salt ?? none, info ?? none, derived.length)),
  };
}

/** CKF_HKDF_SALT_NULL and CKF_HKDF_SALT_DATA. */
const [SALT_NULL, SALT_DATA] = [1, 2];
const common = { salt: range(0, 12), info: range(0xf0, 0xf9) };

const HKDF: readonly DeriveVector[] = [
  hkdf({
    ...{ number: 1, hash: 'SHA256', ikm: repeat(0x0b, 22), ...common },
    okm: '3cb25f25faacd57a90434f64d0362f2a 2d2d0a90cf1a5a4c5db02d56ecc4c5bf 34007208d5b887185865',
  }),
  hkdf({
    ...{ number: 2, hash: 'SHA256', ikm: range(0, 0x4f), salt: range(0x60, 0xaf), info: range(0xb0, 0xff) },
    okm: `b11e398dc80327a1c8e7f78c596a4934 4f012eda2d4efad8a050cc4c19afa97c
          59045a99cac7827271cb41c65e590e09 da3275600c2f09b8367793a9aca3db71
          cc30c58179ec3e87c14c01d5c1f3434f 1d87`,
  }),
  hkdf({
    ...{ number: 3, hash: 'SHA256', ikm: repeat(0x0b, 22) },
    okm: '8da4e775a563c18f715f802a063c5a31 b8a11f5c5ee1879ec3454e5f3c738d2d 9d201395faa4b61a96c8',
  }),
  hkdf({
    ...{ number: 4, hash: 'SHA_1', ikm: repeat(0x0b, 11), ...common },
    okm: '085a01ea1b10f36933068b56efa5ad81 a4f14b822f5b091568a9cdd4f155fda2 c22e422478d305f3f896',
  }),
  hkdf({
    ...{ number: 7, hash: 'SHA_1', ikm: repeat(0x0c, 22) },
    okm: '2c91117204d745f3500d636a62f64f0a b3bae548aa53d423b0d1f27ebba6f5e5 673a081d70cce7acfc48',
  }),
];

const TDEA = hex('0123456789abcdef 23456789abcdef01 456789abcdef0123');
const IV = range(0, 15);

/** Encryption as derivation: the vectors are those of the cipher. */
function ecb(
  cipher: 'AES' | 'DES' | 'DES3' | 'CAMELLIA' | 'SEED',
  source: string,
  base: Buffer,
  data: Buffer,
  derived: string,
  judge: () => Buffer,
): DeriveVector {
  return {
    ...{
      source,
      mechanism: `${cipher}_ECB_ENCRYPT_DATA`,
      keyType: cipher,
      base,
      derived: hex(derived),
      judge,
    },
    parameter: () => ({ data }),
  };
}

const fox = text('The qufc');
const DES = hex('0123456789abcdef');
const DES_IV = hex('1234567890abcdef');
const time = text('Now is t');
const digits = hex('0123456789abcdeffedcba9876543210');

const ENCRYPTIONS: readonly DeriveVector[] = [
  ecb(
    'AES',
    'NIST SP 800-38A, F.1.1, two blocks',
    AES_128,
    BLOCKS.subarray(0, 32),
    '3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf',
    () => encryptByNode('aes-128-ecb', AES_128, BLOCKS.subarray(0, 32)),
  ),
  ecb('DES3', 'NIST SP 800-67, B.1, one block', TDEA, fox, 'a826fd8ce53b855f', () =>
    encryptByNode('des-ede3', TDEA, fox),
  ),
  ecb('CAMELLIA', 'RFC 3713, A', digits, digits, '67673138549669730857065648eabe43', () =>
    encryptByNode('camellia-128-ecb', digits, digits),
  ),
  ecb('SEED', 'RFC 4269, B.1', repeat(0, 16), range(0, 15), '5ebac6e0054e166819aff1cc6d346cdb', () =>
    encryptByLegacyNode('seed-ecb', repeat(0, 16), range(0, 15)),
  ),
  {
    ...{ source: 'NIST SP 800-38A, F.2.1, two blocks', mechanism: 'AES_CBC_ENCRYPT_DATA', keyType: 'AES' },
    parameter: () => ({ iv: IV, data: BLOCKS.subarray(0, 32) }),
    base: AES_128,
    derived: hex('7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2'),
    judge: () => encryptByNode('aes-128-cbc', AES_128, BLOCKS.subarray(0, 32), { iv: IV }),
  },
  ecb('DES', 'FIPS 81, B, one block', DES, time, '3fa40e8a984d4815', () =>
    encryptByNode('des-ede3', Buffer.concat([DES, DES, DES]), time),
  ),
  {
    ...{ source: 'FIPS 81, C, one block', mechanism: 'DES_CBC_ENCRYPT_DATA', keyType: 'DES', base: DES },
    parameter: () => ({ iv: DES_IV, data: time }),
    derived: hex('e5c7cdde872bf27c'),
    judge: () => encryptByNode('des-ede3-cbc', Buffer.concat([DES, DES, DES]), time, { iv: DES_IV }),
  },
  {
    ...{ source: 'RFC 3713, A, with an IV of zeros', mechanism: 'CAMELLIA_CBC_ENCRYPT_DATA' },
    ...{ keyType: 'CAMELLIA', base: digits, parameter: () => ({ iv: repeat(0, 16), data: digits }) },
    derived: hex('67673138549669730857065648eabe43'),
    judge: () => encryptByNode('camellia-128-cbc', digits, digits, { iv: repeat(0, 16) }),
  },
  {
    ...{ source: 'RFC 4269, B.1, with an IV of zeros', mechanism: 'SEED_CBC_ENCRYPT_DATA', keyType: 'SEED' },
    ...{ base: repeat(0, 16), parameter: () => ({ iv: repeat(0, 16), data: range(0, 15) }) },
    derived: hex('5ebac6e0054e166819aff1cc6d346cdb'),
    judge: () => encryptByLegacyNode('seed-cbc', repeat(0, 16), range(0, 15), repeat(0, 16)),
  },
  {
    ...{ source: 'NIST SP 800-67, B.1, one block', mechanism: 'DES3_CBC_ENCRYPT_DATA', keyType: 'DES3' },
    parameter: () => ({ iv: Buffer.alloc(8), data: text('The qufc') }),
    base: TDEA,
    derived: hex('a826fd8ce53b855f'),
    judge: () => encryptByNode('des-ede3', TDEA, text('The qufc')),
  },
];

function digest(
  mechanism: 'SHA1' | 'SHA224' | 'SHA256' | 'SHA384' | 'SHA512' | 'MD5',
  value: string,
): DeriveVector {
  return {
    ...{ source: 'FIPS 180-4 example (RFC 1321 for MD5), "abc"', mechanism: `${mechanism}_KEY_DERIVATION` },
    ...{ parameter: () => undefined, keyType: 'GENERIC_SECRET', base: text('abc'), derived: hex(value) },
    judge: () => createHash(mechanism).update('abc').digest(),
  };
}

/** The examples of PKCS#11 join the same two values in three ways. */
function joined(
  mechanism: 'CONCATENATE_BASE_AND_DATA' | 'CONCATENATE_DATA_AND_BASE' | 'XOR_BASE_AND_DATA',
  derived: string,
): DeriveVector {
  const [base, data] = [hex('01234567'), hex('89abcdef')];
  const judges = {
    CONCATENATE_BASE_AND_DATA: () => Buffer.concat([base, data]),
    CONCATENATE_DATA_AND_BASE: () => Buffer.concat([data, base]),
    XOR_BASE_AND_DATA: () => Buffer.from(base.map((byte, i) => byte ^ (data[i] ?? 0))),
  };
  return {
    ...{ source: 'example of PKCS#11', mechanism, keyType: 'GENERIC_SECRET', base },
    ...{ parameter: () => ({ data }), derived: hex(derived), judge: judges[mechanism] },
  };
}

/** Digests of keys, and parts of them. */
const PIECES: readonly DeriveVector[] = [
  {
    ...{ source: 'RFC 1319, A.5, "abc"', mechanism: 'MD2_KEY_DERIVATION', keyType: 'GENERIC_SECRET' },
    ...{ parameter: () => undefined, base: text('abc'), derived: hex('da853b0d3f88d99b30283a69e6ded6bb') },
    judge: () => md2(text('abc')),
  },
  digest('MD5', '900150983cd24fb0d6963f7d28e17f72'),
  digest('SHA1', 'a9993e364706816aba3e25717850c26c9cd0d89d'),
  digest('SHA224', '23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7'),
  digest('SHA256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'),
  digest(
    'SHA384',
    `cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed
     8086072ba1e7cc2358baeca134c825a7`,
  ),
  digest(
    'SHA512',
    `ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
     2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f`,
  ),
  {
    ...{ source: 'example of PKCS#11', mechanism: 'CONCATENATE_BASE_AND_KEY', keyType: 'GENERIC_SECRET' },
    ...{ parameter: (second) => second, base: hex('01234567'), second: hex('89abcdef') },
    derived: hex('0123456789abcdef'),
    judge: () => Buffer.concat([hex('01234567'), hex('89abcdef')]),
  },
  joined('CONCATENATE_BASE_AND_DATA', '0123456789abcdef'),
  joined('CONCATENATE_DATA_AND_BASE', '89abcdef01234567'),
  joined('XOR_BASE_AND_DATA', '88888888'),
  {
    ...{ source: "the key of PKCS#11's example, from its second byte", mechanism: 'EXTRACT_KEY_FROM_KEY' },
    ...{ keyType: 'GENERIC_SECRET', parameter: () => 8, base: hex('329f84a9'), derived: hex('9f84') },
    judge: () => hex('329f84a9').subarray(1, 3),
  },
  {
    // The example of PKCS#11: the bits from the 21st on, continued at the first bit.
    ...{ source: 'example of PKCS#11', mechanism: 'EXTRACT_KEY_FROM_KEY', keyType: 'GENERIC_SECRET' },
    ...{ parameter: () => 21, base: hex('329f84a9'), derived: hex('9526') },
    judge: () => {
      const bits = 0x329f84a9n;
      const round = ((bits << 21n) | (bits >> 11n)) & 0xffffffffn;
      return hex(round.toString(16).padStart(8, '0')).subarray(0, 2);
    },
  },
];

export const DERIVATIONS: readonly DeriveVector[] = [
  ...HKDF,
  ...HKDF.map((vector) => ({ ...vector, mechanism: 'HKDF_DATA' as const, asData: true })),
  ...ENCRYPTIONS,
  ...PIECES,
];
