import { createHash, createHmac, publicDecrypt, randomBytes } from 'node:crypto';
import { connect, type KeyPair, type SecretKey, type Session } from 'cryptoki';
import { CKM } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nss, openNss, whyNoNss } from '../../support/nss';
import { failure, type Opened, openToken, wrong } from '../../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

const PKCS1 = { mechanism: 'RSA_PKCS' } as const;

describe.skipIf(whyNoNss !== undefined)('signatures with recovery on NSS', () => {
  let nss: Nss;
  let pair: KeyPair;
  beforeAll(async () => {
    nss = await openNss();
    pair = await nss.session.generateKeyPair('RSA', {
      ...{ modulusBits: 2048, token: true, label: 'recover' },
      publicKey: { verifyRecover: true },
      privateKey: { signRecover: true },
    });
  });
  afterAll(() => nss.close());

  test('agree with node:crypto', async () => {
    const data = Buffer.from('the data in the signature');
    const signature = await pair.privateKey.signRecover(PKCS1, data);
    expect(publicDecrypt(await pair.publicKey.toKeyObject(), signature)).toEqual(data);
    expect(await pair.publicKey.verifyRecover(PKCS1, signature)).toEqual(data);
  });

  test('report a wrong signature, and the session stays usable', async () => {
    const signature = await pair.privateKey.signRecover(PKCS1, Buffer.from('data'));
    signature.writeUInt8(signature.readUInt8(20) ^ 1, 20);
    const error = await failure(pair.publicKey.verifyRecover(PKCS1, signature));
    expect(error).toMatchObject({ code: expect.stringMatching(/^CKR_/), function: 'C_VerifyRecover' });
    expect(await pair.privateKey.signRecover(PKCS1, Buffer.from('data'))).toHaveLength(256);
  });

  test('work through a client', async () => {
    await using client = await connect({ module: nss.module.path, token: { slot: 2 } }, { pin: '1234' });
    const signature = await (await client.privateKey({ label: 'recover' })).signRecover(
      PKCS1,
      Buffer.from('d'),
    );
    const publicKey = await client.publicKey({ label: 'recover' });
    expect(await publicKey.verifyRecover(PKCS1, signature)).toEqual(Buffer.from('d'));
  });

  test('digestKey() digests the value of a key; an operation state moves between sessions', async () => {
    const value = randomBytes(32);
    const key = (await nss.session.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'GENERIC_SECRET', value, sign: true, extractable: true },
    })) as SecretKey;
    const digest = await nss.session.digestKey('SHA-256', key);
    expect(digest).toEqual(createHash('sha256').update(value).digest());
    const { raw } = nss.module;
    await raw.C_DigestInit(nss.session.handle, { mechanism: CKM.SHA256 });
    await raw.C_DigestUpdate(nss.session.handle, Buffer.from('first '));
    const state = await nss.session.operationState();
    const other = await nss.session.token.openSession();
    await other.setOperationState(state);
    await raw.C_DigestUpdate(other.handle, Buffer.from('second'));
    const continued = await raw.C_DigestFinal(other.handle);
    expect(continued).toEqual(createHash('sha256').update('first second').digest());
    await raw.C_DigestFinal(nss.session.handle);
    await other.close();
  });
});

describe('on SoftHSM2', () => {
  test('recovery is refused with the error of the module, or before a call', async () => {
    const { privateKey, publicKey } = await session.generateKeyPair('RSA', { modulusBits: 1024 });
    expect(await failure(privateKey.signRecover(PKCS1, Buffer.alloc(8)))).toMatchObject({
      code: 'CKR_FUNCTION_NOT_SUPPORTED',
    });
    expect(await failure(publicKey.verifyRecover(PKCS1, Buffer.alloc(128)))).toMatchObject({
      code: 'CKR_FUNCTION_NOT_SUPPORTED',
    });
    expect(await failure(privateKey.signRecover(wrong('RSA-PKCS1-SHA256'), Buffer.alloc(8)))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
    expect(await failure(privateKey.signRecover({ mechanism: 'ECDSA' }, Buffer.alloc(8)))).toMatchObject({
      code: 'CKR_KEY_TYPE_INCONSISTENT',
    });
  });

  test('digestKey() digests a key; wrong keys are refused, and no operation stays active', async () => {
    const value = randomBytes(32);
    const key = (await session.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'GENERIC_SECRET', value, sign: true },
      ...{ sensitive: false, extractable: true },
    })) as SecretKey;
    expect(await session.digestKey('SHA-512', key)).toEqual(createHash('sha512').update(value).digest());
    const { raw } = opened.module;
    for (const form of ['digestKey', 'digestKeySync'] as const) {
      const error = await failure(async () =>
        raw[form](session.name, { mechanism: CKM.SHA256 }, 0x7fff_ffffn),
      );
      expect(error).toMatchObject({ code: 'CKR_KEY_HANDLE_INVALID', function: 'C_DigestKey' });
    }
    const { publicKey } = await session.generateKeyPair('RSA', { modulusBits: 1024 });
    expect(await failure(session.digestKey('SHA-256', wrong(publicKey)))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    expect(await failure(session.digestKey('SHA-256', wrong(undefined)))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
    expect(await session.digest('SHA-256', value)).toEqual(createHash('sha256').update(value).digest());
    expect(await key.sign('HMAC-SHA256', value)).toEqual(createHmac('sha256', value).update(value).digest());
  });

  test('seedRandom(), size() and operationState() reach the module', async () => {
    await session.seedRandom(randomBytes(16));
    expect(await session.random(8)).toHaveLength(8);
    const key = await session.generateKey('AES');
    const size = await key.size();
    expect(size === undefined || Number(size) > 0).toBe(true);
    expect(await failure(session.operationState())).toMatchObject({ code: expect.stringMatching(/^CKR_/) });
    expect(await failure(session.setOperationState(Buffer.alloc(4)))).toMatchObject({
      code: expect.stringMatching(/^CKR_/),
    });
    expect(await failure(session.setOperationState(Buffer.alloc(4), wrong({ key })))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
});
