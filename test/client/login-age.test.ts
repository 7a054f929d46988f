import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ConnectOptions } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Ground, hold, MESSAGE, prepare, signer } from './support/ground';

let ground: Ground;
beforeAll(async () => {
  ground = await prepare('age');
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

interface Told {
  readonly what: string;
  /** Milliseconds since the client was connected. */
  readonly at: number;
}

async function open(options: ConnectOptions): Promise<{ client: Client; events: Told[]; whats(): string[] }> {
  const client = await ground.connect(options);
  const begun = performance.now();
  const events: Told[] = [];
  const tell = (what: string): void => {
    events.push({ what, at: performance.now() - begun });
  };
  client.on('expiring', ({ reason, within }) => tell(`expiring ${reason} ${within <= 100 && within > 0}`));
  client.on('loggedOut', ({ reason }) => tell(`loggedOut ${reason}`));
  client.on('login', () => tell('login'));
  return { client, events, whats: () => events.map(({ what }) => what) };
}

describe('idleTimeout', () => {
  test('ends an unused login after a warning', async () => {
    const { client, events, whats } = await open({ login: { idleTimeout: 200, warning: 100 } });
    await expect.poll(whats).toEqual(['expiring idle true', 'loggedOut idle']);
    expect(client.user).toBeUndefined();
    const [warned, ended] = events.map(({ at }) => at) as [number, number];
    expect(warned).toBeGreaterThan(80);
    expect(warned).toBeLessThan(ended);
    expect(ended).toBeGreaterThan(180);
    expect(ended).toBeLessThan(5000);
    // The PIN was given as a value and is wiped.
    expect(await failure(client.random(1))).toMatchObject({ code: 'ERR_CRYPTOKI_LOGIN_NEEDED' });
    await client.login(ground.test.pin);
    expect(await client.random(1)).toHaveLength(1);
    await expect.poll(() => whats().slice(2)).toEqual(['login', 'expiring idle true', 'loggedOut idle']);
  });

  test('restarts with each operation, and does not expire while one runs', async () => {
    const { client, whats } = await open({ login: { idleTimeout: 400, warning: 1 } });
    for (let i = 0; i < 10; i++) {
      await sleep(80);
      await client.random(1);
    }
    expect([client.user, whats()]).toEqual(['USER', []]);
    const one = await hold(client);
    await sleep(700);
    expect([client.user, whats()]).toEqual(['USER', []]);
    await one.back();
    await sleep(100);
    expect(client.user).toBe('USER');
    await expect.poll(() => client.user).toBeUndefined();
  });

  test('is followed by a new login when a function supplies the PIN', async () => {
    const reasons: string[] = [];
    const { client, whats } = await open({
      login: { idleTimeout: 60, warning: 0 },
      pin: ({ reason }) => {
        reasons.push(reason);
        return ground.test.pin;
      },
    });
    const { privateKey, isRight } = await signer(client, true);
    await expect.poll(() => whats()).toEqual(['loggedOut idle']);
    expect(isRight(await privateKey.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    expect([whats()[1], reasons]).toEqual(['login', ['login', 'relogin']]);
    await privateKey.destroy();
  });
});

describe('maxAge', () => {
  test('ends a login even if it is used, after the operations in flight', async () => {
    const { client, events, whats } = await open({
      login: { maxAge: 300, warning: 100 },
      sessions: { max: 2 },
    });
    const { privateKey, isRight } = await signer(client, true);
    const outcomes: string[] = [];
    while (client.user === 'USER' || outcomes.length === 0) {
      const signed = privateKey.sign('ECDSA-SHA256', MESSAGE);
      outcomes.push(
        await signed.then(
          (signature) => (isRight(signature) ? 'right' : 'wrong'),
          (error) => error.code,
        ),
      );
      if (outcomes.at(-1) !== 'right') break;
    }
    await expect.poll(() => whats()).toEqual(['expiring age true', 'loggedOut age']);
    expect(events[1]?.at).toBeGreaterThan(280);
    expect(events[1]?.at).toBeLessThan(5000);
    expect(new Set(outcomes.slice(0, -1))).toEqual(new Set(['right']));
    expect(['right', 'ERR_CRYPTOKI_LOGIN_NEEDED']).toContain(outcomes.at(-1));
    expect(await failure(privateKey.sign('ECDSA-SHA256', MESSAGE))).toMatchObject({
      code: 'ERR_CRYPTOKI_LOGIN_NEEDED',
    });
    await client.login(ground.test.pin);
    await privateKey.destroy();
  });

  test('waits for a signature in progress', async () => {
    const { client, whats } = await open({ login: { maxAge: 500, warning: 0 } });
    const { privateKey, isRight } = await signer(client, true);
    ground.fault.plan([{ function: 'C_Sign', hang: true }]);
    const signing = privateKey.sign('ECDSA-SHA256', MESSAGE);
    await ground.fault.until(({ hanging }) => hanging === 1);
    await sleep(700);
    expect([client.user, whats()]).toEqual(['USER', []]);
    ground.fault.clear();
    expect(isRight(await signing)).toBe(true);
    await expect.poll(() => whats()).toEqual(['loggedOut age']);
    await client.login(ground.test.pin);
    await privateKey.destroy();
  });

  test('starts again with each login', async () => {
    const { client, whats } = await open({ login: { maxAge: 700, warning: 0 } });
    await sleep(450);
    await client.logout();
    await client.login();
    await sleep(450);
    expect([client.user, whats()]).toEqual(['USER', ['loggedOut requested', 'login']]);
    await expect.poll(() => whats()).toEqual(['loggedOut requested', 'login', 'loggedOut age']);
  });

  test('applies to a login that another part of the process made', async () => {
    const other = await ground.connect();
    const { client, whats } = await open({ login: { maxAge: 100, warning: 0 } });
    expect(client.user).toBe('USER');
    await expect.poll(() => whats()).toEqual(['loggedOut age']);
    expect(await other.random(1)).toHaveLength(1);
    expect(other.user).toBe('USER');
  });
});

test('a closed client and a client without a login have no timers for the age of a login', async () => {
  const { client, whats } = await open({ login: { idleTimeout: 50, maxAge: 60 } });
  await client.close();
  const guest = await open({ pin: undefined, login: { idleTimeout: 50, maxAge: 60 } });
  await sleep(150);
  expect([whats(), guest.whats()]).toEqual([[], []]);
});
