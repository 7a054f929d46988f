import { createPublicKey, verify } from 'node:crypto';
import { CryptokiError, Module, type Session, type SessionOptions, type Token } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure, wrong } from '../support/open';
import { createToken, type TestToken } from '../support/token';

let its: TestToken;
let module: Module;
let token: Token;
let other: Token;

beforeAll(async () => {
  its = await createToken('sessions');
  await its.addToken('other');
  module = await Module.open(its.module);
  token = await module.token({ label: 'sessions' });
  other = await module.token({ label: 'other' });
});
afterAll(async () => {
  await module.close();
  its.remove();
});
// Each test must end without a session and without a login.
afterEach(async () => {
  await token.slot[Symbol.asyncDispose]();
  await other.slot[Symbol.asyncDispose]();
});

describe('the state of a session', () => {
  test('follows login and logout for all sessions of the token at once', async () => {
    const reading = await token.openSession();
    const writing = await token.openSession({ readWrite: true });
    expect([reading.state, writing.state]).toEqual(['RO_PUBLIC_SESSION', 'RW_PUBLIC_SESSION']);
    await reading.login(its.pin);
    expect([reading.state, writing.state]).toEqual(['RO_USER_FUNCTIONS', 'RW_USER_FUNCTIONS']);
    const later = await token.openSession();
    expect(later.state).toBe('RO_USER_FUNCTIONS');
    await later.logout();
    expect([reading.state, writing.state, later.state]).toEqual([
      'RO_PUBLIC_SESSION',
      'RW_PUBLIC_SESSION',
      'RO_PUBLIC_SESSION',
    ]);
  });

  test('equals the state that the module reports', async () => {
    for (const readWrite of [false, true]) {
      const session = await token.openSession({ readWrite });
      const expected = { slot: token.slot.id, readWrite, deviceError: 0 };
      expect(await session.info()).toEqual({ ...expected, state: session.state });
      await session.login(its.pin);
      expect(await session.info()).toEqual({ ...expected, state: session.state });
      await session.logout();
      expect(await session.info()).toEqual({ ...expected, state: session.state });
    }
  });

  test('of the security officer is RW_SO_FUNCTIONS', async () => {
    const session = await token.openSession({ readWrite: true });
    await session.login(its.soPin, { user: 'SO' });
    expect(session.state).toBe('RW_SO_FUNCTIONS');
    expect((await session.info()).state).toBe('RW_SO_FUNCTIONS');
    const error = await failure(token.openSession());
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_SO_READ_ONLY' });
    expect(error.message).toContain('CKR_SESSION_READ_WRITE_SO_EXISTS');
    await session.logout();
    expect(session.state).toBe('RW_PUBLIC_SESSION');
  });

  test('does not follow a login on another token', async () => {
    const here = await token.openSession();
    const there = await other.openSession();
    await here.login(its.pin);
    expect([here.state, there.state]).toEqual(['RO_USER_FUNCTIONS', 'RO_PUBLIC_SESSION']);
    await there.login(its.pin);
    await here.logout();
    expect([here.state, there.state]).toEqual(['RO_PUBLIC_SESSION', 'RO_USER_FUNCTIONS']);
  });

  test('is CLOSED when close() is called, before the call returns', async () => {
    const session = await token.openSession();
    const closing = session.close();
    expect([session.state, session.closed]).toEqual(['CLOSED', true]);
    await closing;
    expect(session.state).toBe('CLOSED');
  });

  test('changes with a login made through the raw calls', async () => {
    const session = await token.openSession();
    await module.raw.C_Login(session.handle, 1, its.pin);
    expect(session.state).toBe('RO_USER_FUNCTIONS');
    module.raw.C_LogoutSync(session.handle);
    expect(session.state).toBe('RO_PUBLIC_SESSION');
  });
});

