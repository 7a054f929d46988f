import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import type { LoginTrace, OperationTrace, PoolTrace, RecoveryTrace } from 'cryptoki';
import { type CallTrace, CKF, load } from 'cryptoki/raw';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { traceOperation, tracePool } from '../../dist/client/client-tracing';
import { failure } from '../support/open';
import { type Ground, hold, prepare, signer } from './support/ground';

const SECRET = 'do-not-tell-anybody';
const MESSAGE = Buffer.from(`a message: ${SECRET}`);

let ground: Ground;
const endings: (() => void)[] = [];
beforeAll(async () => {
  ground = await prepare('trace');
});
afterEach(async () => {
  await ground.clean();
  for (const end of endings.splice(0)) end();
});
afterAll(() => ground.close());

/** Collects the messages of a channel from now to the end of the test. */
function listen<Message>(name: string): Message[] {
  const messages: Message[] = [];
  const note = (message: unknown): void => {
    messages.push(message as Message);
  };
  subscribe(name, note);
  endings.push(() => unsubscribe(name, note));
  return messages;
}

/** The operations, each with its beginning and its end. */
function listenToOperations(): string[] {
  const said: string[] = [];
  const name = (phase: string) => (message: unknown) => {
    const { operation, key, attempt, error } = message as OperationTrace;
    const what = [phase, operation, key, attempt, (error as { code?: string } | undefined)?.code];
    said.push(what.filter((part) => part !== undefined).join(' '));
  };
  const operations = tracingChannel<OperationTrace>('cryptoki:operation');
  const handlers = {
    start: name('start'),
    end: () => {},
    asyncStart: () => {},
    asyncEnd: name('asyncEnd'),
    error: name('error'),
  };
  operations.subscribe(handlers);
  endings.push(() => operations.unsubscribe(handlers));
  return said;
}

test('cryptoki:pool publishes opened and closed sessions, waiting operations, and limits', async () => {
  const messages = listen<PoolTrace>('cryptoki:pool');
  const client = await ground.connect({ sessions: { max: 1, queue: 1 } });
  const one = await hold(client);
  const waiting = client.random(1);
  await expect.poll(() => client.statistics().waiting).toBe(1);
  await failure(client.random(1));
  await one.back();
  await waiting;
  await client.close();
  expect(messages).toEqual([
    { event: 'waiting', open: 0, idle: 0, waiting: 1, max: 1 },
    { event: 'opened', open: 1, idle: 0, waiting: 1, max: 1 },
    { event: 'waiting', open: 1, idle: 0, waiting: 1, max: 1 },
    { event: 'exhausted', open: 1, idle: 0, waiting: 1, max: 1 },
    { event: 'closed', open: 0, idle: 0, waiting: 0, max: 1 },
  ]);
  messages.length = 0;
  const other = await ground.connect({ sessions: { max: 4 } });
  ground.fault.plan([{ function: 'C_OpenSession', from: 2, return: 'CKR_SESSION_COUNT' }]);
  await Promise.all([other.random(1), other.random(1), other.random(1)]);
  // The refusal of the second session may come after the operations, which the first one has done.
  await expect
    .poll(() => messages.filter(({ event }) => event === 'limit').at(-1))
    .toMatchObject({ open: 1, max: 1 });
});

test('cryptoki:login publishes each login and logout with its user and reason', async () => {
  const messages = listen<LoginTrace>('cryptoki:login');
  const bad = ['30000001', '30000002'];
  const client = await ground.connect({ pin: () => bad.pop() ?? ground.test.pin });
  await ground.logOutElsewhere();
  await client.random(1);
  await client.login(ground.test.soPin, { user: 'SO' });
  await client.logout();
  const token = 'trace';
  expect(messages).toEqual([
    { event: 'failed', token, user: 'USER', reason: 'login', code: 'CKR_PIN_INCORRECT' },
    { event: 'failed', token, user: 'USER', reason: 'retry', code: 'CKR_PIN_INCORRECT' },
    { event: 'login', token, user: 'USER', reason: 'retry' },
    { event: 'logout', token, user: 'USER', reason: 'elsewhere' },
    { event: 'login', token, user: 'USER', reason: 'relogin' },
    { event: 'logout', token, user: 'USER', reason: 'requested' },
    { event: 'login', token, user: 'SO', reason: 'login' },
    { event: 'logout', token, user: 'SO', reason: 'requested' },
  ]);
});

