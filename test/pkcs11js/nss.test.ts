import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pkcs11js, { type Handle, type PKCS11 } from 'cryptoki/pkcs11js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNss, whyNoNss } from '../support/nss';
import { aesKey } from './support/open';

describe.skipIf(whyNoNss !== undefined)(`NSS (${whyNoNss ?? 'a module of 3.0'})`, () => {
  let folder: string;
  let pkcs11: PKCS11;
  let session: Handle;

  beforeAll(async () => {
    const nss = await openNss();
    const { path } = nss.module.raw.description();
    await nss.close();
    folder = mkdtempSync(join(tmpdir(), 'cryptoki-pkcs11js-'));
    pkcs11 = new pkcs11js.PKCS11(path);
    const database = `configdir='sql:${folder}' certPrefix='' keyPrefix='' secmod='secmod.db'`;
    pkcs11.C_Initialize({ libraryParameters: `${database} cryptoTokenDescription=lastX` });
    const [slot] = pkcs11.C_GetSlotList(true) as [Handle];
    session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  });
  afterAll(() => {
    pkcs11.C_Finalize();
    pkcs11.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('receives the whole string of libraryParameters', () => {
    const labels = pkcs11.C_GetSlotList(true).map((slot) => pkcs11.C_GetTokenInfo(slot).label);
    expect(labels).toContain('lastX'.padEnd(32));
  });

  test('encrypts messages and generates the IV', async () => {
    const key = pkcs11.C_CreateObject(session, aesKey());
    const message = Buffer.from('message');
    const parameter = {
      structure: 'CK_GCM_MESSAGE_PARAMS',
      iv: Buffer.alloc(12),
      ivFixedBits: 0,
      ivGenerator: pkcs11js.CKG_GENERATE_RANDOM,
      tag: Buffer.alloc(16),
    };
    const gcm = { mechanism: pkcs11js.CKM_AES_GCM };
    pkcs11.C_MessageEncryptInit(session, gcm, key);
    const output = Buffer.alloc(100);
    const encrypted = await pkcs11.C_EncryptMessageAsync(
      session,
      parameter,
      Buffer.from('aad'),
      message,
      output,
    );
    expect(encrypted.buffer).toBe(output.buffer);
    pkcs11.C_MessageEncryptFinal(session);
    expect(parameter.iv).not.toEqual(Buffer.alloc(12));
    pkcs11.C_MessageDecryptInit(session, gcm, key);
    const decrypt = { ...parameter, ivGenerator: pkcs11js.CKG_NO_GENERATE };
    const plain = pkcs11.C_DecryptMessage(session, decrypt, Buffer.from('aad'), encrypted, Buffer.alloc(100));
    expect(plain).toEqual(message);
    pkcs11.C_MessageDecryptFinal(session);
  });

  test('throws CKR_SIGNATURE_INVALID for a wrong MAC, whatever failed before', () => {
    const aes = pkcs11.C_CreateObject(session, aesKey());
    const hmac = pkcs11.C_CreateObject(session, [
      { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
      { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_GENERIC_SECRET },
      { type: pkcs11js.CKA_VALUE, value: Buffer.alloc(32, 1) },
      { type: pkcs11js.CKA_VERIFY, value: true },
    ]);
    const failBefore = (): void => {
      pkcs11.C_DecryptInit(
        session,
        { mechanism: pkcs11js.CKM_AES_CBC_PAD, parameter: Buffer.alloc(16) },
        aes,
      );
      expect(() => pkcs11.C_Decrypt(session, Buffer.alloc(16), Buffer.alloc(16))).toThrow(/CKR_/);
      pkcs11.C_VerifyInit(session, { mechanism: pkcs11js.CKM_SHA256_HMAC }, hmac);
    };
    const wrong = expect.objectContaining({ message: 'CKR_SIGNATURE_INVALID' });
    failBefore();
    expect(() => pkcs11.C_Verify(session, Buffer.from('message'), Buffer.alloc(32))).toThrow(wrong);
    failBefore();
    pkcs11.C_VerifyUpdate(session, Buffer.from('message'));
    expect(() => pkcs11.C_VerifyFinal(session, Buffer.alloc(32))).toThrow(wrong);
  });

  test('saves and restores the state of an operation', () => {
    const sha256 = { mechanism: pkcs11js.CKM_SHA256 };
    const none = Buffer.alloc(session.length);
    pkcs11.C_DigestInit(session, sha256);
    pkcs11.C_DigestUpdate(session, Buffer.from('one'));
    const state = pkcs11.C_GetOperationState(session);
    pkcs11.C_DigestUpdate(session, Buffer.from('two'));
    const whole = pkcs11.C_DigestFinal(session, Buffer.alloc(32));
    pkcs11.C_DigestInit(session, sha256);
    expect(pkcs11.C_SetOperationState(session, state, none, none)).toBeUndefined();
    pkcs11.C_DigestUpdate(session, Buffer.from('two'));
    expect(pkcs11.C_DigestFinal(session, Buffer.alloc(32))).toEqual(whole);
  });

  test('signs with message recovery, and digests while it encrypts', async () => {
    const { publicKey, privateKey } = pkcs11.C_GenerateKeyPair(
      session,
      { mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN },
      [
        { type: pkcs11js.CKA_MODULUS_BITS, value: 2048 },
        { type: pkcs11js.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
        { type: pkcs11js.CKA_VERIFY_RECOVER, value: true },
      ],
      [{ type: pkcs11js.CKA_SIGN_RECOVER, value: true }],
    );
    const rsa = { mechanism: pkcs11js.CKM_RSA_PKCS };
    pkcs11.C_SignRecoverInit(session, rsa, privateKey);
    const signature = pkcs11.C_SignRecover(session, Buffer.from('recovered'), Buffer.alloc(256));
    pkcs11.C_VerifyRecoverInit(session, rsa, publicKey);
    expect(String(pkcs11.C_VerifyRecover(session, signature, Buffer.alloc(256)))).toBe('recovered');
    const key = pkcs11.C_CreateObject(session, aesKey());
    const cbc = { mechanism: pkcs11js.CKM_AES_CBC, parameter: Buffer.alloc(16) };
    const block = Buffer.alloc(32, 7);
    pkcs11.C_DigestInit(session, { mechanism: pkcs11js.CKM_SHA256 });
    pkcs11.C_EncryptInit(session, cbc, key);
    const encrypted = await pkcs11.C_DigestEncryptUpdateAsync(session, block, Buffer.alloc(100));
    pkcs11.C_EncryptFinal(session, Buffer.alloc(16));
    const digest = Buffer.from(pkcs11.C_DigestFinal(session, Buffer.alloc(32)));
    pkcs11.C_DigestInit(session, { mechanism: pkcs11js.CKM_SHA256 });
    pkcs11.C_DecryptInit(session, cbc, key);
    expect(pkcs11.C_DecryptDigestUpdate(session, encrypted, Buffer.alloc(100))).toEqual(block);
    expect(pkcs11.C_DigestFinal(session, Buffer.alloc(32))).toEqual(digest);
  });
});
