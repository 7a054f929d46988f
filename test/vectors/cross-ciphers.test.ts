/** Random keys and messages for each algorithm of the model: node:crypto decrypts ciphertexts of the token, and vice versa. */
import {
  constants,
  createDecipheriv,
  createHash,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  randomInt,
} from 'node:crypto';
import type { MechanismInput, MechanismName } from 'cryptoki';
import { expect, test } from 'vitest';
import { encryptByNode } from './support/judge';
import { rsaPrivateKey, rsaPublicKey, secretKey } from './support/keys';
import { onEachModule } from './support/modules';
import { randomMessages } from './support/random';

interface Symmetric {
  readonly name: 'AES-CBC' | 'AES-CTR' | 'AES-GCM';
  readonly mechanism: MechanismName;
  /** The parameters that change with each message, for the model and for node:crypto. */
  readonly options: () => {
    readonly algorithm: MechanismInput;
    readonly node: {
      readonly iv: Buffer;
      readonly padding?: boolean;
      readonly aad?: Buffer;
      readonly tagLength?: number;
    };
  };
}

const SYMMETRIC: readonly Symmetric[] = [
  {
    ...{ name: 'AES-CBC', mechanism: 'AES_CBC_PAD' },
    options: () => {
      const iv = randomBytes(16);
      return { algorithm: { name: 'AES-CBC', iv }, node: { iv, padding: true } };
    },
  },
  {
    ...{ name: 'AES-CTR', mechanism: 'AES_CTR' },
    options: () => {
      const counter = randomBytes(16);
      return { algorithm: { name: 'AES-CTR', counter, length: 128 }, node: { iv: counter } };
    },
  },
  {
    ...{ name: 'AES-GCM', mechanism: 'AES_GCM' },
    options: () => {
      const iv = randomBytes(12);
      const additionalData = randomBytes(randomInt(1, 100));
      const tagLength = randomInt(12, 17);
      return {
        algorithm: { name: 'AES-GCM', iv, additionalData, tagLength: tagLength * 8 },
        node: { iv, aad: additionalData, tagLength },
      };
    },
  },
];

/** Decrypts with node:crypto. */
function decryptByNode(
  cipher: string,
  key: Buffer,
  encrypted: Buffer,
  { iv, aad, tagLength }: ReturnType<Symmetric['options']>['node'],
): Buffer {
  const decipher = createDecipheriv(cipher as 'aes-128-gcm', key, iv, { authTagLength: tagLength ?? 16 });
  if (tagLength === undefined) return Buffer.concat([decipher.update(encrypted), decipher.final()]);
  decipher.setAuthTag(encrypted.subarray(-tagLength));
  if (aad !== undefined) decipher.setAAD(aad);
  return Buffer.concat([decipher.update(encrypted.subarray(0, -tagLength)), decipher.final()]);
}

interface Asymmetric {
  readonly name: string;
  readonly mechanism: MechanismName;
  /** Number of the 256 bytes that the padding needs. */
  readonly overhead: number;
  readonly options: { readonly padding: number; readonly oaepHash?: string };
}

const OAEP = { SHA1: 20, SHA224: 28, SHA256: 32, SHA384: 48, SHA512: 64 };
const ASYMMETRIC: readonly Asymmetric[] = [
  ...Object.entries(OAEP).map(([hash, length]) => ({
    ...{ name: `RSA-OAEP-${hash}`, mechanism: 'RSA_PKCS_OAEP' as const, overhead: 2 * length + 2 },
    options: { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash },
  })),
  {
    ...{ name: 'RSA-PKCS1', mechanism: 'RSA_PKCS', overhead: 11 },
    options: { padding: constants.RSA_PKCS1_PADDING },
  },
];

const DIGESTS = {
  'SHA-1': ['SHA_1', 'sha1', 64],
  'SHA-224': ['SHA224', 'sha224', 64],
  'SHA-256': ['SHA256', 'sha256', 64],
  'SHA-384': ['SHA384', 'sha384', 128],
  'SHA-512': ['SHA512', 'sha512', 128],
  'SHA3-224': ['SHA3_224', 'sha3-224', 144],
  'SHA3-256': ['SHA3_256', 'sha3-256', 136],
  'SHA3-384': ['SHA3_384', 'sha3-384', 104],
  'SHA3-512': ['SHA3_512', 'sha3-512', 72],
} as const;

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** Decrypts with node:crypto and removes the PKCS#1 v1.5 padding here, because some versions of it refuse to. */
function decryptRsaByNode(encrypted: Buffer, options: Asymmetric['options']): Buffer {
  if (options.padding !== constants.RSA_PKCS1_PADDING)
    return privateDecrypt({ key: privateKey, ...options }, encrypted);
  const padded = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encrypted);
  expect(padded.readUInt16BE(0)).toBe(2);
  return padded.subarray(padded.indexOf(0, 2) + 1);
}

onEachModule((target) => {
  for (const { name, mechanism, options } of SYMMETRIC) {
    for (const length of [16, 24, 32]) {
      test(`${name} with keys of ${length} bytes both ways`, async (context) => {
        await target.run(context, [mechanism], async (session) => {
          const value = randomBytes(length);
          const key = await secretKey(session, 'AES', value, ['encrypt', 'decrypt']);
          const cipher = `aes-${length * 8}-${name.slice(-3).toLowerCase()}`;
          for (const message of randomMessages(16)) {
            const { algorithm, node } = options();
            const encrypted = encryptByNode(cipher, value, message, node);
            const fromToken = await key.encrypt(algorithm, message);
            expect(fromToken.equals(encrypted)).toBe(true);
            expect(decryptByNode(cipher, value, fromToken, node).equals(message)).toBe(true);
            expect(key.encryptSync(algorithm, message).equals(encrypted)).toBe(true);
            expect((await key.decrypt(algorithm, encrypted)).equals(message)).toBe(true);
            expect(key.decryptSync(algorithm, encrypted).equals(message)).toBe(true);
          }
          await key.destroy();
        });
      });
    }
  }

  for (const { name, mechanism, overhead, options } of ASYMMETRIC) {
    test(`${name} both ways`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const [decrypter, encrypter] = [
          await rsaPrivateKey(session, privateKey, ['decrypt']),
          await rsaPublicKey(session, publicKey, ['encrypt']),
        ];
        for (const message of randomMessages(16, 256 - overhead)) {
          const fromToken = await encrypter.encrypt(name, message);
          expect(decryptRsaByNode(fromToken, options).equals(message)).toBe(true);
          const fromNode = publicEncrypt({ key: publicKey, ...options }, message);
          expect((await decrypter.decrypt(name, fromNode)).equals(message)).toBe(true);
          expect(decrypter.decryptSync(name, fromNode).equals(message)).toBe(true);
        }
        await decrypter.destroy();
        await encrypter.destroy();
      });
    });
  }

  for (const [name, [mechanism, node, block]] of Object.entries(DIGESTS)) {
    test(`${name} as node:crypto makes it`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        for (const message of randomMessages(block)) {
          const wanted = createHash(node).update(message).digest();
          expect((await session.digest(name, message)).equals(wanted)).toBe(true);
        }
      });
    });
  }
});