describe('closing sessions', () => {
  test('ends the login with the last session only', async () => {
    const [one, two] = [await token.openSession(), await token.openSession()];
    await one.login(its.pin);
    await one.close();
    expect(two.state).toBe('RO_USER_FUNCTIONS');
    await two.close();
    expect((await token.openSession()).state).toBe('RO_PUBLIC_SESSION');
  });

  test('twice returns the same promise', async () => {
    const session = await token.openSession();
    const first = session.close();
    expect(session.close()).toBe(first);
    await first;
    await session.close();
  });

  test('waits for the calls that were made before', async () => {
    const session = await token.openSession();
    const random = Array.from({ length: 20 }, () => session.random(1000));
    await session.close();
    expect((await Promise.all(random)).every((bytes) => bytes.length === 1000)).toBe(true);
  });

  // The first signature on a token reads the mechanism list before it is queued.
  test('waits for the first signature on the token', async () => {
    const fresh = await module.token({ label: 'sessions' });
    const session = await fresh.openSession();
    await session.login(its.pin);
    const { privateKey } = await session.generateKeyPair('EC', { curve: 'P-256' });
    const signing = privateKey.sign('ECDSA-SHA256', Buffer.alloc(1));
    const [signature] = await Promise.allSettled([signing, session.close()]);
    expect(signature.status).toBe('fulfilled');
  });

  test('is done by `await using`', async () => {
    let session: Session;
    {
      await using scoped = await token.openSession();
      session = scoped;
      expect(session.closed).toBe(false);
    }
    expect(session.closed).toBe(true);
  });

  test('makes every call on the session fail with the reason', async () => {
    const session = await token.openSession({ readWrite: true });
    await session.close();
    const calls: (() => unknown)[] = [
      () => session.info(),
      () => session.login(its.pin),
      () => session.logout(),
      () => session.random(1),
      () => session.randomSync(1),
      () => session.digest('SHA-256', Buffer.alloc(1)),
      () => session.digestSync('SHA-256', Buffer.alloc(1)),
      () => session.find(),
      () => session.privateKey({ label: 'x' }),
      () => session.createObject({ class: 'DATA', value: Buffer.alloc(1) }),
      () => session.generateKey('AES'),
      () => session.generateKeyPair('EC', { curve: 'P-256' }),
    ];
    for (const call of calls) {
      const error = await failure(call);
      expect(error).toBeInstanceOf(CryptokiError);
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_SESSION_CLOSED', action: 'reopen' });
      expect(error.message).toContain('sessions');
    }
  });

  test('can also be done by C_CloseAllSessions', async () => {
    const sessions = await Promise.all([token.openSession(), token.openSession({ readWrite: true })]);
    const elsewhere = await other.openSession();
    await sessions[0].login(its.pin);
    await module.raw.C_CloseAllSessions(token.slot.id);
    expect(sessions.map((session) => session.state)).toEqual(['CLOSED', 'CLOSED']);
    expect(elsewhere.state).toBe('RO_PUBLIC_SESSION');
    expect(await failure(sessions[0].random(1))).toMatchObject({ code: 'ERR_CRYPTOKI_SESSION_CLOSED' });
    for (const session of sessions) await session.close();
    expect((await token.openSession()).state).toBe('RO_PUBLIC_SESSION');
  });

  test('of a token or slot closes the sessions opened through it', async () => {
    const again = await module.token({ label: 'sessions' });
    const [one, two] = [await token.openSession(), await again.openSession()];
    await again[Symbol.asyncDispose]();
    expect([one.closed, two.closed]).toEqual([false, true]);
    await token.slot[Symbol.asyncDispose]();
    expect(one.closed).toBe(true);
  });
});

describe('a read-only session', () => {
  test('refuses to create, change and destroy token objects, and creates session objects', async () => {
    const writing = await token.openSession({ readWrite: true });
    await writing.login(its.pin);
    const template = { class: 'DATA', label: 'kept', private: false, value: Buffer.from('v') } as const;
    const kept = await writing.createObject({ ...template, token: true });
    const reading = await token.openSession();
    const seen = kept.on(reading);
    for (const call of [
      () => reading.createObject({ ...template, token: true }),
      () => reading.generateKey('AES', { token: true }),
      () => reading.generateKeyPair('EC', { curve: 'P-256', token: true }),
      () => reading.generateKeyPair('EC', { curve: 'P-256', privateKey: { token: true } }),
      () => seen.setAttributes({ label: 'x' }),
      () => seen.destroy(),
    ]) {
      const error = await failure(call);
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_SESSION_READ_ONLY' });
      expect(error.message).toContain('readWrite: true');
    }
    expect((await seen.attribute('value')).toString()).toBe('v');
    const own = await reading.createObject({ ...template, label: 'own' });
    await own.setAttributes({ label: 'renamed' });
    await own.destroy();
    await kept.destroy();
  });
});

describe('options of openSession', () => {
  test.each<[unknown]>([[null], ['rw'], [1], [{ readWrite: 1 }], [{ readWrite: 'yes' }]])(
    '%o is refused',
    async (it) => {
      const error = await failure(token.openSession(wrong<SessionOptions>(it)));
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    },
  );
});

describe('calls', () => {
  test('on one session settle in the order in which they were made', async () => {
    const session = await token.openSession();
    const order: number[] = [];
    const sizes = [400_000, 1, 200_000, 0, 100_000, 10];
    await Promise.all(sizes.map((size, index) => session.random(size).then(() => order.push(index))));
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('on several sessions run at the same time, with correct results', async () => {
    const sessions = await Promise.all(Array.from({ length: 16 }, () => token.openSession()));
    const [first] = sessions as [Session];
    await first.login(its.pin);
    const { privateKey, publicKey } = await first.generateKeyPair('EC', { curve: 'P-256' });
    const key = createPublicKey(
      await publicKey.toKeyObject().then((it) => it.export({ format: 'pem', type: 'spki' })),
    );
    const results = await Promise.all(
      sessions.flatMap((session, s) => {
        const mine = privateKey.on(session);
        return Array.from({ length: 100 }, async (_, i) => {
          const message = Buffer.from(`message ${i} of session ${s}`);
          const signature = await mine.sign('ECDSA-SHA256', message);
          return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
        });
      }),
    );
    expect(results).toHaveLength(1600);
    expect(results.every((valid) => valid)).toBe(true);
  });

  test('end with a result or a CryptokiError, without a hang, while sessions are opened and closed', async () => {
    const all = Array.from({ length: 60 }, async (_, i) => {
      const session = await token.openSession();
      const random = session.random(1 + i);
      if (i % 3 === 0) await session.close();
      else if (i % 3 === 1) session.close();
      return (await random).length === 1 + i;
    });
    expect((await Promise.all(all)).every((right) => right)).toBe(true);
  });
});