test('cryptoki:recovery publishes each loss and recovery', async () => {
  const messages = listen<RecoveryTrace>('cryptoki:recovery');
  const client = await ground.connect();
  await client.random(1);
  ground.fault.loseSessions();
  await client.random(1);
  expect(messages.map(({ event }) => event)).toEqual(expect.arrayContaining(['begin', 'end']));
  expect(messages[0]).toMatchObject({ event: 'begin', token: 'trace', generation: expect.any(Number) });
});

test('cryptoki:operation publishes operations with their key, tries and errors', async () => {
  const client = await ground.connect();
  const { privateKey } = await signer(client);
  const said = listenToOperations();
  await privateKey.sign('ECDSA-SHA256', MESSAGE);
  const { label } = privateKey;
  // The client reads CKA_ALWAYS_AUTHENTICATE once.
  expect(said.splice(0)).toEqual([
    `start attributes ${label} 1`,
    `asyncEnd attributes ${label} 1`,
    `start sign ${label} 1`,
    `asyncEnd sign ${label} 1`,
  ]);
  ground.fault.plan([{ function: 'C_GenerateRandom', nth: 1, loseSession: true }]);
  await client.random(1);
  expect(said.splice(0)).toEqual(['start random 1', 'asyncEnd random 2']);
  await failure(client.privateKey({ label: 'nowhere' }));
  expect(said.slice(0, 2)).toEqual([
    'start find 1',
    expect.stringMatching(/^error find \d ERR_CRYPTOKI_OBJECT_NOT_FOUND$/),
  ]);
});

test('no message is created without subscribers', async () => {
  let made = 0;
  const message = (): PoolTrace => {
    made += 1;
    return { event: 'opened', open: 0, idle: 0, waiting: 0, max: 0 };
  };
  tracePool(message);
  const result = Promise.resolve(1);
  expect(traceOperation({ operation: 'sign', token: '', attempt: 1 }, () => result)).toBe(result);
  expect(made).toBe(0);
  listen('cryptoki:pool');
  listenToOperations();
  tracePool(message);
  expect(traceOperation({ operation: 'sign', token: '', attempt: 1 }, () => result)).not.toBe(result);
  expect(made).toBe(1);
});

describe('cryptoki:call', () => {
  test('publishes each call with its object, duration and result', async () => {
    const calls = listen<CallTrace>('cryptoki:call');
    const client = await ground.connect();
    const its = (name: string): CallTrace[] => calls.filter((call) => call.function === name);
    const module = ground.test.module;
    const slot = client.token.slot.id;
    const any = expect.any(Number);
    expect(its('C_OpenSession')).toEqual([
      { function: 'C_OpenSession', module, slot, duration: any, rv: 'CKR_OK' },
    ]);
    expect(its('C_Login')).toEqual([
      { function: 'C_Login', module, session: expect.any(BigInt), duration: any, rv: 'CKR_OK' },
    ]);
    expect(its('C_Login')[0]?.duration).toBeGreaterThan(0);
    const handle = await client.withSession(async (session) => {
      session.randomSync(8);
      await session.random(8);
      return session.handle;
    });
    expect(its('C_GenerateRandom')).toEqual([
      { function: 'C_GenerateRandom', module, session: handle, duration: any, rv: 'CKR_OK' },
      { function: 'C_GenerateRandom', module, session: handle, duration: any, rv: 'CKR_OK' },
    ]);
    ground.fault.plan([{ function: 'C_GenerateRandom', delay: 30, return: 'CKR_RANDOM_NO_RNG' }]);
    await failure(client.random(8));
    expect(its('C_GenerateRandom').at(-1)).toMatchObject({ session: handle, rv: 'CKR_RANDOM_NO_RNG' });
    expect(its('C_GenerateRandom').at(-1)?.duration).toBeGreaterThanOrEqual(29);
  });

  test('publishes operations by their name, and signatures that do not verify', async () => {
    const client = await ground.connect();
    const { privateKey, publicKey } = await signer(client);
    const signature = await privateKey.sign('ECDSA-SHA256', MESSAGE);
    await publicKey.verify('ECDSA-SHA256', MESSAGE, signature); // asks the key how long its signatures are
    const calls = listen<CallTrace>('cryptoki:call');
    expect(await publicKey.verify('ECDSA-SHA256', MESSAGE, signature)).toBe(true);
    expect(await publicKey.verify('ECDSA-SHA256', Buffer.from('another'), signature)).toBe(false);
    expect(calls.map((call) => `${call.function} ${call.rv}`)).toEqual([
      'verify CKR_OK',
      'verify CKR_SIGNATURE_INVALID',
    ]);
  });

  test('does not publish an operation that ended before its call', async () => {
    const calls = listen<CallTrace>('cryptoki:call');
    const raw = await load(ground.test.module);
    await raw.C_Initialize();
    calls.length = 0;
    await failure(() => raw.C_GetSlotList('yes' as unknown as boolean));
    const slot = (await raw.C_GetSlotList(true))[0] as bigint;
    const session = await raw.C_OpenSession(slot, CKF.SERIAL_SESSION);
    calls.length = 0;
    await failure(() => raw.C_GenerateRandom(session, -4));
    await failure(() => raw.C_GenerateRandomSync(session, -4));
    expect(calls).toEqual([]);
    await raw.C_Finalize();
    expect(calls.map((call) => call.function)).toEqual(['C_Finalize']);
  });
});

