import { constants, createCipheriv, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import type { MechanismInput } from 'cryptoki';

const IV = Buffer.from('000102030405060708090a0b', 'hex');
const BLOCK = Buffer.from('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'hex');
const COUNTER = Buffer.from('f0f1f2f3f4f5f6f70000000000000000', 'hex');
const AAD = Buffer.from('additional');

/** An encryption algorithm with an AES key, for the model and for node:crypto. */
export interface CipherCase {
  readonly title: string;
  readonly mechanism: string;
  readonly algorithm: MechanismInput;
  encrypt(value: Buffer, data: Buffer): Buffer;
}

function gcm(title: string, tagLength: number, additionalData: Buffer | undefined): CipherCase {
  return {
    title,
    mechanism: 'AES_GCM',
    algorithm: { name: 'AES-GCM', iv: IV, additionalData, tagLength },
    encrypt: (value, data) => {
      const name = `aes-${value.length * 8}-gcm` as 'aes-256-gcm';
      const cipher = createCipheriv(name, value, IV, { authTagLength: tagLength / 8 });
      if (additionalData !== undefined) cipher.setAAD(additionalData);
      return Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]);
    },
  };
}

function plain(
  title: string,
  mechanism: string,
  mode: string,
  iv: Buffer | null,
  algorithm: MechanismInput,
): CipherCase {
  return {
    ...{ title, mechanism, algorithm },
    encrypt: (value, data) => {
      const cipher = createCipheriv(`aes-${value.length * 8}-${mode}`, value, iv);
      if (mechanism === 'AES_ECB' || mechanism === 'AES_CBC') cipher.setAutoPadding(false);
      return Buffer.concat([cipher.update(data), cipher.final()]);
    },
  };
}

export const CIPHERS: readonly CipherCase[] = [
  gcm('AES-GCM', 128, undefined),
  gcm('AES-GCM with additional data', 128, AAD),
  gcm('AES-GCM with a tag of 96 bits', 96, AAD),
  plain('AES-CBC', 'AES_CBC_PAD', 'cbc', BLOCK, { name: 'AES-CBC', iv: BLOCK }),
  plain('AES-CTR', 'AES_CTR', 'ctr', COUNTER, { name: 'AES-CTR', counter: COUNTER }),
];

export const CHACHA: CipherCase = {
  title: 'ChaCha20-Poly1305',
  mechanism: 'CHACHA20_POLY1305',
  algorithm: {
    mechanism: 'CHACHA20_POLY1305',
    parameter: { structure: 'CK_SALSA20_CHACHA20_POLY1305_PARAMS', nonce: IV, aad: AAD },
  },
  encrypt: (value, data) => {
    const cipher = createCipheriv('chacha20-poly1305', value, IV, { authTagLength: 16 });
    cipher.setAAD(AAD, { plaintextLength: data.length });
    return Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]);
  },
};

/** Mechanisms without padding, which accept whole blocks only. */
export const BLOCK_CIPHERS: readonly CipherCase[] = [
  plain('AES_ECB', 'AES_ECB', 'ecb', null, { mechanism: 'AES_ECB' }),
  plain('AES_CBC', 'AES_CBC', 'cbc', BLOCK, { mechanism: 'AES_CBC', parameter: BLOCK }),
];

export const SIZES = [0, 1, 15, 16, 17, 100_000];
export { BLOCK, IV };

/** An algorithm with an RSA key of 2048 bits. */
export interface RsaCase {
  readonly title: string;
  readonly mechanism: string;
  readonly algorithm: MechanismInput;
  /** Largest message in bytes. */
  readonly longest: number;
  encrypt(key: KeyObject, data: Buffer): Buffer;
  decrypt(key: KeyObject, data: Buffer): Buffer;
}

function rsa(
  title: string,
  mechanism: string,
  algorithm: MechanismInput,
  longest: number,
  node: object,
): RsaCase {
  return {
    ...{ title, mechanism, algorithm, longest },
    encrypt: (key, data) => publicEncrypt({ key, ...node }, data),
    decrypt: (key, data) => privateDecrypt({ key, ...node }, data),
  };
}

const LABEL = Buffer.from('label');
const padding = constants.RSA_PKCS1_OAEP_PADDING;

export const RSA_CIPHERS: readonly RsaCase[] = [
  rsa('RSA-PKCS1', 'RSA_PKCS', 'RSA-PKCS1', 245, { padding: constants.RSA_PKCS1_PADDING }),
  ...Object.entries({ SHA1: 20, SHA256: 32, SHA384: 48, SHA512: 64 }).map(([hash, length]) =>
    rsa(`RSA-OAEP-${hash}`, 'RSA_PKCS_OAEP', `RSA-OAEP-${hash}`, 254 - 2 * length, {
      padding,
      oaepHash: hash,
    }),
  ),
  rsa('RSA-OAEP-SHA1 with a label', 'RSA_PKCS_OAEP', { name: 'RSA-OAEP-SHA1', label: LABEL }, 214, {
    padding,
    oaepHash: 'sha1',
    oaepLabel: LABEL,
  }),
];
