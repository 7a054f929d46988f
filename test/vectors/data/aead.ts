import type { Mechanism } from 'cryptoki';
import { hex, range, text } from '../support/bytes';
import type { CipherVector } from '../support/ciphers';
import { encryptByNode } from '../support/judge';

interface Numbers {
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly aad?: Buffer;
  readonly plain: Buffer;
  /** The ciphertext and the tag. */
  readonly encrypted: Buffer;
  /** In bytes. */
  readonly tagLength?: number;
}

function aead(
  source: string,
  mechanism: 'AES_GCM' | 'AES_CCM' | 'CHACHA20_POLY1305',
  { key, iv, aad, plain, encrypted, tagLength = 16 }: Numbers,
): CipherVector {
  const parameters: Record<typeof mechanism, Mechanism['parameter']> = {
    AES_GCM: { iv, aad, tagBits: tagLength * 8 },
    AES_CCM: { dataLen: plain.length, nonce: iv, aad, macLen: tagLength },
    CHACHA20_POLY1305: { nonce: iv, aad },
  };
  const aes = mechanism.slice(-3).toLowerCase();
  const isAes = mechanism.startsWith('AES');
  const node = isAes ? `aes-${key.length * 8}-${aes}` : 'chacha20-poly1305';
  return {
    ...{ source, mechanism, parameter: parameters[mechanism], keyType: isAes ? 'AES' : 'CHACHA20', key },
    ...{ plain, encrypted },
    judge: () => encryptByNode(node, key, plain, { iv, tagLength, ...(aad === undefined ? {} : { aad }) }),
  };
}

const gcm = (number: number, numbers: Numbers): CipherVector =>
  aead(`McGrew and Viega, GCM (NIST SP 800-38D's submission), test case ${number}`, 'AES_GCM', numbers);
const ccm = (number: number, numbers: Numbers): CipherVector =>
  aead(`NIST SP 800-38C, C.${number}`, 'AES_CCM', numbers);

const zeros = (length: number): Buffer => Buffer.alloc(length);
const half = hex('feffe9928665731c6d6a8f9467308308');
const plain = hex(`
  d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
  1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b391aafd255`);
const shorter = plain.subarray(0, 60);
const iv = hex('cafebabefacedbaddecaf888');
const aad = hex('feedfacedeadbeeffeedfacedeadbeefabaddad2');

export const AEAD: readonly CipherVector[] = [
  gcm(1, {
    key: zeros(16),
    iv: zeros(12),
    plain: zeros(0),
    encrypted: hex('58e2fccefa7e3061367f1d57a4e7455a'),
  }),
  gcm(2, {
    ...{ key: zeros(16), iv: zeros(12), plain: zeros(16) },
    encrypted: hex('0388dace60b6a392f328c2b971b2fe78 ab6e47d42cec13bdf53a67b21257bddf'),
  }),
  gcm(3, {
    ...{ key: half, iv, plain },
    encrypted: hex(`
      42831ec2217774244b7221b784d0d49c e3aa212f2c02a4e035c17e2329aca12e
      21d514b25466931c7d8f6a5aac84aa05 1ba30b396a0aac973d58e091473f5985
      4d5c2af327cd64a62cf35abd2ba6fab4`),
  }),
  gcm(4, {
    ...{ key: half, iv, aad, plain: shorter },
    encrypted: hex(`
      42831ec2217774244b7221b784d0d49c e3aa212f2c02a4e035c17e2329aca12e
      21d514b25466931c7d8f6a5aac84aa05 1ba30b396a0aac973d58e091
      5bc94fbc3221a5db94fae95ae7121a47`),
  }),
  gcm(5, {
    ...{ key: half, iv: hex('cafebabefacedbad'), aad, plain: shorter },
    encrypted: hex(`
      61353b4c2806934a777ff51fa22a4755 699b2a714fcdc6f83766e5f97b6c7423
      73806900e49f24b22b097544d4896b42 4989b5e1ebac0f07c23f4598
      3612d2e79e3b0785561be14aaca2fccb`),
  }),
  gcm(10, {
    ...{ key: hex('feffe9928665731c6d6a8f9467308308feffe9928665731c'), iv, aad, plain: shorter },
    encrypted: hex(`
      3980ca0b3c00e841eb06fac4872a2757 859e1ceaa6efd984628593b40ca1e19c
      7d773d00c144c525ac619d18c84a3f47 18e2448b2fe324d9ccda2710
      2519498e80f1478f37ba55bd6d27618c`),
  }),
  gcm(13, {
    key: zeros(32),
    iv: zeros(12),
    plain: zeros(0),
    encrypted: hex('530f8afbc74536b9a963b4f1c4cb738b'),
  }),
  gcm(14, {
    ...{ key: zeros(32), iv: zeros(12), plain: zeros(16) },
    encrypted: hex('cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919'),
  }),
  gcm(16, {
    ...{ key: Buffer.concat([half, half]), iv, aad, plain: shorter },
    encrypted: hex(`
      522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
      8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662
      76fc6ece0f4e1768cddf8853bb2d551b`),
  }),
  ccm(1, {
    ...{ key: range(0x40, 0x4f), iv: range(0x10, 0x16), aad: range(0, 7), plain: range(0x20, 0x23) },
    ...{ tagLength: 4, encrypted: hex('7162015b 4dac255d') },
  }),
  ccm(2, {
    ...{ key: range(0x40, 0x4f), iv: range(0x10, 0x17), aad: range(0, 15), plain: range(0x20, 0x2f) },
    ...{ tagLength: 6, encrypted: hex('d2a1f0e051ea5f62081a7792073d593d 1fc64fbfaccd') },
  }),
  ccm(3, {
    ...{ key: range(0x40, 0x4f), iv: range(0x10, 0x1b), aad: range(0, 0x13), plain: range(0x20, 0x37) },
    ...{ tagLength: 8, encrypted: hex('e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5 484392fbc1b09951') },
  }),
  aead('RFC 8439, 2.8.2', 'CHACHA20_POLY1305', {
    ...{ key: range(0x80, 0x9f), iv: hex('070000004041424344454647'), aad: hex('50515253c0c1c2c3c4c5c6c7') },
    plain: text(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    ),
    encrypted: hex(`
      d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6
      3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36
      92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
      3ff4def08e4b7a9de576d26586cec64b 6116
      1ae10b594f09e26a7e902ecbd0600691`),
  }),
];
