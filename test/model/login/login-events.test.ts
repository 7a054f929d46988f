import { execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Module, type Session, type Token } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../../support/token';

const PROGRAM = new URL('../../support/programs/login.mjs', import.meta.url);

let its: TestToken;
let module: Module;
let token: Token;
let events: unknown[];
const tokens: Token[] = [];

beforeAll(async () => {
  its = await createToken('events');
  await its.addToken('other');
  module = await Module.open(its.module);
});
afterAll(async () => {
  await module.close();
  its.remove();
});
// Each test must end without a session, a login or a listener.
afterEach(async () => {
  for (const each of tokens.splice(0)) each.removeAllListeners('login').removeAllListeners('logout');
  await token.slot[Symbol.asyncDispose]();
  await expect.poll(() => token.user).toBeUndefined();
});

/** A Token object whose events are recorded. */
async function listenedTo(label = 'events'): Promise<Token> {
  const made = await module.token({ label });
  tokens.push(made);
  made.on('login', ({ user }) => events.push(['login', user]));
  made.on('logout', () => events.push(['logout']));
  return made;
}
/** A session whose events are recorded. */
async function session(name: string, readWrite = false): Promise<Session> {
  const opened = await token.openSession({ readWrite });
  opened.on('state', (state, previous) => events.push([name, state, previous]));
  return opened;
}
async function start(): Promise<void> {
  events = [];
  token = await listenedTo();
}

