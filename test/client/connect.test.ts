import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type ConnectOptions, connect, formatUri, type PinRequest } from 'cryptoki';
import { FaultModule } from 'cryptoki/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure, wrong } from '../support/open';
import { type Ground, MESSAGE, prepare, signer } from './support/ground';

let ground: Ground;
beforeAll(async () => {
  ground = await prepare('connect', ['second']);
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

const uri = (parts: object = {}): string =>
  formatUri({ token: { label: 'connect' }, modulePath: ground.test.module, ...parts });

/** Connects, checks which user is logged in, and closes the client. */
async function userOf(target: Parameters<typeof connect>[0], options?: ConnectOptions) {
  await using client: Client = await connect(target as string, options);
  expect(client.token.label).toBe('connect');
  return client.user;
}

describe('a URI that is given to connect()', () => {
  test('names module and token, and without a PIN the client stays logged out', async () => {
    expect(await userOf(uri())).toBeUndefined();
    expect(await userOf(uri(), { pin: ground.test.pin })).toBe('USER');
  });

  test('sets the PIN with pin-value', async () => {
    expect(await userOf(uri({ pinValue: ground.test.pin }))).toBe('USER');
  });

  test('sets the PIN with pin-source, which is read at each login', async () => {
    const file = join(ground.test.config, '..', 'pin.txt');
    writeFileSync(file, `${ground.test.pin}\n`);
    chmodSync(file, 0o600);
    const client = await connect(uri({ pinSource: `file:${file}` }));
    try {
      await ground.logOutElsewhere();
      writeFileSync(file, 'no-pin-at-all\n');
      await expect(client.random(1)).rejects.toMatchObject({ code: 'CKR_PIN_INCORRECT' });
      writeFileSync(file, ground.test.pin);
      expect(await client.random(1)).toHaveLength(1);
      expect(client.user).toBe('USER');
    } finally {
      await client.close();
    }
  });

  test('is overridden by the option pin, also when that is a function', async () => {
    expect(await userOf(uri({ pinValue: 'wrong' }), { pin: () => ground.test.pin })).toBe('USER');
  });

  test('does not run a command in pin-source unless an option allows it', async () => {
    const path = join(ground.test.config, '..', 'give-pin');
    writeFileSync(path, `#!/bin/sh\necho ${ground.test.pin}\n`, { mode: 0o700 });
    const error = await failure(connect(uri({ pinSource: `|${path}` })));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_SOURCE' });
    expect(await userOf(uri({ pinSource: `|${path}` }), { allowPinCommand: true })).toBe('USER');
  });

  test('names the object that privateKey() and the other finders look for', async () => {
    const keeper = await ground.connect();
    const { privateKey, publicKey } = await keeper.generateKeyPair('EC', {
      curve: 'P-256',
      label: 'its',
      token: true,
    });
    await keeper.generateKeyPair('EC', { curve: 'P-256', label: 'not its', token: true });
    await using client = await connect(uri({ object: { label: 'its' }, pinValue: ground.test.pin }));
    const found = await client.privateKey();
    expect(found.id).toEqual(privateKey.id);
    expect(
      await (await client.publicKey()).verify(
        'ECDSA-SHA256',
        MESSAGE,
        await found.sign('ECDSA-SHA256', MESSAGE),
      ),
    ).toBe(true);
    expect(publicKey.label).toBe('its');
    expect((await client.privateKey('pkcs11:object=not%20its')).label).toBe('not its');
    expect((await client.privateKey('pkcs11:token=connect;object=its')).label).toBe('its');
    const other = await failure(client.privateKey('pkcs11:token=second;object=its'));
    expect(other).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND' });
    await expect(client.privateKey('pkcs11:nonsense')).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_URI' });
    await expect(client.find('nonsense')).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_URI' });
    await expect(client.privateKey('only')).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS' });
    for (const object of await keeper.find({ token: true })) await object.destroy();
  });

  test('can name slot and library', async () => {
    const { slot } = await ground.token();
    expect(await userOf(uri({ token: { label: 'connect', slot: slot.id } }))).toBeUndefined();
    const { description } = await slot.info();
    expect(await userOf(uri({ slot: { description } }))).toBeUndefined();
    for (const parts of [
      { slot: { description: 'x' } },
      { library: { manufacturer: 'x' } },
      { token: { label: 'x' } },
    ]) {
      await expect(connect(uri(parts))).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND' });
    }
    for (const parts of [
      { token: {} },
      { token: {}, slot: { manufacturer: (await slot.info()).manufacturer } },
    ]) {
      await expect(connect(uri(parts))).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_TOKEN_AMBIGUOUS' });
    }
  });

  test('is refused when it names no module or is not a URI', async () => {
    await expect(connect('pkcs11:token=connect')).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining('module-path'),
    });
    await expect(connect('connect')).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_URI' });
  });
});

