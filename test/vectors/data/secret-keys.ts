/** The generation of secret keys, and a use of each key. */
import { createHmac } from 'node:crypto';
import type { MechanismName } from 'cryptoki';
import { CKA, CKK, type RawAttribute } from 'cryptoki/raw';
import { cdmfKey, thrice } from '../support/cdmf';
import { encryptByLegacyNode, encryptByNode } from '../support/judge';
import { CKK_NSS_CHACHA20, NSS } from '../support/nss';

export interface SecretKeyCase {
  readonly mechanism: MechanismName;
  readonly name?: string;
  readonly parameter?: object;
  readonly keyType: number;
  /** In bytes. */
  readonly length: number;
  /** CKA_VALUE_LEN, for mechanisms with a variable length. */
  readonly template: readonly RawAttribute[];
  /** The first bytes, if they are not random. */
  readonly start?: Buffer;
  /** A cipher or MAC for such a key, and the result of node:crypto for one block. */
  readonly use?: {
    readonly function?: 'sign';
    readonly mechanism: MechanismName;
    readonly parameter?: object;
    readonly judge: (key: Buffer, block: Buffer) => Buffer;
  };
}

const ofLength = (length: number): { length: number; template: RawAttribute[] } => ({
  ...{ length, template: [{ type: CKA.VALUE_LEN, value: length }] },
});
const fixed = (length: number) => ({ length, template: [] });

export const SECRET_KEYS: readonly SecretKeyCase[] = [
  {
    ...{ mechanism: 'AES_KEY_GEN', keyType: CKK.AES, ...ofLength(32) },
    use: { mechanism: 'AES_ECB', judge: (key, block) => encryptByNode('aes-256-ecb', key, block) },
  },
  {
    ...{ mechanism: 'DES_KEY_GEN', keyType: CKK.DES, ...fixed(8) },
    use: { mechanism: 'DES_ECB', judge: (key, block) => encryptByNode('des-ede3', thrice(key), block) },
  },
  {
    ...{ mechanism: 'CDMF_KEY_GEN', keyType: CKK.CDMF, ...fixed(8) },
    use: { mechanism: 'CDMF_ECB', judge: (key, block) => encryptByNode('des-ede3', cdmfKey(key), block) },
  },
  {
    ...{ mechanism: 'DES2_KEY_GEN', keyType: CKK.DES2, ...fixed(16) },
    use: {
      mechanism: 'DES3_ECB',
      judge: (key, block) => encryptByNode('des-ede3', Buffer.concat([key, key.subarray(0, 8)]), block),
    },
  },
  {
    ...{ mechanism: 'DES3_KEY_GEN', keyType: CKK.DES3, ...fixed(24) },
    use: { mechanism: 'DES3_ECB', judge: (key, block) => encryptByNode('des-ede3', key, block) },
  },
  {
    ...{ mechanism: 'CAMELLIA_KEY_GEN', keyType: CKK.CAMELLIA, ...ofLength(32) },
    use: {
      mechanism: 'CAMELLIA_ECB',
      judge: (key, block) => encryptByNode('camellia-256-ecb', key, block),
    },
  },
  {
    ...{ mechanism: 'SEED_KEY_GEN', keyType: CKK.SEED, ...fixed(16) },
    use: { mechanism: 'SEED_ECB', judge: (key, block) => encryptByLegacyNode('seed-ecb', key, block) },
  },
  {
    ...{ mechanism: 'RC2_KEY_GEN', keyType: CKK.RC2, ...ofLength(16) },
    use: {
      ...{ mechanism: 'RC2_CBC', parameter: { effectiveBits: 128, iv: Buffer.alloc(8) } },
      judge: (key, block) => encryptByLegacyNode('rc2-cbc', key, block, Buffer.alloc(8)),
    },
  },
  {
    ...{ mechanism: 'RC4_KEY_GEN', keyType: CKK.RC4, ...ofLength(16) },
    use: { mechanism: 'RC4', judge: (key, block) => encryptByLegacyNode('rc4', key, block) },
  },
  ...[
    {
      ...{ mechanism: 'CHACHA20_KEY_GEN' as const, keyType: CKK.CHACHA20, own: 'CHACHA20' as const },
      parameter: { blockCounter: Buffer.alloc(4), nonce: Buffer.alloc(12) },
    },
    {
      ...{ mechanism: NSS.CHACHA20_KEY_GEN, name: 'CKM_NSS_CHACHA20_KEY_GEN', keyType: CKK_NSS_CHACHA20 },
      ...{ own: NSS.CHACHA20_CTR, parameter: Buffer.alloc(16) },
    },
  ].map(
    ({ own, parameter, ...variant }): SecretKeyCase => ({
      ...{ ...variant, ...fixed(32) },
      use: {
        ...{ mechanism: own, parameter },
        judge: (key, block) => encryptByNode('chacha20', key, block, { iv: Buffer.alloc(16) }),
      },
    }),
  ),
  {
    ...{ mechanism: 'GENERIC_SECRET_KEY_GEN', keyType: CKK.GENERIC_SECRET, ...ofLength(40) },
    use: {
      ...{ function: 'sign', mechanism: 'SHA256_HMAC' },
      judge: (key, block) => createHmac('sha256', key).update(block).digest(),
    },
  },
  { mechanism: 'HKDF_KEY_GEN', keyType: CKK.HKDF, ...ofLength(40) },
  {
    ...{ mechanism: 'SSL3_PRE_MASTER_KEY_GEN', parameter: { major: 3, minor: 1 } },
    ...{ keyType: CKK.GENERIC_SECRET, ...fixed(48), start: Buffer.from([3, 1]) },
  },
];
