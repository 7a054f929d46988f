import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure, wrong } from '../support/open';
import { type Ground, hold, MESSAGE, prepare, signer } from './support/ground';

const NEEDED = { code: 'ERR_CRYPTOKI_LOGIN_NEEDED' };

let ground: Ground;
beforeAll(async () => {
  ground = await prepare('login', ['second']);
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

/** Login events of a client, such as 'login USER' and 'loggedOut idle'. */
function told(client: Client): string[] {
  const events: string[] = [];
  client.on('login', ({ user }) => events.push(`login ${user}`));
  client.on('loggedOut', ({ reason }) => events.push(`loggedOut ${reason}`));
  return events;
}

describe('a client without a login', () => {
  test('finds public objects, and private ones after login(), on the same sessions', async () => {
    const keeper = await ground.connect();
    const secret = { class: 'DATA', token: true, private: true, label: 'private' } as const;
    const kept = [
      await keeper.createObject(secret),
      await keeper.createObject({ ...secret, private: false, label: 'public' }),
    ];
    await keeper.logout();
    await keeper.close();

    const client = await ground.connect({ pin: undefined });
    const events = told(client);
    const labels = async (): Promise<unknown[]> =>
      (await client.find({ class: 'DATA', token: true })).map(({ label }) => label).sort();
    expect([client.user, await labels()]).toEqual([undefined, ['public']]);
    const one = await hold(client);
    expect(one.session.state).toBe('RW_PUBLIC_SESSION');
    const opened = client.statistics().opened;
    await client.login(ground.test.pin);
    expect([client.user, one.session.state]).toEqual(['USER', 'RW_USER_FUNCTIONS']);
    await one.back();
    expect(await labels()).toEqual(['private', 'public']);
    expect(client.statistics().opened).toBe(opened);
    await client.logout();
    expect(await labels()).toEqual(['public']);
    expect(events).toEqual(['login USER', 'loggedOut requested']);
    await client.login(); // the client has kept the PIN
    for (const object of await client.find({ class: 'DATA', token: true })) await object.destroy();
    expect(kept).toHaveLength(2);
  });

  test('cannot log in without a PIN and stays logged out', async () => {
    const client = await ground.connect({ pin: undefined });
    expect(await failure(client.login())).toMatchObject(NEEDED);
    expect(await client.random(2)).toHaveLength(2);
    expect(client.user).toBeUndefined();
  });

  test('stays logged out after a wrong PIN, and asks for a new PIN', async () => {
    const client = await ground.connect({ pin: undefined });
    expect(await failure(client.login('11112222'))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(await client.random(2)).toHaveLength(2);
    expect(await failure(client.login())).toMatchObject(NEEDED);
    await client.login(ground.test.pin);
    expect(client.user).toBe('USER');
  });
});

describe('login()', () => {
  test('keeps the stored PIN when the given one is wrong', async () => {
    const client = await ground.connect();
    const { privateKey, isRight } = await signer(client, true);
    await client.logout();
    expect(await failure(client.login('11113333'))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    await client.login();
    await ground.logOutElsewhere();
    expect(isRight(await privateKey.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    await privateKey.destroy();
  });

  test('changes to another user and back', async () => {
    const client = await ground.connect();
    const events = told(client);
    await client.login(ground.test.soPin, { user: 'SO' });
    expect(client.user).toBe('SO');
    expect(await client.withSession(async ({ state }) => state)).toBe('RW_SO_FUNCTIONS');
    await client.login(ground.test.pin, { user: 'USER' });
    expect(client.user).toBe('USER');
    expect(events).toEqual(['loggedOut requested', 'login SO', 'loggedOut requested', 'login USER']);
  });

  test('logs in the security officer with the option user', async () => {
    const client = await ground.connect({ user: 'SO', pin: ground.test.soPin });
    expect(client.user).toBe('SO');
    await client.withSession((session) => session.initPin(ground.test.pin));
  });

  test('refuses unknown users, missing PINs and unknown options', async () => {
    const client = await ground.connect({ pin: undefined });
    const code = 'ERR_INVALID_ARG_TYPE';
    expect(await failure(client.login('1', wrong({ user: 'ADMIN' })))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: 'Unknown user "ADMIN". Known: USER, SO',
    });
    expect(await failure(client.login('1', wrong({ users: 'SO' })))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    expect(await failure(client.login(wrong(1234)))).toMatchObject({ code });
    expect(client.user).toBeUndefined();
  });

  test('and logout() run in the order of their calls', async () => {
    const client = await ground.connect({ pin: undefined });
    const events = told(client);
    await Promise.all([
      client.login(ground.test.pin),
      client.logout(),
      client.login(),
      client.login(),
      client.logout(),
      client.login(),
    ]);
    expect(client.user).toBe('USER');
    expect(events).toEqual([
      ...['login USER', 'loggedOut requested', 'login USER', 'loggedOut requested', 'login USER'],
    ]);
  });

  test('opens new sessions after all sessions were lost', async () => {
    const client = await ground.connect({ pin: undefined });
    ground.fault.loseSessions();
    await client.login(ground.test.pin);
    expect([client.user, (await client.random(1)).length]).toEqual(['USER', 1]);
  });
});

describe('logout()', () => {
  test('waits for operations in flight; waiting operations run without a login', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const { privateKey, isRight } = await signer(client, true);
    ground.fault.plan([{ function: 'C_Sign', delay: 50, nth: 1 }]);
    const signing = privateKey.sign('ECDSA-SHA256', MESSAGE);
    await ground.fault.until(({ delayed }) => delayed === 1);
    const waiting = client.random(3);
    const leaving = client.logout();
    const late = failure(privateKey.sign('ECDSA-SHA256', MESSAGE));
    expect(isRight(await signing)).toBe(true);
    await leaving;
    expect(await waiting).toHaveLength(3);
    expect(await late).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND' });
    await client.login();
    await privateKey.destroy();
  });

  test('without a login does nothing and emits no event', async () => {
    const client = await ground.connect({ pin: undefined });
    const events = told(client);
    await client.logout();
    expect([client.user, events]).toEqual([undefined, []]);
  });

  test('elsewhere in the process emits an event, and the next operation logs in again', async () => {
    const client = await ground.connect();
    const { privateKey, isRight } = await signer(client, true);
    const events = told(client);
    await ground.logOutElsewhere();
    await expect.poll(() => events).toEqual(['loggedOut elsewhere']);
    expect(client.user).toBeUndefined();
    expect(isRight(await privateKey.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    expect(events).toEqual(['loggedOut elsewhere', 'login USER']);
    await privateKey.destroy();
  });

  test('by another process is repaired, too', async () => {
    const client = await ground.connect();
    const { privateKey, isRight } = await signer(client, true);
    ground.fault.logout();
    expect(client.user).toBe('USER'); // no call has reported the logout yet
    expect(isRight(await privateKey.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    expect(client.user).toBe('USER');
    await privateKey.destroy();
  });
});

describe('secureLogout()', () => {
  test('closes all sessions and forgets the PIN; the next operation reports that a login is required', async () => {
    const client = await ground.connect();
    const events = told(client);
    const key = await client.generateKey('AES', { valueLen: 32 });
    await Promise.all([client.random(1), client.random(1)]);
    expect(ground.sessions()).toBeGreaterThan(1);
    await client.secureLogout();
    expect([ground.sessions(), client.user]).toEqual([0, undefined]);
    expect(client.statistics()).toMatchObject({ open: 0, pinned: 0 });
    expect(events).toEqual(['loggedOut requested']);
    expect(await failure(client.random(1))).toMatchObject(NEEDED);
    expect(await failure(key.encrypt({ name: 'AES-GCM', iv: Buffer.alloc(12) }, MESSAGE))).toMatchObject(
      NEEDED,
    );
    expect(await failure(client.login())).toMatchObject(NEEDED);
    await client.login(ground.test.pin);
    expect(await client.random(1)).toHaveLength(1);
    expect(await failure(key.encrypt({ name: 'AES-GCM', iv: Buffer.alloc(12) }, MESSAGE))).toMatchObject({
      code: 'ERR_CRYPTOKI_OBJECT_DEAD',
    });
  });

  test('lets the next operation log in again when a function supplies the PIN', async () => {
    const reasons: string[] = [];
    const pin = ({ reason }: { reason: string }): string => {
      reasons.push(reason);
      return ground.test.pin;
    };
    const client = await ground.connect({ pin });
    const { privateKey, isRight } = await signer(client, true);
    await client.secureLogout();
    expect(ground.sessions()).toBe(0);
    expect(isRight(await privateKey.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    expect(reasons).toEqual(['login', 'relogin']);
    await privateKey.destroy();
  });

  test('waits for operations in flight, and fails waiting ones without a call of the PIN provider', async () => {
    let asked = 0;
    const pin = (): string => {
      asked += 1;
      return ground.test.pin;
    };
    const client = await ground.connect({ pin, sessions: { max: 1 } });
    const one = await hold(client);
    const waiting = failure(client.random(1));
    await expect.poll(() => client.statistics().waiting).toBe(1);
    const leaving = client.secureLogout();
    await new Promise(setImmediate);
    expect(ground.sessions()).toBe(2);
    await one.back();
    await leaving;
    expect(ground.sessions()).toBe(0);
    expect(await waiting).toMatchObject(NEEDED);
    expect([asked, client.user]).toEqual([1, undefined]);
  });

  test('waits for a session that is being opened', async () => {
    const client = await ground.connect();
    ground.fault.plan([{ function: 'C_OpenSession', hang: true }]);
    const waiting = client.random(1);
    await ground.fault.until(({ hanging }) => hanging === 1);
    let hasLeft = false;
    const leaving = client.secureLogout().then(() => {
      hasLeft = true;
    });
    await sleep(50);
    expect(hasLeft).toBe(false);
    const outcome = failure(waiting);
    ground.fault.clear();
    await leaving;
    expect(ground.sessions()).toBe(0);
    expect(await outcome).toMatchObject(NEEDED);
  });

  test('without a login closes the sessions, and the client remains usable', async () => {
    const client = await ground.connect({ pin: undefined });
    await client.random(1);
    await client.secureLogout();
    expect(ground.sessions()).toBe(0);
    expect(await client.random(1)).toHaveLength(1);
  });
});

describe('several clients', () => {
  test('on different tokens have independent logins', async () => {
    const client = await ground.connect();
    await using other = await connect(
      { module: ground.test.module, token: { label: 'second' } },
      { pin: ground.test.pin },
    );
    const events = [told(client), told(other)];
    await client.logout();
    expect([client.user, other.user]).toEqual([undefined, 'USER']);
    const { privateKey, isRight } = await signer(other);
    expect(isRight(await privateKey.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    await other.login(ground.test.soPin, { user: 'SO' });
    await client.login();
    expect([client.user, other.user]).toEqual(['USER', 'SO']);
    expect(events).toEqual([
      ['loggedOut requested', 'login USER'],
      ['loggedOut requested', 'login SO'],
    ]);
  });

  test('on one token share its login, and each repairs a logout by another one', async () => {
    const [a, b] = [await ground.connect(), await ground.connect()];
    const { privateKey, isRight } = await signer(a, true);
    const key = await b.privateKey({ label: privateKey.label ?? '' });
    const events = told(b);
    await a.logout();
    await expect.poll(() => events).toEqual(['loggedOut elsewhere']);
    expect(isRight(await key.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    expect([a.user, b.user]).toEqual(['USER', 'USER']);
    expect(isRight(await privateKey.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    await a.close();
    expect(b.user).toBe('USER');
    expect(isRight(await key.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
    await key.destroy();
  });
});