describe('login events', () => {
  test('reach the token and every session before login() and logout() return', async () => {
    await start();
    const [reading, writing] = [await session('reading'), await session('writing', true)];
    await reading.login(its.pin);
    expect(token.user).toBe('USER');
    expect(events.splice(0)).toEqual([
      ['login', 'USER'],
      ['reading', 'RO_USER_FUNCTIONS', 'RO_PUBLIC_SESSION'],
      ['writing', 'RW_USER_FUNCTIONS', 'RW_PUBLIC_SESSION'],
    ]);
    await reading.login(its.pin);
    await writing.logout();
    expect(token.user).toBeUndefined();
    expect(events.splice(0)).toEqual([
      ['logout'],
      ['reading', 'RO_PUBLIC_SESSION', 'RO_USER_FUNCTIONS'],
      ['writing', 'RW_PUBLIC_SESSION', 'RW_USER_FUNCTIONS'],
    ]);
    await writing.logout();
    await new Promise(setImmediate);
    expect(events).toEqual([]);
  });

  test('name the security officer as the user', async () => {
    await start();
    const writing = await session('writing', true);
    await writing.login(its.soPin, { user: 'SO' });
    expect(token.user).toBe('SO');
    await writing.logout();
    expect(events).toEqual([
      ['login', 'SO'],
      ['writing', 'RW_SO_FUNCTIONS', 'RW_PUBLIC_SESSION'],
      ['logout'],
      ['writing', 'RW_PUBLIC_SESSION', 'RW_SO_FUNCTIONS'],
    ]);
  });

  test('are emitted for raw calls and for another Module object', async () => {
    await start();
    const writing = await session('writing', true);
    await module.raw.C_Login(writing.handle, 1, its.pin);
    await expect.poll(() => events.length).toBe(2);
    const [[name]] = events.splice(0) as [[string]];
    expect(name).toBe('login');
    await using again = await Module.open(its.module);
    await (await again.token({ label: 'events' })).logout();
    await expect.poll(() => events.length).toBe(2);
  });

  test('report the end of the login with the last session, and closed sessions', async () => {
    await start();
    const [one, two] = [await session('one'), await session('two')];
    await one.login(its.pin);
    events.length = 0;
    await one.close();
    expect(events.splice(0)).toEqual([['one', 'CLOSED', 'RO_USER_FUNCTIONS']]);
    await two.close();
    await expect.poll(() => events.length).toBe(2);
    expect(events).toEqual(expect.arrayContaining([['two', 'CLOSED', 'RO_USER_FUNCTIONS'], ['logout']]));
  });

  test('report C_CloseAllSessions', async () => {
    await start();
    const [one, two] = [await session('one'), await session('two')];
    await one.login(its.pin);
    events.length = 0;
    await module.raw.C_CloseAllSessions(token.slot.id);
    await expect.poll(() => events.length).toBe(3);
    expect(events).toEqual([
      ['logout'],
      ['one', 'CLOSED', 'RO_USER_FUNCTIONS'],
      ['two', 'CLOSED', 'RO_USER_FUNCTIONS'],
    ]);
    expect([one.closed, two.closed]).toEqual([true, true]);
  });

  test('report a session without a login that no longer exists, at its next use', async () => {
    await start();
    const one = await session('one');
    await module.raw.C_CloseAllSessions(token.slot.id);
    await expect(one.random(1)).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_SESSION_CLOSED' });
    expect(events).toEqual([['one', 'CLOSED', 'RO_PUBLIC_SESSION']]);
  });

  test('are not emitted for another token', async () => {
    await start();
    const other = await module.token({ label: 'other' });
    await session('here');
    await other.login(its.pin);
    await other.logout();
    await new Promise(setImmediate);
    expect(events).toEqual([]);
  });

  test('reach every Token object of the slot that still has a listener', async () => {
    await start();
    const silent = await listenedTo();
    silent.removeAllListeners('login').removeAllListeners('logout');
    const second = await listenedTo();
    await token.login(its.pin);
    expect(events.splice(0)).toEqual([
      ['login', 'USER'],
      ['login', 'USER'],
    ]);
    second.removeAllListeners('logout');
    await token.logout();
    expect(events).toEqual([['logout']]);
  });

  test('with a listener that throws do not fail the login, and reach the other listeners', async () => {
    await start();
    const thrown = new Error('of the listener');
    const caught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').once('uncaughtException', (error) => caught.push(error));
    try {
      token.prependListener('login', () => {
        throw thrown;
      });
      const reading = await session('reading');
      await reading.login(its.pin);
      await expect.poll(() => caught).toEqual([thrown]);
      expect(events).toEqual([['reading', 'RO_USER_FUNCTIONS', 'RO_PUBLIC_SESSION']]);
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });

  test('need no session and do not keep the process alive', async () => {
    await start();
    const program = fileURLToPath(PROGRAM);
    const run = promisify(execFile)(process.execPath, [program, its.module, 'events'], { timeout: 20_000 });
    expect((await run).stdout.trim()).toBe('RW_PUBLIC_SESSION');
  });
});

describe('a worker thread', () => {
  interface Thread {
    readonly said: unknown[][];
    tell(order: string): void;
    end(): Promise<unknown>;
  }
  async function thread(): Promise<Thread> {
    const workerData = { module: its.module, label: 'events', pin: its.pin };
    const worker = new Worker(PROGRAM, { workerData });
    await once(worker, 'message');
    const said: unknown[][] = [];
    worker.on('message', (event) => said.push(event));
    return { said, tell: (order) => worker.postMessage(order), end: () => worker.terminate() };
  }

  test('that logs in and out changes the sessions of the main thread', async () => {
    await start();
    const here = await session('here');
    const there = await thread();
    there.tell('login');
    await expect
      .poll(() => events)
      .toEqual([
        ['login', 'USER'],
        ['here', 'RO_USER_FUNCTIONS', 'RO_PUBLIC_SESSION'],
      ]);
    expect([here.state, token.user]).toEqual(['RO_USER_FUNCTIONS', 'USER']);
    events.length = 0;
    there.tell('logout');
    await expect.poll(() => events).toEqual([['logout'], ['here', 'RO_PUBLIC_SESSION', 'RO_USER_FUNCTIONS']]);
    await there.end();
  });

  test('receives the login and logout of the main thread', async () => {
    await start();
    const here = await session('here');
    const there = await thread();
    await here.login(its.pin);
    await expect
      .poll(() => there.said)
      .toEqual([
        ['login', 'USER'],
        ['state', 'RW_USER_FUNCTIONS', 'RW_PUBLIC_SESSION'],
      ]);
    there.said.length = 0;
    await here.logout();
    await expect
      .poll(() => there.said)
      .toEqual([['logout'], ['state', 'RW_PUBLIC_SESSION', 'RW_USER_FUNCTIONS']]);
    await there.end();
  });

  test('that ends with the last session ends the login', async () => {
    await start();
    const there = await thread();
    there.tell('login');
    await expect.poll(() => events).toEqual([['login', 'USER']]);
    await there.end();
    await expect.poll(() => events).toEqual([['login', 'USER'], ['logout']]);
  });
});

test('10,000 sessions that are opened and closed leave no memory behind', async () => {
  await start();
  const keeper = await token.openSession();
  for (let i = 0; i < 100; i++) {
    const opened = await Promise.all(Array.from({ length: 100 }, () => token.openSession()));
    const [first] = opened;
    await first?.createObject({ class: 'DATA', private: false, value: Buffer.alloc(1) });
    await Promise.all(opened.map((one) => one.close()));
  }
  expect([...token.slot.sessions]).toEqual([keeper]);
  expect(token.slot.creators.size).toBe(0);
  expect(token.slot.login.listening.size).toBe(1);
  expect(keeper).toBeInstanceOf(EventEmitter);
  expect(keeper.eventNames()).toEqual([]);
}, 60_000);
