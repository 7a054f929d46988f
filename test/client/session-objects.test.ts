import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Client } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Ground, MESSAGE, prepare } from './support/ground';

const GCM = { name: 'AES-GCM', iv: Buffer.alloc(12, 1) };
const DEAD = { code: 'ERR_CRYPTOKI_OBJECT_DEAD' };

let ground: Ground;
beforeAll(async () => {
  ground = await prepare('objects');
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

const pinned = (client: Client): number => client.statistics().pinned;
/** Number of all calls so far. */
const calls = (): number =>
  Object.values(ground.fault.counters().calls).reduce((sum, count) => sum + count, 0);

describe('a session object keeps its session open', () => {
  test('when generateKey made it, until destroy()', async () => {
    const client = await ground.connect();
    const key = await client.generateKey('AES', { valueLen: 32 });
    expect([key.isTokenObject, pinned(client)]).toEqual([false, 1]);
    const encrypted = await key.encrypt(GCM, MESSAGE);
    expect(await key.decrypt(GCM, encrypted)).toEqual(MESSAGE);
    await key.destroy();
    expect(pinned(client)).toBe(0);
    expect(await failure(key.encrypt(GCM, MESSAGE))).toMatchObject(DEAD);
  });

  test('when generateKeyPair made it, until both keys are destroyed', async () => {
    const client = await ground.connect();
    const { privateKey, publicKey } = await client.generateKeyPair('EC', { curve: 'P-256' });
    const signature = await privateKey.sign('ECDSA-SHA256', MESSAGE);
    expect(await publicKey.verify('ECDSA-SHA256', MESSAGE, signature)).toBe(true);
    await privateKey.destroy();
    expect(pinned(client)).toBe(1);
    expect(await publicKey.verify('ECDSA-SHA256', MESSAGE, signature)).toBe(true);
    await publicKey.destroy();
    expect(pinned(client)).toBe(0);
  });

  test('when createObject made it, until the end of its `await using` block', async () => {
    const client = await ground.connect();
    {
      await using object = await client.createObject({
        class: 'DATA',
        private: false,
        label: 'its',
        value: MESSAGE,
      });
      expect([object.label, pinned(client)]).toEqual(['its', 1]);
      expect(await client.find({ label: 'its' })).toHaveLength(1);
    }
    expect(pinned(client)).toBe(0);
    expect(await client.find({ label: 'its' })).toEqual([]);
  });

  test('unless it is a token object, which also remains after its block', async () => {
    const client = await ground.connect();
    {
      await using key = await client.generateKey('AES', { valueLen: 32, token: true, label: 'stays' });
      expect([key.isTokenObject, pinned(client)]).toEqual([true, 0]);
    }
    await (await client.secretKey({ label: 'stays' })).destroy();
  });

  test('and is used on other sessions while its own session is lent', async () => {
    const client = await ground.connect({ sessions: { max: 4 } });
    await using key = await client.generateKey('AES', { valueLen: 32 });
    ground.fault.plan([{ function: 'C_Encrypt', delay: 5 }]);
    const texts = await Promise.all(Array.from({ length: 12 }, () => key.encrypt(GCM, MESSAGE)));
    expect(texts.every((text) => text.equals(texts[0] as Buffer))).toBe(true);
    expect(ground.fault.counters().mostDelayed).toBeGreaterThan(1);
  });

  test('and can be disposed of twice, and after the client was closed', async () => {
    const client = await ground.connect();
    const [one, two] = [
      await client.generateKey('AES', { valueLen: 32 }),
      await client.generateKey('AES', { valueLen: 32 }),
    ];
    await one[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();
    await client.close();
    await two[Symbol.asyncDispose]();
  });
});

describe('a dead session object is refused before a call', () => {
  async function expectRefused(use: () => Promise<unknown>): Promise<void> {
    const before = calls();
    expect(await failure(use())).toMatchObject(DEAD);
    expect(calls()).toBe(before);
  }

  test('after its session was closed', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const key = await client.generateKey('AES', { valueLen: 32 });
    await client.withSession((session) => session.close());
    await client.random(1); // opens another session
    await expectRefused(() => key.encrypt(GCM, MESSAGE));
    await key[Symbol.asyncDispose]();
    expect(pinned(client)).toBe(0);
  });

  test('after a logout and the next login, if it is private', async () => {
    const client = await ground.connect();
    const key = await client.generateKey('AES', { valueLen: 32 });
    expect(key.isPrivate).toBe(true);
    await client.logout();
    await client.random(1);
    await expectRefused(() => key.encrypt(GCM, MESSAGE));
    await client.login(ground.test.pin);
    await expectRefused(() => key.encrypt(GCM, MESSAGE));
    await key[Symbol.asyncDispose]();
    expect(pinned(client)).toBe(0);
  });

  test('after all sessions were lost and restored', async () => {
    const client = await ground.connect();
    const key = await client.generateKey('AES', { valueLen: 32 });
    ground.fault.loseSessions();
    expect(await client.random(1)).toHaveLength(1);
    expect(await failure(key.encrypt(GCM, MESSAGE))).toMatchObject(DEAD);
    await expectRefused(() => key.encrypt(GCM, MESSAGE));
    await key[Symbol.asyncDispose]();
    expect(pinned(client)).toBe(0);
  });
});

test('an aborted operation leaves no session object behind', async () => {
  const client = await ground.connect({ sessions: { max: 2 } });
  ground.fault.plan([{ function: ['C_GenerateKey', 'C_GenerateKeyPair', 'C_CreateObject'], delay: 100 }]);
  const ending = (): AbortSignal => AbortSignal.timeout(20);
  const outcomes = await Promise.all([
    failure(client.generateKey('AES', { valueLen: 32, label: 'unwanted', signal: ending() })),
    failure(client.generateKeyPair('EC', { curve: 'P-256', label: 'unwanted', signal: ending() })),
    failure(client.createObject({ class: 'DATA', private: false, label: 'unwanted' }, { signal: ending() })),
  ]);
  expect(outcomes.map(({ name }) => name)).toEqual(['TimeoutError', 'TimeoutError', 'TimeoutError']);
  await expect.poll(() => client.statistics().lent).toBe(0);
  expect(pinned(client)).toBe(0);
  expect(await client.find({ label: 'unwanted' })).toEqual([]);
});

test('a session object that is garbage-collected without being disposed of frees its session, and a warning is emitted', async () => {
  const program = fileURLToPath(new URL('./support/leak.mjs', import.meta.url));
  const { real, label, pin, config } = ground.test;
  const ran = await promisify(execFile)(process.execPath, ['--expose-gc', program, real, label, pin], {
    env: { ...process.env, SOFTHSM2_CONF: config },
    timeout: 20_000,
  });
  const said = JSON.parse(ran.stdout);
  expect(said).toEqual({
    before: { pinned: 3, found: 3 },
    after: { pinned: 0, found: 0 },
    warnings: ['CRYPTOKI_OBJECT_LEAK', 'CRYPTOKI_OBJECT_LEAK', 'CRYPTOKI_OBJECT_LEAK'],
    message: expect.stringContaining(
      'the session object "forgotten" was collected without having been disposed of',
    ),
    kept: 3,
    afterClose: 3,
  });
});
