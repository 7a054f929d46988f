import { createHash, type KeyObject, verify } from 'node:crypto';
import type { Client, ClientPrivateKey, ClientPublicKey } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Ground, prepare } from './support/ground';

let ground: Ground;
let client: Client;
let key: ClientPrivateKey;
let publicKey: ClientPublicKey;
let outside: KeyObject;

beforeAll(async () => {
  ground = await prepare('batches');
  const maker = await ground.connect();
  await maker.generateKeyPair('EC', { curve: 'P-256', label: 'batch', token: true });
  await ground.clean();
});
beforeEach(async () => {
  client = await ground.connect({ sessions: { max: 4 } });
  key = await client.privateKey({ label: 'batch' });
  publicKey = await client.publicKey({ label: 'batch' });
  outside = await publicKey.toKeyObject();
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

const texts = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => Buffer.from(`message ${i}`));
const accepts = (message: Buffer | undefined, signature: Buffer): boolean =>
  verify('sha256', message as Buffer, { key: outside, dsaEncoding: 'ieee-p1363' }, signature);

describe('a batch through the client', () => {
  test('is distributed over the sessions', async () => {
    ground.fault.plan([{ function: 'C_Sign', delay: 1 }]);
    const messages = texts(300);
    const signatures = await key.signMany('ECDSA-SHA256', messages);
    expect([...signatures].every((signature, i) => accepts(messages[i], signature))).toBe(true);
    expect(ground.fault.counters().mostInFlight).toBeGreaterThanOrEqual(4);
    expect(client.statistics()).toMatchObject({ open: 4, lent: 0, errors: 0 });
  });

  test('shares sessions with other operations', async () => {
    ground.fault.plan([{ function: 'C_Sign', delay: 1 }]);
    let done = 0;
    const batch = key.signMany('ECDSA-SHA256', texts(2000), { onProgress: (now) => (done = now) });
    await key.sign('ECDSA-SHA256', Buffer.alloc(1));
    expect(done).toBeLessThan(2000);
    await batch;
  });

  test('verifies and digests, and accepts iterables', async () => {
    const messages = texts(100);
    const signatures = await key.signMany('ECDSA-SHA256', messages);
    const items = messages.map((data, i) => ({ data, signature: signatures.at(i === 9 ? 8 : i) }));
    expect((await publicKey.verifyMany('ECDSA-SHA256', items)).toArray().indexOf(false)).toBe(9);
    const digests = await client.digestMany('SHA-256', messages);
    expect(digests.at(99)).toEqual(createHash('sha256').update('message 99').digest());
    let index = 0;
    for await (const { value } of key.signMany('ECDSA-SHA256', new Set(messages))) {
      expect(accepts(messages[index++], value as Buffer)).toBe(true);
    }
    expect(index).toBe(100);
  });

  const losses: [string, Parameters<Ground['fault']['plan']>[0]][] = [
    ['a session', [{ function: 'C_Sign', nth: 150, loseSession: true }]],
    ['all sessions', [{ function: 'C_Sign', nth: 150, loseSessions: true }]],
    ['the login', [{ function: 'C_Sign', nth: 150, logout: true }]],
    ['the device', [{ function: 'C_Sign', nth: 150, loseDevice: true }]],
  ];
  test.each(losses)('recovers from the loss of %s', async (_, plan) => {
    ground.fault.plan(plan);
    const messages = texts(500);
    const signatures = await key.signMany('ECDSA-SHA256', messages);
    expect(signatures.failures.size).toBe(0);
    expect([...signatures].every((signature, i) => accepts(messages[i], signature))).toBe(true);
    expect(client.statistics().retries).toBeGreaterThan(0);
  });

  test('reports a permanent failure for the message that caused it', async () => {
    ground.fault.plan([{ function: 'C_Sign', nth: 42, return: 'CKR_DATA_INVALID' }]);
    const signatures = await key.signMany('ECDSA-SHA256', texts(100));
    expect(signatures.failures.size).toBe(1);
    expect([...signatures.failures.values()][0]).toMatchObject({ code: 'CKR_DATA_INVALID' });
  });

  test('reports a failure for each message when the token does not come back', async () => {
    const brief = await ground.connect({ sessions: { max: 2 }, recovery: { timeout: 50 } });
    const its = await brief.privateKey({ label: 'batch' });
    await its.sign('ECDSA-SHA256', Buffer.alloc(1));
    ground.fault.plan([
      {
        function: ['C_Sign', 'C_GetSessionInfo', 'C_OpenSession', 'C_Initialize'],
        return: 'CKR_DEVICE_ERROR',
      },
    ]);
    const signatures = await its.signMany('ECDSA-SHA256', texts(10));
    expect(signatures.failures.size).toBe(10);
    ground.fault.clear();
    expect((await its.signMany('ECDSA-SHA256', texts(10))).failures.size).toBe(0);
  });

  test('ends when it is aborted, and the client continues to work', async () => {
    const controller = new AbortController();
    const batch = key.signMany('ECDSA-SHA256', texts(50_000), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(await failure(batch)).toMatchObject({ name: 'AbortError' });
    expect((await key.sign('ECDSA-SHA256', Buffer.alloc(1))).length).toBe(64);
  });

  test('is refused for each message when the key is always authenticated', async () => {
    await client.generateKeyPair('EC', {
      ...{ curve: 'P-256', label: 'always', token: true, privateKey: { alwaysAuthenticate: true } },
    });
    const always = await client.privateKey({ label: 'always' });
    const { failures } = await always.signMany('ECDSA-SHA256', texts(2));
    expect([...failures.values()].map((error) => (error as { code?: string }).code)).toEqual([
      'ERR_CRYPTOKI_UNSUPPORTED',
      'ERR_CRYPTOKI_UNSUPPORTED',
    ]);
  });
});
