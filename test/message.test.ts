import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { StorageObject } from 'cryptoki';
import { CKF, CKG, CKM, type RawModule } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nss, openNss, whyNoNss } from './support/nss';

const value = randomBytes(32);
const associated = Buffer.from('associated data');
const plaintext = Buffer.from('message');

describe.skipIf(whyNoNss !== undefined)(`message-based encryption (${whyNoNss ?? 'NSS, AES-GCM'})`, () => {
  let nss: Nss;
  let raw: RawModule;
  let session: bigint;
  let key: StorageObject;

  beforeAll(async () => {
    nss = await openNss();
    raw = nss.module.raw;
    session = nss.session.handle;
    const usage = { encrypt: true, decrypt: true };
    key = await nss.session.createObject({ class: 'SECRET_KEY', keyType: 'AES', value, ...usage });
  });
  afterAll(() => nss.close());

  const parameter = (iv: Buffer, ivGenerator: number, ivFixedBits: number) => ({
    structure: 'CK_GCM_MESSAGE_PARAMS' as const,
    iv,
    ivFixedBits,
    ivGenerator,
    tag: Buffer.alloc(16),
  });

  function open(iv: Buffer, tag: Buffer, ciphertext: Buffer): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', value, iv).setAAD(associated).setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  }

  test.each([plaintext, Buffer.alloc(0), Buffer.alloc(100_000, 7)])(
    'encrypts one message after another under one key, and gives the tag back (%#)',
    async (message) => {
      await raw.C_MessageEncryptInit(session, { mechanism: CKM.AES_GCM }, key.handle);
      for (let i = 0; i < 3; i++) {
        const its = parameter(randomBytes(12), CKG.NO_GENERATE, 0);
        const iv = its.iv;
        const ciphertext = await raw.C_EncryptMessage(session, its, associated, message);
        expect(its.iv).toBe(iv); // what the module has not changed stays the caller's
        expect(open(its.iv, its.tag, ciphertext).equals(message)).toBe(true);
      }
      await raw.C_MessageEncryptFinal(session);
    },
  );

  test('gives back the initialisation vectors that the module has made', async () => {
    await raw.C_MessageEncryptInit(session, { mechanism: CKM.AES_GCM }, key.handle);
    const seen = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const its = parameter(Buffer.alloc(12, 1), CKG.GENERATE_COUNTER, 32);
      const ciphertext = raw.C_EncryptMessageSync(session, its, associated, plaintext);
      expect(open(its.iv, its.tag, ciphertext)).toEqual(plaintext);
      seen.add(its.iv.toString('hex'));
    }
    expect(seen.size).toBe(3);
    await raw.C_MessageEncryptFinal(session);
  });

  test('decrypts, and refuses a wrong tag', async () => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', value, iv).setAAD(associated);
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    const good = { ...parameter(iv, CKG.NO_GENERATE, 0), tag: cipher.getAuthTag() };
    await raw.C_MessageDecryptInit(session, { mechanism: CKM.AES_GCM }, key.handle);
    expect(await raw.C_DecryptMessage(session, good, associated, ciphertext)).toEqual(plaintext);
    const bad = { ...good, tag: Buffer.alloc(16) };
    await expect(raw.C_DecryptMessage(session, bad, associated, ciphertext)).rejects.toMatchObject({
      code: 'CKR_ENCRYPTED_DATA_INVALID',
    });
    await raw.C_MessageDecryptFinal(session);
  });

  test('refuses parameters that it cannot know', async () => {
    const call = (wrong: unknown) =>
      raw.C_EncryptMessage(
        session,
        wrong as Parameters<RawModule['C_EncryptMessage']>[1],
        associated,
        plaintext,
      );
    for (const wrong of [{ iv: Buffer.alloc(12) }, { structure: 'CK_NOTHING' }, [], 'text', Symbol('x')]) {
      await expect(call(wrong)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    }
  });

  test('what the module lacks is refused by name', async () => {
    const signing = raw.C_MessageSignInit(session, { mechanism: CKM.AES_GCM }, key.handle);
    await expect(signing).rejects.toMatchObject({ function: 'C_MessageSignInit' });
    const asynchronous = raw.C_AsyncComplete(session, 'C_Sign');
    await expect(asynchronous).rejects.toMatchObject({
      code: 'CKR_FUNCTION_NOT_SUPPORTED',
      function: 'C_AsyncComplete',
    });
    await raw.C_SessionCancel(session, CKF.MESSAGE_SIGN).catch(() => {});
  });
});
