/** A group of a token in this process and one behind a p11-kit server, which is killed under load. */
import { setTimeout as wait } from 'node:timers/promises';
import { type ClientGroup, connect, type GroupOptions, type GroupPrivateKey, Module } from 'cryptoki';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Server, startServer, whyNoServer } from '../support/p11-kit-server.mjs';
import { createHsm, ecKey, type Hsm, isGood, MESSAGE, PIN, until } from './group-support';

const { privateKey, publicKey, key: verifying } = ecKey('signing');
let local: Hsm;
let server: Server;
let group: ClientGroup;
let told: string[];

async function join(options: GroupOptions = {}): Promise<GroupPrivateKey> {
  const remote = {
    target: { module: server.module, token: { label: server.label } },
    pin: server.pin,
    moduleOptions: server.moduleOptions,
    sessions: { max: 8 },
  };
  group = await connect([remote, local.target], {
    pin: PIN,
    breaker: { openTime: 50, maxOpenTime: 200 },
    ...options,
  });
  told = [];
  group.on('memberDown', ({ member }) => told.push(`${member} down`));
  group.on('memberUp', ({ member }) => told.push(`${member} up`));
  const key = await group.privateKey({ label: 'signing' });
  expect(key.members).toEqual(['remote', 'local']);
  return key;
}

/** Signs with 16 workers until it is stopped. An error ends the load. */
function load(key: GroupPrivateKey): { stop(): Promise<{ made: number; slowest: number }> } {
  let isStopped = false;
  let made = 0;
  let slowest = 0;
  const workers = Array.from({ length: 16 }, async () => {
    while (!isStopped) {
      const begun = performance.now();
      const signature = await key.sign('ECDSA-SHA256', MESSAGE);
      slowest = Math.max(slowest, performance.now() - begun);
      if (!isGood(verifying, signature)) throw new Error('a signature is wrong');
      made += 1;
    }
  });
  const all = Promise.all(workers);
  all.catch(() => {}); // stop() reports the error
  return {
    stop: async () => {
      isStopped = true;
      await all;
      return { made, slowest };
    },
  };
}

const operations = (): number[] => group.statistics().members.map((member) => member.operations);

describe.skipIf(whyNoServer !== undefined)('a group with a p11-kit server', () => {
  beforeEach(async () => {
    server = await startServer('remote');
    const module = await Module.open(server.module, server.moduleOptions);
    const session = await (await module.token({ label: server.label })).openSession({ readWrite: true });
    await session.login(server.pin);
    for (const attributes of [privateKey, publicKey])
      await session.createObject({ token: true, ...attributes });
    await module.close();
    local = await createHsm('local', [privateKey, publicKey]);
  });

  afterEach(async () => {
    server.signal('SIGCONT');
    await group?.close();
    expect(server.watcher.violations).toEqual([]);
    expect(local.fault.violations).toEqual([]);
    await server.stop();
    await local.remove();
  });

  test('loses no operation when the server is killed, and uses the server again after a restart', async () => {
    const key = await join();
    for (let round = 0; round < 3; round += 1) {
      const its = load(key);
      await wait(300);
      await server.kill();
      await until(() => told.length === 2 * round + 1, 'the server is missed');
      const before = operations();
      await wait(300);
      const [remote, near] = operations().map((count, index) => count - (before[index] as number));
      expect(remote).toBe(0);
      expect(near).toBeGreaterThan(0);
      await server.start();
      await until(() => told.length === 2 * round + 2, 'the server is back');
      const { made, slowest } = await its.stop();
      expect(made).toBeGreaterThan(50);
      expect(slowest).toBeLessThan(10_000);
      // On a busy machine the server may count as slow for a second.
      const [back = 0] = operations();
      const end = performance.now() + 10_000;
      while ((operations()[0] as number) < back + 10 && performance.now() < end) {
        await Promise.all(Array.from({ length: 20 }, () => key.sign('ECDSA-SHA256', MESSAGE)));
      }
      expect(operations()[0]).toBeGreaterThanOrEqual(back + 10);
    }
    expect(told).toEqual(Array.from({ length: 3 }, () => ['remote down', 'remote up']).flat());
    expect(group.statistics().errors).toBe(0);
  }, 180_000);

  test('loses no operation when connections are killed repeatedly', async () => {
    const its = load(await join({ strategy: 'leastInFlight' }));
    for (let i = 0; i < 8; i += 1) {
      await wait(150);
      server.signal('SIGKILL');
    }
    const { made } = await its.stop();
    expect(made).toBeGreaterThan(50);
    expect(group.statistics().errors).toBe(0);
  }, 60_000);

  test('does not use a server that is suspended, and returns to it after it is resumed', async () => {
    const key = await join({
      strategy: 'primary',
      operationTimeout: 500,
      breaker: { openTime: 50, maxOpenTime: 100, probeTimeout: 1_500 },
    });
    const its = load(key);
    await wait(200);
    server.signal('SIGSTOP');
    await until(() => told.length === 1, 'the server is missed');
    await wait(500);
    server.signal('SIGCONT');
    await until(() => told.length === 2, 'the server is back');
    const before = operations();
    await wait(200);
    expect(operations()[0]).toBeGreaterThan(before[0] as number);
    expect((await its.stop()).slowest).toBeLessThan(10_000);
    expect(told).toEqual(['remote down', 'remote up']);
    expect(group.statistics().errors).toBe(0);
  }, 60_000);

  test('reports a failure of both members', async () => {
    const key = await join({ recovery: { timeout: 100 } });
    await server.kill();
    local.fault.removeToken();
    const error = await failure(key.sign('ECDSA-SHA256', MESSAGE));
    expect(error.code).toBe('ERR_CRYPTOKI_NO_MEMBER');
    expect(error.message).toMatch(/"remote": (CKR|ERR)_\w+, "local": (CKR|ERR)_\w+/);
    await server.start();
    await until(() => group.members[0]?.isWell === true, 'the server is back');
    expect(isGood(verifying, await key.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    local.fault.insertToken();
    await until(() => group.members[1]?.isWell === true, 'the token is back');
  });
});
