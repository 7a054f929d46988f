import type { KeyObject } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Client, type ClientPrivateKey, connect } from 'cryptoki';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectSessions, Load, noOutcome, signOne } from '../support/load';
import { failure } from '../support/open';
import { type Server, startServer, whyNoServer } from '../support/p11-kit-server.mjs';

/** Error codes that an operation may report when the server stops while it runs. */
const SENSIBLE =
  /^(CKR_DEVICE_ERROR|CKR_SESSION_HANDLE_INVALID|CKR_CRYPTOKI_NOT_INITIALIZED|ERR_CRYPTOKI_(SESSION_CLOSED|TOKEN_NOT_FOUND))$/;

let server: Server;
let client: Client;
let key: ClientPrivateKey;
let publicKey: KeyObject;

async function open(options: Parameters<typeof connect>[1] = {}): Promise<void> {
  server = await startServer();
  const target = { module: server.module, token: { label: server.label } };
  const { pin, moduleOptions } = server;
  client = await connect(target, { pin, moduleOptions, sessions: { max: 8 }, ...options });
  const pair = await client.generateKeyPair('EC', { curve: 'P-256', label: 'signing', token: true });
  publicKey = await pair.publicKey.toKeyObject();
  key = await client.privateKey({ label: 'signing' });
  server.save();
}

/** Checks that the client works as it did before the fault. */
async function expectWell(): Promise<void> {
  const outcome = noOutcome();
  const message = Buffer.from('after');
  await Promise.all(Array.from({ length: 40 }, () => signOne(outcome, key, publicKey, message)));
  expect(outcome).toEqual({ valid: 40, invalid: 0, errors: {}, strange: [] });
  expect(client.user).toBe('USER');
  await expectSessions(() => server.watcher.counters().openSessions, client);
  expect(server.watcher.violations).toEqual([]);
}

describe.skipIf(whyNoServer !== undefined)(`a p11-kit server under load`, () => {
  beforeEach(() => open());
  afterEach(async () => {
    await server.signal('SIGCONT');
    await client?.close();
    await server?.stop();
  });

  /** Puts load on the client, injects `fault`, and stops some time later. */
  async function under(fault: () => Promise<void> | void, count = 1): Promise<void> {
    const load = new Load(key, publicKey, 16);
    for (let round = 0; round < count; round += 1) {
      await wait(200);
      const { valid } = load.outcome;
      await fault();
      await expect.poll(() => load.outcome.valid, { timeout: 15_000 }).toBeGreaterThan(valid + 50);
    }
    const outcome = await load.stop();
    expect(outcome.invalid).toBe(0);
    expect(outcome.strange).toEqual([]);
    for (const code of Object.keys(outcome.errors)) expect(code).toMatch(SENSIBLE);
    await expectWell();
  }

  test('recovers when a connection is killed', () => under(() => server.signal('SIGKILL'), 5), 60_000);

  test(
    'recovers when it is killed and started again',
    () =>
      under(async () => {
        await server.kill();
        await server.start();
      }, 5),
    60_000,
  );

  test(
    'recovers when it is down for two seconds',
    () =>
      under(async () => {
        await server.kill();
        await wait(2_000);
        await server.start();
      }),
    60_000,
  );

  test(
    'recovers when a connection is suspended and then killed',
    () =>
      under(async () => {
        await server.signal('SIGSTOP');
        await wait(500);
        await server.signal('SIGKILL');
      }),
    60_000,
  );

  test('fails no operation when it is back soon, because all are repeated', async () => {
    const outcome = noOutcome();
    for (let round = 0; round < 5; round += 1) {
      const operations = Array.from({ length: 100 }, (_, i) =>
        signOne(outcome, key, publicKey, Buffer.from(`${round} ${i}`)),
      );
      await server.signal('SIGKILL');
      await Promise.all(operations);
    }
    expect(outcome).toEqual({ valid: 500, invalid: 0, errors: {}, strange: [] });
    await expectWell();
  }, 60_000);

  test('causes one recovery for all operations that notice the failure', async () => {
    const events: string[] = [];
    client.on('recovering', ({ level }) => events.push(`recovering ${level}`));
    client.on('recovered', ({ level }) => events.push(`recovered ${level}`));
    await expectWell(); // opens the sessions
    await server.signal('SIGKILL');
    await expectWell();
    expect(events).toEqual(['recovering module', 'recovered module']);
  });

  test('ends a key that the client held in a session', async () => {
    await using lost = await client.generateKey('AES', { valueLen: 32 });
    expect(client.statistics().pinned).toBe(1);
    await server.signal('SIGKILL');
    await expectWell();
    const error = await failure(lost.sign('AES-CMAC', Buffer.alloc(1)));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_DEAD' });
  });
});

describe.skipIf(whyNoServer !== undefined)('a p11-kit server that stays down', () => {
  afterEach(async () => {
    await client?.close();
    await server?.stop();
  });

  test('makes operations fail in time, and the next one after its restart succeeds', async () => {
    await open({ recovery: { timeout: 500 } });
    const down: unknown[] = [];
    client.on('down', ({ error }) => down.push(error));
    await server.kill();
    const begun = performance.now();
    const errors = await Promise.all(
      Array.from({ length: 20 }, () => failure(key.sign('ECDSA-SHA256', Buffer.alloc(8)))),
    );
    expect(performance.now() - begun).toBeLessThan(2_500);
    for (const error of errors) expect(error.code).toMatch(SENSIBLE);
    expect(down).toHaveLength(1);
    expect(down[0]).toMatchObject({ code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND' });
    expect(await client.health()).toMatchObject({ ok: false });
    expect(await failure(key.sign('ECDSA-SHA256', Buffer.alloc(8)))).toMatchObject({
      code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
    });
    await wait(1_000);
    await server.start();
    await expectWell();
    expect(await client.health()).toMatchObject({ ok: true, loggedIn: 'USER' });
  });

  test('allows operations to be aborted during the recovery', async () => {
    await open();
    await server.kill();
    const controller = new AbortController();
    const operations = [1, 2, 3].map(() =>
      failure(key.sign('ECDSA-SHA256', Buffer.alloc(8), { signal: controller.signal })),
    );
    await new Promise((resolve) => client.once('recovering', resolve));
    const reason = new Error('not wanted any more');
    controller.abort(reason);
    expect(await Promise.all(operations)).toEqual([reason, reason, reason]);
    await server.start();
    await expectWell();
  });

  test('allows the client to be closed during the recovery', async () => {
    await open();
    await server.kill();
    const operation = failure(key.sign('ECDSA-SHA256', Buffer.alloc(8)));
    await new Promise((resolve) => client.once('recovering', resolve));
    await wait(300);
    const begun = performance.now();
    await client.close();
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect((await operation).code).toMatch(/^(CKR_DEVICE_ERROR|ERR_CRYPTOKI_CLIENT_CLOSED)$/);
    expect(await failure(key.sign('ECDSA-SHA256', Buffer.alloc(8)))).toMatchObject({
      code: 'ERR_CRYPTOKI_CLIENT_CLOSED',
    });
  });
});
