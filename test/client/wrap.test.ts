import { createCipheriv, randomBytes } from 'node:crypto';
import { type Client, ClientPrivateKey, ClientSecretKey } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { failure, wrong } from '../support/open';
import { type Ground, hold, prepare } from './support/ground';

let ground: Ground;
let client: Client;
beforeAll(async () => {
  ground = await prepare('wrap');
});
beforeEach(async () => {
  client = await ground.connect({ sessions: { max: 2 } });
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

const KEK = randomBytes(32);
const wrapper = async (token = true): Promise<ClientSecretKey> =>
  (await client.createObject({
    ...{ class: 'SECRET_KEY', keyType: 'AES', value: KEK, wrap: true, unwrap: true, encrypt: true },
    ...{ token, label: `kek ${Math.random()}` },
  })) as ClientSecretKey;
const secret = async (value: Buffer, token = true): Promise<ClientSecretKey> =>
  (await client.createObject({
    ...{ class: 'SECRET_KEY', keyType: 'AES', value, encrypt: true, extractable: true },
    ...{ token, label: `secret ${Math.random()}` },
  })) as ClientSecretKey;

function wrapByNode(value: Buffer): Buffer {
  const cipher = createCipheriv('id-aes256-wrap', KEK, Buffer.from('a6a6a6a6a6a6a6a6', 'hex'));
  return Buffer.concat([cipher.update(value), cipher.final()]);
}

test.each([true, false])('keys are wrapped and unwrapped (token objects: %s)', async (token) => {
  const [kek, value] = [await wrapper(token), randomBytes(16)];
  const key = await secret(value, token);
  const all = await Promise.all(Array.from({ length: 10 }, () => kek.wrapKey('AES-KW', key)));
  for (const wrapped of all) expect(wrapped).toEqual(wrapByNode(value));
  const back = await kek.unwrapKey('AES-KW', wrapByNode(value), {
    keyType: 'AES',
    sensitive: false,
    extractable: true,
  });
  expect(back).toBeInstanceOf(ClientSecretKey);
  expect(await back.attributes('value', 'encrypt')).toEqual({ value, encrypt: false });
  for (const object of [back, key, kek]) await object.destroy();
  expect(client.statistics().pinned).toBe(0);
});

test('a private key is unwrapped', async () => {
  const kek = await wrapper();
  const { privateKey, publicKey } = await client.generateKeyPair('RSA', { extractable: true });
  const wrapped = await kek.wrapKey('AES-KWP', privateKey);
  const options = { class: 'PRIVATE_KEY', keyType: 'RSA', usage: ['sign'] } as const;
  await using back = await kek.unwrapKey('AES-KWP', wrapped, options);
  expect(back).toBeInstanceOf(ClientPrivateKey);
  const signature = await back.sign('RSA-PKCS1-SHA256', Buffer.from('m'));
  expect(await publicKey.verify('RSA-PKCS1-SHA256', Buffer.from('m'), signature)).toBe(true);
});

test('wrapKey() is repeated after a loss, with both keys found again', async () => {
  const [kek, value] = [await wrapper(), randomBytes(16)];
  const key = await secret(value);
  ground.fault.plan([{ function: 'C_WrapKey', nth: 1, loseSessions: true }]);
  expect(await kek.wrapKey('AES-KW', key)).toEqual(wrapByNode(value));
  ground.fault.clear();
  await ground.logOutElsewhere();
  expect(await kek.wrapKey('AES-KW', key)).toEqual(wrapByNode(value));
  expect(client.statistics().generation).toBeGreaterThan(0);
});

test('unwrapKey() is not repeated after an error that does not prove that nothing was made', async () => {
  const kek = await wrapper();
  ground.fault.plan([{ function: 'C_UnwrapKey', nth: 1, return: 'CKR_DEVICE_ERROR' }]);
  const error = await failure(kek.unwrapKey('AES-KW', wrapByNode(randomBytes(16)), { keyType: 'AES' }));
  expect(error).toMatchObject({ code: 'CKR_DEVICE_ERROR' });
});

test('both keys of wrapKey() are used on one session', async () => {
  await client.close();
  client = await ground.connect({ sessions: { max: 1 } });
  const [kek, value] = [await wrapper(), randomBytes(16)];
  const key = await secret(value);
  const held = await hold(client);
  const wrapped = kek.wrapKey('AES-KW', key);
  await expect.poll(() => client.statistics().waiting).toBe(1);
  await held.back();
  expect(await wrapped).toEqual(wrapByNode(value));
});

test('wrong arguments are refused before a call', async () => {
  const kek = await wrapper();
  const key = await secret(randomBytes(16));
  const other = await ground.connect();
  const foreign = await other.secretKey({ label: key.label as string });
  const attempts: [() => Promise<unknown>, string][] = [
    [() => kek.wrapKey('AES-KW', foreign), 'ERR_INVALID_ARG_VALUE'],
    [() => kek.wrapKey('AES-KW', wrong(undefined)), 'ERR_INVALID_ARG_TYPE'],
    [() => kek.wrapKey('AES-KW', wrong(Buffer.alloc(8))), 'ERR_INVALID_ARG_TYPE'],
    [() => kek.wrapKey('AES-KW', key, wrong({ tiemout: 1 })), 'ERR_INVALID_ARG_VALUE'],
    [() => kek.unwrapKey('AES-KW', Buffer.alloc(24), wrong(undefined)), 'ERR_INVALID_ARG_TYPE'],
    [
      () => kek.unwrapKey('AES-KW', Buffer.alloc(24), wrong({ keyType: 'AES', lable: 1 })),
      'ERR_INVALID_ARG_VALUE',
    ],
    [() => kek.unwrapKey('AES-KW', Buffer.alloc(24), wrong({})), 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [attempt, code] of attempts)
    expect(await failure(attempt), String(attempt)).toMatchObject({ code });
});
