import { randomBytes } from 'node:crypto';
import type { StorageObject } from 'cryptoki';
import { CKG, CKM, type RawModule } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nss, openNss, whyNoNss } from '../support/nss';

const associated = Buffer.from('associated data');
const plaintext = Buffer.from('message');

// The contract suite tests the messages; these tests are about the fields of their parameters.
describe.skipIf(whyNoNss !== undefined)(`parameters of messages (${whyNoNss ?? 'NSS, AES-GCM'})`, () => {
  let nss: Nss;
  let raw: RawModule;
  let session: bigint;
  let key: StorageObject;

  beforeAll(async () => {
    nss = await openNss();
    raw = nss.module.raw;
    session = nss.session.handle;
    const usage = { encrypt: true, decrypt: true };
    const value = randomBytes(32);
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

  test("keep the caller's buffer if the module did not change it, and have a new one otherwise", async () => {
    for (const [ivGenerator, ivFixedBits] of [
      [CKG.NO_GENERATE, 0],
      [CKG.GENERATE_COUNTER, 32],
    ] as const) {
      await raw.C_MessageEncryptInit(session, { mechanism: CKM.AES_GCM }, key.handle);
      const [iv, tag] = [Buffer.alloc(12, 1), Buffer.alloc(16)];
      const its = { ...parameter(iv, ivGenerator, ivFixedBits), tag };
      await raw.C_EncryptMessage(session, its, associated, plaintext);
      if (ivGenerator === CKG.NO_GENERATE) expect(its.iv).toBe(iv);
      else expect(its.iv).not.toEqual(iv);
      expect(its.tag).not.toEqual(Buffer.alloc(16));
      expect(iv).toEqual(Buffer.alloc(12, 1)); // the module never writes into the caller's buffer
      expect(tag).toEqual(Buffer.alloc(16));
      await raw.C_MessageEncryptFinal(session);
    }
  });

  test('are not changed by a failed call', async () => {
    await raw.C_MessageDecryptInit(session, { mechanism: CKM.AES_GCM }, key.handle);
    const its = parameter(Buffer.alloc(12, 1), CKG.NO_GENERATE, 0);
    const { iv, tag } = its;
    await expect(raw.C_DecryptMessage(session, its, associated, plaintext)).rejects.toMatchObject({
      code: 'CKR_ENCRYPTED_DATA_INVALID',
    });
    expect(its.iv).toBe(iv);
    expect(its.tag).toBe(tag);
    await raw.C_MessageDecryptFinal(session);
  });

  test('are refused if their structure is unknown', async () => {
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
});
