import { hex, text } from '../support/bytes';
import type { CipherVector } from '../support/ciphers';
import { encryptByNode } from '../support/judge';

/** The keys of NIST SP 800-38A, F. */
export const AES_128 = hex('2b7e151628aed2a6abf7158809cf4f3c');
export const AES_192 = hex('8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b');
export const AES_256 = hex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4');
const KEYS = [AES_128, AES_192, AES_256];

/** The four blocks of plaintext of NIST SP 800-38A, F. */
export const BLOCKS = hex(`
  6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
  30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710`);
const IV = hex('000102030405060708090a0b0c0d0e0f');
const COUNTER = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');

function ecb(section: string, size: 0 | 1 | 2, encrypted: string): CipherVector {
  const key = KEYS[size] as Buffer;
  return {
    ...{ source: `NIST SP 800-38A, ${section}`, mechanism: 'AES_ECB', keyType: 'AES', key, plain: BLOCKS },
    encrypted: hex(encrypted),
    judge: () => encryptByNode(`aes-${key.length * 8}-ecb`, key, BLOCKS),
  };
}

function cbc(section: string, size: 0 | 1 | 2, encrypted: string): CipherVector {
  const key = KEYS[size] as Buffer;
  return {
    ...{ source: `NIST SP 800-38A, ${section}`, mechanism: 'AES_CBC', parameter: IV, keyType: 'AES', key },
    ...{ plain: BLOCKS, encrypted: hex(encrypted) },
    judge: () => encryptByNode(`aes-${key.length * 8}-cbc`, key, BLOCKS, { iv: IV }),
  };
}

const CBC = [
  cbc(
    'F.2.1',
    0,
    `7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2
     73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7`,
  ),
  cbc(
    'F.2.3',
    1,
    `4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a
     571b242012fb7ae07fa9baac3df102e0 08b0e27988598881d920a9e64f5615cd`,
  ),
  cbc(
    'F.2.5',
    2,
    `f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d
     39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b`,
  ),
];

/** With PKCS#7 padding, whole blocks get one more block: the vector of CBC is continued by the given block. */
function padded(vector: CipherVector, last: string): CipherVector {
  const { key, plain } = vector;
  return {
    ...vector,
    source: `${vector.source}, and a block of padding (RFC 5652, 6.3)`,
    mechanism: 'AES_CBC_PAD',
    encrypted: Buffer.concat([vector.encrypted, hex(last)]),
    judge: () => encryptByNode(`aes-${key.length * 8}-cbc`, key, plain, { iv: IV, padding: true }),
  };
}

function ctr(section: string, size: 0 | 1 | 2, encrypted: string): CipherVector {
  const key = KEYS[size] as Buffer;
  return {
    ...{ source: `NIST SP 800-38A, ${section}`, mechanism: 'AES_CTR', keyType: 'AES', key },
    parameter: { counterBits: 128, cb: COUNTER },
    ...{ plain: BLOCKS, encrypted: hex(encrypted) },
    judge: () => encryptByNode(`aes-${key.length * 8}-ctr`, key, BLOCKS, { iv: COUNTER }),
  };
}

/** CBC with the last two blocks in the order of CS1 (NIST SP 800-38A, addendum): RFC 3962 prints them in that of CS3. */
function cts(length: number, encrypted: string): CipherVector {
  const key = text('chicken teriyaki');
  const plain = text("I would like the General Gau's Chicken, please, and wonton soup.").subarray(0, length);
  const iv = Buffer.alloc(16);
  const stolen = Math.ceil(length / 16) * 16 - length;
  const before = length + stolen - 32;
  const judge = (): Buffer => {
    const whole = encryptByNode('aes-128-cbc', key, Buffer.concat([plain, Buffer.alloc(stolen)]), { iv });
    return Buffer.concat([whole.subarray(0, before + 16 - stolen), whole.subarray(-16)]);
  };
  const printed = hex(encrypted);
  const swapped = [printed.subarray(before + 16), printed.subarray(before, before + 16)];
  return {
    ...{
      source: `RFC 3962, B, ${length} bytes`,
      mechanism: 'AES_CTS',
      keyType: 'AES',
      key,
      parameter: iv,
      plain,
    },
    encrypted: Buffer.concat([printed.subarray(0, before), ...swapped]),
    judge,
  };
}

export const AES: readonly CipherVector[] = [
  ecb(
    'F.1.1',
    0,
    `3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf
     43b1cd7f598ece23881b00e3ed030688 7b0c785e27e8ad3f8223207104725dd4`,
  ),
  ecb(
    'F.1.3',
    1,
    `bd334f1d6e45f25ff712a214571fa5cc 974104846d0ad3ad7734ecb3ecee4eef
     ef7afd2270e2e60adce0ba2face6444e 9a4b41ba738d6c72fb16691603c18e0e`,
  ),
  ecb(
    'F.1.5',
    2,
    `f3eed1bdb5d2a03c064b5a7e3db181f8 591ccb10d410ed26dc5ba74a31362870
     b6ed21b99ca6f4f9f153e7b1beafed1d 23304b7a39f9f3ff067d8d8f9e24ecc7`,
  ),
  ...CBC,
  padded(CBC[0] as CipherVector, '8cb82807230e1321d3fae00d18cc2012'),
  padded(CBC[1] as CipherVector, '612ccd79224b350935d45dd6a98f8176'),
  padded(CBC[2] as CipherVector, '3f461796d6b0d6b2e0c2a72b4d80e644'),
  ctr(
    'F.5.1',
    0,
    `874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff
     5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee`,
  ),
  ctr(
    'F.5.3',
    1,
    `1abc932417521ca24f2b0459fe7e6e0b 090339ec0aa6faefd5ccc2c6f4ce8e94
     1e36b26bd1ebc670d1bd1d665620abf7 4f78a7f6d29809585a97daec58c6b050`,
  ),
  ctr(
    'F.5.5',
    2,
    `601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5
     2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6`,
  ),
  cts(17, 'c6353568f2bf8cb4d8a580362da7ff7f 97'),
  cts(31, 'fc00783e0efdb2c1d445d4c8eff7ed22 97687268d6ecccc0c07b25e25ecfe5'),
  cts(47, '97687268d6ecccc0c07b25e25ecfe584 b3fffd940c16a18c1b5549d2f838029e 39312523a78662d5be7fcbcc98ebf5'),
];
