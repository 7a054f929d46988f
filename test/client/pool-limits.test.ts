import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type ClientStatistics, CryptokiError, type Session } from 'cryptoki';
import { CKR } from 'cryptoki/raw';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SessionPool } from '../../dist/client/pool/session-pool';
import { failure } from '../support/open';
import { type Ground, MESSAGE, prepare, signer } from './support/ground';
import { expectNumbers } from './support/statistics';

let ground: Ground;
beforeAll(async () => {
  ground = await prepare('limits');
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

const expectTrue = (client: Client, numbers?: Partial<ClientStatistics>): void =>
  expectNumbers(ground, client, numbers);

describe('a limit of sessions', () => {
  /** Limits the token to `count` sessions beside the anchor session. */
  function allow(count: number, answer: 'CKR_SESSION_COUNT' | 'CKR_HOST_MEMORY' = 'CKR_SESSION_COUNT'): void {
    ground.fault.plan([{ function: 'C_OpenSession', from: count + 1, return: answer }]);
  }

  test.each(['CKR_SESSION_COUNT', 'CKR_HOST_MEMORY'] as const)(
    'is learnt from %s, and no operation fails',
    async (answer) => {
      const client = await ground.connect({ sessions: { max: 16 } });
      const { privateKey, isRight } = await signer(client, true);
      allow(3, answer);
      const signatures = await Promise.all(
        Array.from({ length: 300 }, () => privateKey.sign('ECDSA-SHA256', MESSAGE)),
      );
      expect(signatures.every((signature) => isRight(signature))).toBe(true);
      expectTrue(client, { open: 4, idle: 4, max: 4, errors: 0, refused: 0 });
      await privateKey.destroy();
    },
  );

  test('keeps the order of waiting operations', async () => {
    const client = await ground.connect({ sessions: { max: 16 } });
    allow(2);
    const order: number[] = [];
    const one = async (i: number): Promise<void> => {
      await client.withSession(async () => {
        order.push(i);
        await sleep(1);
      });
    };
    await Promise.all(Array.from({ length: 30 }, (_, i) => one(i)));
    expect(order).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expectTrue(client, { open: 2, max: 2 });
  });

  test('of one session makes the pool lend the anchor session', async () => {
    const client = await ground.connect({ sessions: { max: 16 } });
    const { privateKey, isRight } = await signer(client, true);
    await ground.clean();
    const again = await ground.connect({ sessions: { max: 16 } });
    const key = await again.privateKey({ label: privateKey.label ?? '' });
    await again.close();
    allow(1); // the anchor session only
    const only = await ground.connect({ sessions: { max: 16 } });
    const its = await only.privateKey({ id: key.id as Buffer });
    const signatures = await Promise.all(Array.from({ length: 50 }, () => its.sign('ECDSA-SHA256', MESSAGE)));
    expect(signatures.every((signature) => isRight(signature))).toBe(true);
    expect(only.statistics()).toMatchObject({ open: 1, max: 1, errors: 0 });
    expect(ground.sessions()).toBe(1);
    expect(only.user).toBe('USER');
    await only.logout();
    expect(only.user).toBeUndefined();
    await only.login(ground.test.pin);
    await its.destroy();
    expect(ground.sessions()).toBe(1);
  });

  test('makes the pool lend pinned sessions last, and they stay open', async () => {
    const client = await ground.connect({ sessions: { max: 2 } });
    const keys = [
      await client.generateKey('AES', { valueLen: 32 }),
      await client.generateKey('AES', { valueLen: 32 }),
    ];
    expectTrue(client, { open: 2, pinned: 2 });
    const parameter = { name: 'AES-GCM', iv: Buffer.alloc(12, 1) };
    const texts = await Promise.all(
      Array.from({ length: 40 }, (_, i) => keys[i % 2]?.encrypt(parameter, MESSAGE)),
    );
    expect(texts).toHaveLength(40);
    expectTrue(client, { open: 2, pinned: 2, idle: 2 });
    for (const key of keys) await key.destroy();
    expectTrue(client, { open: 2, pinned: 0 });
  });
});

describe('a session that cannot be opened', () => {
  test.each(['CKR_GENERAL_ERROR', 'CKR_FUNCTION_FAILED'] as const)(
    'does not fail operations with %s while the pool has another session',
    async (answer) => {
      const client = await ground.connect({ sessions: { max: 8 } });
      const { privateKey, isRight } = await signer(client, true);
      ground.fault.plan([{ function: 'C_OpenSession', return: answer }]);
      const signatures = await Promise.all(
        Array.from({ length: 100 }, () => privateKey.sign('ECDSA-SHA256', MESSAGE)),
      );
      expect(signatures.every((signature) => isRight(signature))).toBe(true);
      expectTrue(client, { open: 1, max: 8, errors: 0 });
      ground.fault.clear();
      await sleep(1_100);
      await Promise.all(Array.from({ length: 100 }, () => privateKey.sign('ECDSA-SHA256', MESSAGE)));
      expectTrue(client, { open: 8 });
      await privateKey.destroy();
    },
  );

  test('fails waiting operations at once when the pool has no other session', async () => {
    const client = await ground.connect({ sessions: { max: 8 } });
    ground.fault.plan([{ function: 'C_OpenSession', return: 'CKR_GENERAL_ERROR' }]);
    const errors = await Promise.all(Array.from({ length: 20 }, () => failure(client.random(1))));
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['CKR_GENERAL_ERROR']));
    ground.fault.clear();
    expect(await client.random(1)).toHaveLength(1);
    expectTrue(client, { waiting: 0 });
  });

  test('for a moment makes the pool try again, also for operations that are not repeatable', async () => {
    const client = await ground.connect();
    ground.fault.plan([{ function: 'C_OpenSession', nth: 1, return: 'CKR_FUNCTION_FAILED' }]);
    await using key = await client.generateKey('AES', { valueLen: 16 });
    expect(key.isTokenObject).toBe(false);
    expect(client.statistics()).toMatchObject({ errors: 0, retries: 1 });
  });
});