describe('connect({ module, token })', () => {
  test('selects the token', async () => {
    const { module } = ground.test;
    expect(await userOf({ module, token: { label: 'connect' } }, { pin: ground.test.pin })).toBe('USER');
    const { serialNumber } = await ground.token();
    expect(await userOf({ module, token: { serialNumber } })).toBeUndefined();
    await expect(connect({ module })).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_TOKEN_AMBIGUOUS' });
    await expect(connect({ module, token: { label: 'x' } })).rejects.toMatchObject({
      code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
    });
    await expect(connect({ module: '/nowhere.so' })).rejects.toMatchObject({
      code: 'ERR_CRYPTOKI_MODULE_NOT_FOUND',
    });
  });
});

describe('options of connect():', () => {
  const target = () => ({ module: ground.test.module, token: { label: 'connect' } });
  const BAD: [string, unknown, string][] = [
    ['null', null, 'ERR_INVALID_ARG_TYPE'],
    ['a string', 'pin', 'ERR_INVALID_ARG_TYPE'],
    ['a misspelt name', { pins: '1' }, 'ERR_INVALID_ARG_VALUE'],
    ['a PIN that is a number', { pin: 1234 }, 'ERR_INVALID_ARG_TYPE'],
    ['an unknown user', { user: 'ADMIN' }, 'ERR_INVALID_ARG_VALUE'],
    ['a user name that is none', { username: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['readOnly that is no boolean', { readOnly: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['allowPinCommand that is no boolean', { allowPinCommand: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
    ['moduleOptions that are none', { moduleOptions: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['unknown moduleOptions', { moduleOptions: { threads: 1 } }, 'ERR_INVALID_ARG_VALUE'],
    ['sessions that are no object', { sessions: 4 }, 'ERR_INVALID_ARG_TYPE'],
    ['a misspelt name in sessions', { sessions: { maximum: 4 } }, 'ERR_INVALID_ARG_VALUE'],
    ['no sessions', { sessions: { max: 0 } }, 'ERR_OUT_OF_RANGE'],
    ['half a session', { sessions: { max: 1.5 } }, 'ERR_OUT_OF_RANGE'],
    ['endless sessions', { sessions: { max: Number.POSITIVE_INFINITY } }, 'ERR_OUT_OF_RANGE'],
    ['sessions as text', { sessions: { max: '4' } }, 'ERR_INVALID_ARG_TYPE'],
    ['a negative queue', { sessions: { queue: -1 } }, 'ERR_OUT_OF_RANGE'],
    ['a negative timeout', { sessions: { timeout: -1 } }, 'ERR_OUT_OF_RANGE'],
    ['no number', { sessions: { idleTimeout: Number.NaN } }, 'ERR_OUT_OF_RANGE'],
    ['login.idleTimeout of 0', { login: { idleTimeout: 0 } }, 'ERR_OUT_OF_RANGE'],
    ['login.maxAge of 0', { login: { maxAge: 0 } }, 'ERR_OUT_OF_RANGE'],
    ['a negative login.warning', { login: { warning: -1 } }, 'ERR_OUT_OF_RANGE'],
    ['a negative recovery.timeout', { recovery: { timeout: -1 } }, 'ERR_OUT_OF_RANGE'],
    ['recovery.reinitialise that is no boolean', { recovery: { reinitialise: 1 } }, 'ERR_INVALID_ARG_TYPE'],
    ['operationTimeout of 0', { operationTimeout: 0 }, 'ERR_OUT_OF_RANGE'],
  ];
  test.each(BAD)('%s is refused', async (_, options, code) => {
    expect(await failure(connect(target(), wrong(options)))).toMatchObject({ code });
  });
  test.each([
    ['null', null],
    ['a number', 5],
    ['no module', { token: {} }],
    ['a module that is no path', { module: 5 }],
    ['a misspelt name', { module: 'x', tokens: {} }],
    ['a misspelt selector', { module: 'x', token: { name: 'connect' } }],
  ])('a target that is %s is refused', async (_, bad) => {
    expect(await failure(connect(wrong<string>(bad)))).toMatchObject({
      code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/),
    });
  });

  test('a duration beyond the largest timer of Node.js sets no limit', async () => {
    const year = 365 * 24 * 3600 * 1000;
    const client = await ground.connect({
      sessions: { max: 1, timeout: year, idleTimeout: year },
      operationTimeout: year,
      login: { idleTimeout: year, maxAge: year },
    });
    const events: string[] = [];
    for (const event of ['expiring', 'loggedOut'] as const) client.on(event, () => events.push(event));
    const held = client.withSession(() => sleep(100));
    expect(await client.random(1)).toHaveLength(1);
    await held;
    expect(events).toEqual([]);
    expect(client.statistics().open).toBe(1);
  });

  test('readOnly opens read-only sessions', async () => {
    const client = await ground.connect({ readOnly: true });
    await expect(client.createObject({ class: 'DATA', token: true, private: false })).rejects.toMatchObject({
      code: 'ERR_CRYPTOKI_SESSION_READ_ONLY',
    });
    expect(await client.withSession(async ({ readWrite, state }) => [readWrite, state])).toEqual([
      false,
      'RO_USER_FUNCTIONS',
    ]);
    const { privateKey, isRight } = await signer(client);
    expect(isRight(await privateKey.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
  });
});

describe('connect()', () => {
  test('sends a wrong PIN once, reports it, and leaves no session open', async () => {
    const first = await failure(ground.connect({ pin: '00000000' }));
    expect(first).toMatchObject({ code: 'CKR_PIN_INCORRECT', function: 'C_Login' });
    expect(first.message).not.toContain('00000000');
    expect(ground.sessions()).toBe(0);
    const second = await failure(ground.connect({ pin: '00000000' }));
    expect(second).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_REFUSED' });
    expect(ground.sessions()).toBe(0);
  });

  test('releases the module after a failure', async () => {
    const { real, config } = ground.test;
    const environment = { SOFTHSM2_CONF: config };
    await using fault = await FaultModule.create({ module: real, copyModule: true, environment });
    const target = { module: fault.path, token: { label: 'connect' } };
    const { code } = await failure(connect(target, { pin: '00000001' }));
    expect(code).toBe('CKR_PIN_INCORRECT');
    expect(fault.counters()).toMatchObject({ openSessions: 0, calls: { C_Initialize: 1, C_Finalize: 1 } });
    await expect(connect({ ...target, token: { label: 'x' } })).rejects.toMatchObject({
      code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
    });
    expect(fault.counters().calls).toMatchObject({ C_Initialize: 2, C_Finalize: 2 });
    const client = await connect(target, { pin: ground.test.pin });
    await client.close();
    expect(fault.counters().calls).toMatchObject({ C_Initialize: 3, C_Finalize: 3 });
    expect(fault.violations).toEqual([]);
  });

  test('fails when the PIN provider throws or returns no PIN', async () => {
    const broken = new Error('the vault is sealed');
    const provider = () => {
      throw broken;
    };
    expect(await failure(ground.connect({ pin: provider }))).toBe(broken);
    expect(await failure(ground.connect({ pin: wrong<() => string>(() => undefined) }))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
    expect(ground.sessions()).toBe(0);
  });

  test('is aborted by a signal before and during a call of a PIN provider that ignores the signal', async () => {
    const target = { module: ground.test.module, token: { label: 'connect' } };
    const reason = new Error('enough');
    expect(await failure(connect(target, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const ending = new AbortController();
    let request: PinRequest | undefined;
    const pin = (asked: PinRequest): Promise<string> => {
      request = asked;
      setTimeout(() => ending.abort(reason), 20);
      return new Promise(() => {});
    };
    expect(await failure(connect(target, { pin, signal: ending.signal }))).toBe(reason);
    expect(request?.signal?.aborted).toBe(true);
    expect(ground.sessions()).toBe(0);
  });
});

test('a closed client refuses operations and can be closed again', async () => {
  const client = await ground.connect();
  const { privateKey } = await signer(client);
  await Promise.all([client.close(), client.close()]);
  expect(client.closed).toBe(true);
  const closed = { code: 'ERR_CRYPTOKI_CLIENT_CLOSED' };
  await expect(privateKey.sign('ECDSA-SHA256', MESSAGE)).rejects.toMatchObject(closed);
  await expect(client.random(1)).rejects.toMatchObject(closed);
  await expect(client.login(ground.test.pin)).rejects.toMatchObject(closed);
  await expect(client.logout()).rejects.toMatchObject(closed);
  expect(await client.health()).toMatchObject({ ok: false, error: closed });
  await privateKey[Symbol.asyncDispose]();
});
