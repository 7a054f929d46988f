/**
 * Password-based encryption of PKCS#12 and PKCS#5. RFC 7292 has no examples. Those of Dr Stephen Henson, with which
 * implementations have been tested since its first version, are for SHA-1.
 */
import type { MechanismName } from 'cryptoki';
import { hex, text } from '../support/bytes';
import type { SecretKeyType } from '../support/keys';
import { NSS, type NssMechanism } from '../support/nss';
import { type Hash, type Password, PURPOSE, pbkdf1, pkcs12 } from '../support/pkcs12';

export interface PbeVector {
  readonly source: string;
  readonly mechanism: MechanismName;
  /** Name of a vendor mechanism, which PKCS#11 numbers only. */
  readonly name?: string;
  readonly keyType: SecretKeyType;
  readonly input: Password;
  readonly key: Buffer;
  /** undefined for mechanisms without an IV. */
  readonly iv?: Buffer;
  /** Key and IV, computed here. */
  readonly judge: () => Buffer;
}

const bmp = (value: string): Buffer => Buffer.from(`${value}\0`, 'utf16le').swap16();
const smeg = { password: bmp('smeg'), salt: hex('0a58cf64530d823f'), iterations: 1 };
const queeg = { password: bmp('queeg'), salt: hex('05dec959acff72f7'), iterations: 1000 };
const smegMac = { password: bmp('smeg'), salt: hex('3d83c0e4546ac140'), iterations: 1 };

interface Pkcs12Cipher {
  readonly mechanism: MechanismName;
  readonly keyType: SecretKeyType;
  readonly length: number;
  readonly withIv?: boolean;
}

const EXAMPLES = [
  { input: smeg, key: hex('8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3'), iv: hex('79993dfe048d3b76') },
  { input: queeg, key: hex('ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4'), iv: hex('11dedad7758d4860') },
];

/** A shorter key is the start of a longer one. */
function cipher({ mechanism, keyType, length, withIv = true }: Pkcs12Cipher): PbeVector[] {
  return EXAMPLES.map(({ input, key, iv }) => ({
    ...{ source: `example of PKCS#12, ${input.iterations} rounds`, mechanism, keyType, input },
    ...{ key: key.subarray(0, length), ...(withIv ? { iv } : {}) },
    judge: () =>
      Buffer.concat([
        pkcs12('sha1', PURPOSE.key, input, length),
        ...(withIv ? [pkcs12('sha1', PURPOSE.iv, input, 8)] : []),
      ]),
  }));
}

/** The result by PBKDF1: the first half of 16 bytes is the key, the second the IV. */
function desOf(hash: Hash, mechanism: MechanismName, made: string, name?: string): PbeVector {
  const input = { password: text('password'), salt: hex('78578e5a5d63cb06'), iterations: 1000 };
  return {
    ...{ source: 'computed as RFC 8018, 6.1 says', mechanism, keyType: 'DES', input },
    ...(name === undefined ? {} : { name }),
    ...{ key: hex(made).subarray(0, 8), iv: hex(made).subarray(8), judge: () => pbkdf1(hash, input, 16) },
  };
}

/** NSS supports the MAC key of PKCS#12 for more hash functions than PKCS#11. */
function macKey(hash: Hash, own: NssMechanism, made: string): PbeVector {
  const key = hex(made);
  return {
    ...{ source: 'computed as RFC 7292, B says', mechanism: NSS[own], name: `CKM_NSS_${own}` },
    ...{ keyType: 'GENERIC_SECRET', input: smegMac, key },
    judge: () => pkcs12(hash, PURPOSE.mac, smegMac, key.length),
  };
}

const SHA1_MAC = '8d967d88f6caa9d714800ab3d48051d63f73a312';

export const PBE: readonly PbeVector[] = [
  ...cipher({ mechanism: 'PBE_SHA1_DES3_EDE_CBC', keyType: 'DES3', length: 24 }),
  ...cipher({ mechanism: 'PBE_SHA1_DES2_EDE_CBC', keyType: 'DES2', length: 16 }),
  ...cipher({ mechanism: 'PBE_SHA1_RC2_128_CBC', keyType: 'RC2', length: 16 }),
  ...cipher({ mechanism: 'PBE_SHA1_RC2_40_CBC', keyType: 'RC2', length: 5 }),
  ...cipher({ mechanism: 'PBE_SHA1_RC4_128', keyType: 'RC4', length: 16, withIv: false }),
  ...cipher({ mechanism: 'PBE_SHA1_RC4_40', keyType: 'RC4', length: 5, withIv: false }),
  {
    ...{ source: 'example of PKCS#12', mechanism: 'PBA_SHA1_WITH_SHA1_HMAC', keyType: 'GENERIC_SECRET' },
    ...{ input: smegMac, key: hex(SHA1_MAC), judge: () => pkcs12('sha1', PURPOSE.mac, smegMac, 20) },
  },
  desOf('md2', 'PBE_MD2_DES_CBC', '3693dd4dc59db109ceea609f0fd2acad'),
  desOf('md5', 'PBE_MD5_DES_CBC', 'c11246e6b87e77a09ab0643de76e1ea7'),
  desOf('sha1', NSS.PBE_SHA1_DES_CBC, 'dc19847e05c64d2faf10ebfb4a3d2a20', 'CKM_NSS_PBE_SHA1_DES_CBC'),
  macKey('sha1', 'PBE_SHA1_HMAC_KEY_GEN', SHA1_MAC),
  macKey('md5', 'PBE_MD5_HMAC_KEY_GEN', '6580893f5f408bd8ab7cc51d7fa13bef'),
  macKey('md2', 'PBE_MD2_HMAC_KEY_GEN', '4ff1c49b83a131352499dba8aab939fb'),
  macKey(
    'sha224',
    'PKCS12_PBE_SHA224_HMAC_KEY_GEN',
    'bdd578110c301729cbb8ee439636bc119d2f20b74972db3411727e5d',
  ),
  macKey(
    'sha256',
    'PKCS12_PBE_SHA256_HMAC_KEY_GEN',
    '8f6f13d2cb72394a920abe6d278f0085a76ad8456835e7dcc297807220c7bf7c',
  ),
  macKey(
    'sha384',
    'PKCS12_PBE_SHA384_HMAC_KEY_GEN',
    `
    fdf584b2122da44fe89c7dc8955a774ae72582ae827f506eaaddea6c5c6974fe
    fdb8490415e246604bab07cf63d1baf5`,
  ),
  macKey(
    'sha512',
    'PKCS12_PBE_SHA512_HMAC_KEY_GEN',
    `
    8a91d46e98ad574c8266465034af84d5f8456f2eb606afe550d4b3a332700f16
    a18b240f790c68d2a1361dcab4401a039194501a50479f3c4b20d17e2a1f7aed`,
  ),
];
