import { createHash, randomBytes } from 'node:crypto';
import { type Client, ClientSecretKey, SecretKey } from 'cryptoki';
import { CKA, CKK, CKM, CKO } from 'cryptoki/raw';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure, wrong } from '../support/open';
import { type Ground, MESSAGE, prepare, signer } from './support/ground';

let ground: Ground;
let client: Client;
beforeAll(async () => {
  ground = await prepare('own');
});
beforeEach(async () => {
  client = await ground.connect({ sessions: { max: 2, idleTimeout: 50 } });
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

describe('copy() of a client', () => {
  test('makes a token object of a session object, which can be found', async () => {
    const value = randomBytes(16);
    const key = (await client.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'AES', value, label: 'first', encrypt: true },
    })) as ClientSecretKey;
    const copied = await key.copy({ token: true, label: 'second' });
    expect(copied).toBeInstanceOf(ClientSecretKey);
    expect(copied).toMatchObject({ isTokenObject: true, label: 'second' });
    await key.destroy();
    expect(client.statistics().pinned).toBe(0);
    const iv = Buffer.alloc(16);
    const found = await client.secretKey({ label: 'second' });
    const one = await copied.encrypt({ name: 'AES-CBC', iv }, MESSAGE);
    expect(await found.encrypt({ name: 'AES-CBC', iv }, MESSAGE)).toEqual(one);
    await using session = await found.copy({ token: false });
    expect(session.isTokenObject).toBe(false);
    expect(client.statistics().pinned).toBe(1);
  });

  test('reports what the token refuses, and leaves nothing', async () => {
    const key = (await client.generateKey('AES')) as ClientSecretKey;
    const before = (await client.find()).length;
    expect(await failure(key.copy({ sensitive: false }))).toMatchObject({
      code: expect.stringMatching(/^CKR_/),
    });
    expect(await failure(key.copy(wrong({ lable: 'x' })))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect((await client.find()).length).toBe(before);
    await key.destroy();
  });
});

test('signDigest() and verifyDigest() of a client', async () => {
  const { privateKey, publicKey, isRight } = await signer(client, true);
  const digest = createHash('sha256').update(MESSAGE).digest();
  const signature = await privateKey.signDigest('ECDSA-SHA256', digest);
  expect(isRight(signature)).toBe(true);
  expect(await publicKey.verifyDigest('ECDSA-SHA256', digest, signature)).toBe(true);
  const der = { name: 'ECDSA-SHA256', format: 'der', lowS: true };
  expect(await publicKey.verify(der, MESSAGE, await privateKey.sign(der, MESSAGE))).toBe(true);
});

const template = (token: boolean) => [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK.AES },
  { type: CKA.VALUE_LEN, value: 16 },
  { type: CKA.TOKEN, value: token },
  { type: CKA.ENCRYPT, value: true },
  { type: CKA.LABEL, value: 'raw' },
];

describe('session.adopt()', () => {
  test.each([true, false])('returns the object of a handle (token object: %s)', async (token) => {
    const test = await ground.token();
    const session = await test.openSession({ readWrite: true });
    const { raw } = ground.module;
    const handle = await raw.C_GenerateKey(session.handle, { mechanism: CKM.AES_KEY_GEN }, template(token));
    const key = (await session.adopt(handle)) as SecretKey;
    expect(key).toBeInstanceOf(SecretKey);
    expect(key).toMatchObject({ handle, isTokenObject: token, label: 'raw', keyType: 'AES' });
    const iv = Buffer.alloc(16);
    expect(await key.encrypt({ name: 'AES-CBC', iv }, MESSAGE)).toHaveLength(32);
    const other = await test.openSession({ readWrite: true });
    await session.close();
    const attempt = key.on(other).encrypt({ name: 'AES-CBC', iv }, MESSAGE);
    if (token) {
      expect(await attempt).toHaveLength(32);
      await key.on(other).destroy();
    } else expect(await failure(attempt)).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_DEAD' });
    await other.close();
  });

  test('refuses a handle that is not one', async () => {
    await client.withSession(async (session) => {
      expect(await failure(session.adopt(0x7fff_ffffn))).toMatchObject({ code: 'CKR_OBJECT_HANDLE_INVALID' });
      expect(await failure(session.adopt(wrong(7)))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    });
  });
});

describe('session objects that are created in withSession()', () => {
  test('keep their session open until they are destroyed', async () => {
    const keys = await client.withSession(async (session) => {
      const { raw } = session.token.slot.module;
      const handle = await raw.C_GenerateKey(session.handle, { mechanism: CKM.AES_KEY_GEN }, template(false));
      return [
        await session.generateKey('AES', { usage: ['encrypt'] }),
        (await session.adopt(handle)) as SecretKey,
      ];
    });
    expect(client.statistics().pinned).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 300)); // the pool closes idle sessions
    for (const key of keys) {
      const iv = Buffer.alloc(16);
      expect(await key.encrypt({ name: 'AES-CBC', iv }, MESSAGE)).toHaveLength(32);
    }
    await keys[0]?.destroy();
    expect(client.statistics().pinned).toBe(1);
    await keys[1]?.destroy();
    expect(client.statistics().pinned).toBe(0);
  });

  test('do not keep it open if they were destroyed there, or if the work created token objects only', async () => {
    await client.withSession(async (session) => {
      const key = await session.generateKey('AES');
      await key.destroy();
      await session.generateKey('AES', { token: true, label: 'kept' });
    });
    expect(client.statistics().pinned).toBe(0);
  });
});