describe('the pool itself', () => {
  const OPTIONS = { max: 4, queue: 10, timeout: 1000, idleTimeout: Number.POSITIVE_INFINITY };

  test('keeps a session that arrives when no operation waits for it any more', async () => {
    const token = await ground.token();
    const pool = new SessionPool(
      { ...OPTIONS, max: 1 },
      () => token.openSession(),
      () => undefined,
    );
    const lease = await pool.acquire();
    const ending = new AbortController();
    const outcome = failure(pool.acquire(ending.signal));
    lease.release();
    ending.abort();
    expect(await outcome).toMatchObject({ name: 'AbortError' });
    expect(pool.statistics()).toMatchObject({ open: 1, idle: 1, lent: 0 });
    await pool.close(new CryptokiError({ code: 'ERR_CRYPTOKI_CLIENT_CLOSED' }), 1000);
  });

  test('ignores a refusal that is older than its latest opened session', async () => {
    const token = await ground.token();
    let asked = 0;
    const open = async (): Promise<Session> => {
      asked += 1;
      if (asked > 2) throw new CryptokiError({ rv: CKR.SESSION_COUNT });
      await sleep(20);
      return token.openSession();
    };
    const pool = new SessionPool(OPTIONS, open, () => undefined);
    const leases = [pool.acquire(), pool.acquire(), pool.acquire(), pool.acquire()];
    for (const lease of leases) (await lease).release();
    // On a busy machine one session may serve all four before the other one is open.
    await expect.poll(() => pool.statistics()).toMatchObject({ open: 2, max: 2, idle: 2 });
    await pool.close(new CryptokiError({ code: 'ERR_CRYPTOKI_CLIENT_CLOSED' }), 1000);
  });
});