test('the channels carry no PIN, key, message, signature or plaintext', async () => {
  const messages = ['cryptoki:pool', 'cryptoki:login', 'cryptoki:recovery', 'cryptoki:call'].map((name) =>
    listen(name),
  );
  const operations: unknown[] = [];
  const note = (message: unknown): void => {
    operations.push({ ...(message as OperationTrace) });
  };
  const handlers = { start: note, end: note, asyncStart: note, asyncEnd: note, error: note };
  const channel = tracingChannel<OperationTrace>('cryptoki:operation');
  channel.subscribe(handlers);
  endings.push(() => channel.unsubscribe(handlers));

  const secrets: Buffer[] = [
    Buffer.from(ground.test.pin),
    Buffer.from(ground.test.soPin),
    Buffer.from(SECRET),
  ];
  const client = await ground.connect();
  const { privateKey } = await signer(client);
  secrets.push(await privateKey.sign('ECDSA-SHA256', MESSAGE));
  const value = Buffer.from('0123456789abcdef0123456789ABCDEF');
  secrets.push(value, await client.random(32));
  const key = await client.createObject({
    ...{ class: 'SECRET_KEY', keyType: 'AES', label: 'imported', encrypt: true, decrypt: true },
    value,
  });
  const aes = await client.secretKey({ label: 'imported' });
  const gcm = { name: 'AES-GCM', iv: Buffer.alloc(12, 3) };
  secrets.push(await aes.encrypt(gcm, MESSAGE));
  expect(await aes.decrypt(gcm, secrets.at(-1) as Buffer)).toEqual(MESSAGE);
  await failure(aes.decrypt(gcm, MESSAGE));
  ground.fault.plan([{ function: 'C_CreateObject', return: 'CKR_ATTRIBUTE_VALUE_INVALID' }]);
  await failure(client.createObject({ class: 'SECRET_KEY', keyType: 'AES', value }));
  ground.fault.clear();
  await client.logout();
  await failure(client.login('87654321'));
  secrets.push(Buffer.from('87654321'));
  await client.login(ground.test.soPin, { user: 'SO' });
  await key[Symbol.asyncDispose]();
  await client.close();

  const written = JSON.stringify([messages, operations], (_, each) =>
    typeof each === 'bigint'
      ? String(each)
      : each instanceof Error
        ? { ...each, message: each.message, stack: each.stack, cause: each.cause }
        : each,
  );
  expect(operations.length).toBeGreaterThan(20);
  expect(messages.map((each) => each.length > 0)).toEqual(
    [true, true, false, true].map((is, i) => is || (messages[i]?.length ?? 0) > 0),
  );
  for (const secret of secrets) {
    for (const encoding of ['utf8', 'hex', 'base64'] as const)
      expect(written).not.toContain(secret.toString(encoding));
    expect(written).not.toContain([...secret].join(','));
  }
});
