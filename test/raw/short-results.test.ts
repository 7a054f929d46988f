/** Each result has an ArrayBuffer of its own, so that a caller can transfer it without an effect on other results. */
import { createHash } from 'node:crypto';
import type { PrivateKey, PublicKey, SecretKey } from 'cryptoki';
import { CKM, type RawModule } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Opened, openToken } from '../support/open';

let opened: Opened;
let raw: RawModule;
let session: bigint;
let ec: { privateKey: PrivateKey; publicKey: PublicKey };
let rsa: { privateKey: PrivateKey; publicKey: PublicKey };
let aes: SecretKey;
beforeAll(async () => {
  opened = await openToken('core results');
  raw = opened.module.raw;
  session = opened.session.handle;
  ec = await opened.session.generateKeyPair('EC', { curve: 'P-256' });
  rsa = await opened.session.generateKeyPair('RSA', { modulusBits: 2048 });
  aes = await opened.session.generateKey('AES', { valueLen: 32 });
});
afterAll(() => opened.close());

const message = Buffer.from('message');
const gcm = () => ({ name: 'AES-GCM', iv: Buffer.alloc(12, 3) }) as const;

const RESULTS: [string, () => Promise<Uint8Array> | Uint8Array][] = [
  ['a digest', () => opened.session.digest('SHA-256', message)],
  ['a digest made synchronously', () => opened.session.digestSync('SHA-256', message)],
  ['a digest of 512 bits made synchronously', () => opened.session.digestSync('SHA-512', message)],
  ['a signature', () => ec.privateKey.sign('ECDSA-SHA256', message)],
  ['a signature made synchronously', () => ec.privateKey.signSync('ECDSA-SHA256', message)],
  ['an RSA signature', () => rsa.privateKey.sign('RSA-PKCS1-SHA256', message)],
  ['an RSA signature made synchronously', () => rsa.privateKey.signSync('RSA-PKCS1-SHA256', message)],
  ['a ciphertext', () => aes.encrypt(gcm(), message)],
  ['a ciphertext made synchronously', () => aes.encryptSync(gcm(), message)],
  ['a long ciphertext made synchronously', () => aes.encryptSync(gcm(), Buffer.alloc(4096))],
  ['a plaintext', async () => aes.decrypt(gcm(), await aes.encrypt(gcm(), message))],
  ['random bytes', () => opened.session.random(20)],
  ['random bytes made synchronously', () => opened.session.randomSync(20)],
  ['many random bytes made synchronously', () => opened.session.randomSync(2000)],
  ['a raw digest', () => raw.digest(session, { mechanism: CKM.SHA256 }, message)],
  ['an attribute', async () => (await rsa.publicKey.attributes('modulus')).modulus as Buffer],
  [
    'a signature of a batch',
    async () => (await ec.privateKey.signMany('ECDSA-SHA256', [message, message])).at(1),
  ],
  ['a digest of a batch', async () => (await opened.session.digestMany('SHA-256', [message, message])).at(0)],
];

describe.each(RESULTS)('%s', (_name, make) => {
  test('has an ArrayBuffer of its own', async () => {
    const result = await make();
    expect([result.byteOffset, result.buffer.byteLength]).toEqual([0, result.byteLength]);
    expect(result.buffer).toBeInstanceOf(ArrayBuffer);
  });

  test('can be transferred, and neither earlier nor later results change', async () => {
    const earlier = await make();
    const kept = Buffer.from(earlier);
    const sent = await make();
    structuredClone(sent, { transfer: [sent.buffer as ArrayBuffer] });
    expect(sent.byteLength).toBe(0);
    for (let i = 0; i < 200; i++) await make();
    expect(Buffer.from(earlier)).toEqual(kept);
    expect((await make()).byteLength).toBe(kept.byteLength);
  });
});

test('results of consecutive calls keep their bytes', () => {
  const messages = Array.from({ length: 5000 }, (_, i) => Buffer.from(`message ${i}`));
  const digests = messages.map((each) => opened.session.digestSync('SHA-256', each));
  digests.forEach((digest, i) => {
    expect(
      digest.equals(
        createHash('sha256')
          .update(messages[i] as Buffer)
          .digest(),
      ),
    ).toBe(true);
  });
});
