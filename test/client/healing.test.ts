import { createVerify, type KeyObject } from 'node:crypto';
import { type Client, type ClientPrivateKey, type ConnectOptions, connect, type PinRequest } from 'cryptoki';
import { createSoftToken, FaultModule, type FaultRule, type SoftToken } from 'cryptoki/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import { eventsOf } from '../support/faulty-client';
import { failure } from '../support/open';

const MESSAGE = Buffer.from('message');

let soft: SoftToken;
let hsm: FaultModule;
let publicKey: KeyObject;
const clients: Client[] = [];

beforeAll(async () => {
  soft = await createSoftToken({ module: await ensureSoftHSM() });
  hsm = await FaultModule.create({ module: soft.module, environment: soft.environment });
  const client = await open();
  const options = { curve: 'P-256', label: 'signing', token: true } as const;
  publicKey = await (await client.generateKeyPair('EC', options)).publicKey.toKeyObject();
  await client.close();
});
afterEach(async () => {
  hsm.clear();
  const { violations } = hsm;
  for (const client of clients.splice(0)) await client.close();
  const left = hsm.counters().openSessions;
  hsm.resetCounters();
  expect(violations).toEqual([]);
  expect(left).toBe(0);
});
afterAll(async () => {
  await hsm[Symbol.asyncDispose]();
  soft.remove();
});

async function open(options: ConnectOptions = {}): Promise<Client> {
  const target = { module: hsm.path, token: { label: soft.label } };
  const client = await connect(target, { pin: soft.pin, ...options });
  clients.push(client);
  return client;
}
/** A client that has connected and signed, without what that counts. */
async function start(options: ConnectOptions = {}): Promise<{ client: Client; key: ClientPrivateKey }> {
  const client = await open(options);
  const key = await client.privateKey({ label: 'signing' });
  await sign(key);
  hsm.resetCounters();
  return { client, key };
}
async function sign(key: ClientPrivateKey): Promise<void> {
  const signature = await key.sign('ECDSA-SHA256', MESSAGE);
  const verified = createVerify('sha256').update(MESSAGE);
  expect(verified.verify({ key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
}
const calls = (name: 'C_GenerateKey' | 'C_GenerateKeyPair' | 'C_CreateObject' | 'C_Initialize'): number =>
  hsm.counters().calls[name] ?? 0;
const elapsed = async (work: Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work.catch(() => {});
  return performance.now() - begun;
};

describe('connect()', () => {
  test.each<FaultRule>([
    { function: 'C_Initialize', from: 1, count: 2, return: 'CKR_DEVICE_ERROR' },
    { function: 'C_GetSlotList', from: 1, count: 2, return: 'CKR_DEVICE_ERROR' },
    { function: 'C_GetTokenInfo', from: 1, count: 2, return: 'CKR_GENERAL_ERROR' },
    { function: 'C_OpenSession', from: 1, count: 2, return: 'CKR_DEVICE_ERROR' },
    { function: 'C_OpenSession', nth: 1, return: 'CKR_TOKEN_NOT_PRESENT' },
    { function: 'C_Login', from: 1, count: 2, return: 'CKR_FUNCTION_FAILED' },
    { function: 'C_GetSlotInfo', nth: 1, loseDevice: true },
  ])('tries again after an error that passes: $function $return', async (rule) => {
    hsm.plan([rule]);
    const client = await open();
    expect(client.user).toBe('USER');
    await sign(await client.privateKey({ label: 'signing' }));
  });

  test('fails with the CKR_GENERAL_ERROR of C_GetTokenInfo after connectTimeout', async () => {
    hsm.plan([{ function: 'C_GetTokenInfo', return: 'CKR_GENERAL_ERROR' }]);
    const begun = performance.now();
    const error = await failure(open({ connectTimeout: 300 }));
    expect(error).toMatchObject({ code: 'CKR_GENERAL_ERROR', function: 'C_GetTokenInfo' });
    const took = performance.now() - begun;
    expect(took).toBeGreaterThan(250);
    expect(took).toBeLessThan(5_000);
  });

  test('makes one attempt with connectTimeout: 0', async () => {
    hsm.plan([{ function: 'C_OpenSession', nth: 1, return: 'CKR_DEVICE_ERROR' }]);
    expect(await failure(open({ connectTimeout: 0 }))).toMatchObject({ code: 'CKR_DEVICE_ERROR' });
  });

  test('fails at once if no token matches or the PIN is wrong', async () => {
    const target = { module: hsm.path, token: { label: 'another' } };
    expect(await elapsed(failure(connect(target, { pin: soft.pin })))).toBeLessThan(5_000);
    hsm.plan([{ function: 'C_Login', return: 'CKR_PIN_INCORRECT' }]);
    expect(await failure(open({ pin: 'wrong wrong' }))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(hsm.counters().calls.C_Login).toBe(1);
  });

  test('ends with the signal between attempts', async () => {
    hsm.plan([{ function: 'C_OpenSession', return: 'CKR_DEVICE_ERROR' }]);
    const target = { module: hsm.path, token: { label: soft.label } };
    const signal = AbortSignal.timeout(300);
    const error = await failure(connect(target, { pin: soft.pin, signal }));
    expect(error.name).toBe('TimeoutError');
  });

  test('reports that a token without CKF_TOKEN_INITIALIZED is ignored without a selector', async () => {
    hsm.plan([{ function: 'C_GetTokenInfo', oddity: 'token-not-initialised' }]);
    const error = await failure(connect({ module: hsm.path }, { pin: soft.pin }));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND' });
    expect(error.message).toMatch(/not initialised/);
    expect(error.message).toMatch(/CKF_TOKEN_INITIALIZED/);
    await open(); // by its label it can be used
  });
});

describe('a PIN provider', () => {
  /** Answers at once, hangs while told so, and notes what it was asked. */
  function hanging() {
    const asked: PinRequest[] = [];
    const state = { hangs: false };
    const pin = (request: PinRequest): Promise<string> => {
      asked.push(request);
      return state.hangs ? new Promise(() => {}) : Promise.resolve(soft.pin);
    };
    return { asked, state, pin };
  }

  test('that does not answer is aborted after pinTimeout and called again for the next login', async () => {
    const { asked, state, pin } = hanging();
    const { client, key } = await start({ pin, login: { pinTimeout: 200 } });
    state.hangs = true;
    hsm.logout();
    const took = await elapsed(sign(key));
    expect(took).toBeGreaterThan(150);
    expect(took).toBeLessThan(4_000);
    expect(asked).toHaveLength(2);
    expect(asked[1]?.signal?.aborted).toBe(true);
    expect(asked[1]?.signal?.reason).toMatchObject({ code: 'ERR_CRYPTOKI_TIMEOUT' });
    state.hangs = false;
    await sign(key);
    expect(asked).toHaveLength(3);
    expect(asked[2]?.signal?.aborted).toBe(false);
    expect(client.user).toBe('USER');
  });

  test('that does not answer at connect() is called once, and connect() fails with ERR_CRYPTOKI_TIMEOUT', async () => {
    const { asked, state, pin } = hanging();
    state.hangs = true;
    const error = await failure(open({ pin, login: { pinTimeout: 100 } }));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_TIMEOUT' });
    expect(error.message).toMatch(/pinTimeout/);
    expect(asked).toHaveLength(1);
  });

  test('that hangs is replaced by login() with a PIN, and operations continue', async () => {
    const { asked, state, pin } = hanging();
    const { client, key } = await start({ pin });
    state.hangs = true;
    hsm.logout();
    const signing = Promise.all(Array.from({ length: 10 }, () => sign(key)));
    await expect.poll(() => asked.length).toBe(2);
    await client.login(soft.pin);
    await signing;
    expect(asked[1]?.signal?.aborted).toBe(true);
    expect(client.user).toBe('USER');
    hsm.logout();
    await sign(key); // with the PIN of login()
    expect(asked).toHaveLength(2);
  });

  test('that hangs in login() does not delay another login(), logout() or close()', async () => {
    const { asked, state, pin } = hanging();
    state.hangs = true;
    const client = await open({ pin: undefined });
    const first = failure(client.login(pin));
    await expect.poll(() => asked.length).toBe(1);
    await client.login(soft.pin);
    expect(await first).toMatchObject({ code: 'ERR_CRYPTOKI_LOGIN_NEEDED' });
    expect(client.user).toBe('USER');
    await client.logout();
    const second = failure(client.login(pin));
    await expect.poll(() => asked.length).toBe(2);
    await client.logout();
    expect(await second).toMatchObject({ code: 'ERR_CRYPTOKI_LOGIN_NEEDED' });
    const third = failure(client.login(pin));
    await expect.poll(() => asked.length).toBe(3);
    expect(await elapsed(client.close())).toBeLessThan(4_000);
    await third;
    expect(asked.every(({ signal }) => signal?.aborted)).toBe(true);
  });

  test.each([undefined, 12345678, {}, ['1']])(
    'that gives %s in place of a PIN is an error',
    async (given) => {
      const error = await failure(open({ pin: (() => given) as unknown as () => string }));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
      expect(error.message).not.toMatch(/12345678/);
    },
  );

  test('that throws fails the operation with its error, and is called again later', async () => {
    let throws = false;
    const pin = (): string => {
      if (throws) throw new Error('the vault is sealed');
      return soft.pin;
    };
    const { key } = await start({ pin });
    throws = true;
    hsm.logout();
    await failure(sign(key));
    throws = false;
    await sign(key);
  });
});

describe('calls that hang', () => {
  test('are abandoned with their sessions, which are replaced', async () => {
    const { client, key } = await start({ operationTimeout: 300, sessions: { max: 2 } });
    hsm.plan([{ function: 'C_Sign', from: 1, count: 2, hang: true }]);
    const hung = await Promise.all([failure(sign(key)), failure(sign(key))]);
    for (const error of hung) expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_TIMEOUT' });
    await Promise.all(Array.from({ length: 10 }, () => sign(key)));
    expect(client.statistics()).toMatchObject({ hung: 2, givenUp: 2 });
    expect(await client.health()).toMatchObject({ ok: true, hung: 2, givenUp: 2 });
    hsm.clear();
    await expect.poll(() => client.statistics().hung).toBe(0);
    await sign(key);
    expect(await client.health()).toMatchObject({ ok: true, hung: 0, givenUp: 2 });
    expect(hsm.counters().openSessions).toBe(client.statistics().open + 1);
  });

  test('are not replaced beyond maxHung, and health() reports that', async () => {
    const options = { operationTimeout: 300, sessions: { max: 2, maxHung: 1, timeout: 500 } };
    const { client, key } = await start(options);
    hsm.plan([{ function: 'C_Sign', hang: true }]);
    await Promise.all([failure(sign(key)), failure(sign(key))]);
    expect(await client.health()).toMatchObject({ ok: true, hung: 2 }); // one may take the place of one of them
    await failure(sign(key));
    const health = await client.health();
    expect(health).toMatchObject({ ok: false, hung: 3, error: { code: 'ERR_CRYPTOKI_TIMEOUT' } });
    expect(health.longestLent).toBeGreaterThan(300);
    hsm.clear();
    await expect.poll(() => client.statistics().hung).toBe(0);
    expect(await client.health()).toMatchObject({ ok: true });
    await sign(key);
  });

  test('that create an object leave nothing behind when they return', async () => {
    const { client } = await start({ operationTimeout: 200 });
    hsm.plan([{ function: 'C_GenerateKey', nth: 1, delayAfter: 600 }]);
    const error = await failure(client.generateKey('AES', { valueLen: 16, label: 'late' }));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_TIMEOUT' });
    await expect.poll(() => client.statistics().hung).toBe(0);
    expect(hsm.counters().calls.C_DestroyObject).toBe(1);
    expect(client.statistics().pinned).toBe(0);
    expect(await client.find({ label: 'late' })).toEqual([]);
  });

  test('of the session that keeps the login do not delay health()', async () => {
    const { client } = await start({ operationTimeout: 300 });
    hsm.plan([{ function: 'C_GetSessionInfo', hang: true }]);
    const begun = performance.now();
    expect(await client.health()).toMatchObject({ ok: false, error: { code: 'ERR_CRYPTOKI_TIMEOUT' } });
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  test('delay close() by at most closeTimeout', async () => {
    const { client, key } = await start({ closeTimeout: 500 });
    hsm.plan([{ function: 'C_Sign', nth: 1, hang: true }]);
    const signing = sign(key);
    await hsm.until(({ hanging }) => hanging === 1);
    expect(await elapsed(client.close())).toBeLessThan(2_500);
    hsm.clear();
    await signing;
    await hsm.until(({ openSessions }) => openSessions === 0);
  });

  test('delay close() by at most five seconds by default', async () => {
    const { client, key } = await start();
    hsm.plan([{ function: 'C_Sign', nth: 1, hang: true }]);
    const signing = sign(key);
    await hsm.until(({ hanging }) => hanging === 1);
    const took = await elapsed(client.close());
    expect(took).toBeGreaterThan(3_500);
    expect(took).toBeLessThan(7_000);
    hsm.clear();
    await signing;
    await hsm.until(({ openSessions }) => openSessions === 0);
  });
});

describe('a batch repeats the same failures as single operations', () => {
  const MESSAGES = Array.from({ length: 60 }, (_, index) => Buffer.from(`message ${index}`));
  const codes = [
    'CKR_DEVICE_ERROR',
    'CKR_FUNCTION_FAILED',
    'CKR_OPERATION_ACTIVE',
    'CKR_HOST_MEMORY',
  ] as const;

  test.each(codes)('signMany, verifyMany: every third call answers %s', async (code) => {
    const { client, key } = await start();
    hsm.plan([{ function: 'C_SignInit', every: 3, return: code }]);
    const signed = await key.signMany('ECDSA-SHA256', MESSAGES);
    expect(signed.failures.size).toBe(0);
    const isRight = (index: number): boolean =>
      createVerify('sha256')
        .update(MESSAGES[index] as Buffer)
        .verify({ key: publicKey, dsaEncoding: 'ieee-p1363' }, signed.at(index));
    expect(MESSAGES.every((_, index) => isRight(index))).toBe(true);
    const verifying = await client.publicKey({ label: 'signing' });
    hsm.plan([{ function: 'C_VerifyInit', every: 3, return: code }]);
    const pairs = MESSAGES.map((data, index) => ({ data, signature: signed.at(index === 7 ? 8 : index) }));
    const verified = await verifying.verifyMany('ECDSA-SHA256', pairs);
    expect(verified.failures.size).toBe(0);
    expect(MESSAGES.filter((_, index) => !verified.at(index))).toEqual([MESSAGES[7]]);
  });

  test('digestMany, encryptMany and decryptMany: every third call returns CKR_FUNCTION_FAILED', async () => {
    const { client } = await start();
    await using key = await client.generateKey('AES', { valueLen: 16 });
    const functions = ['C_Digest', 'C_Encrypt', 'C_Decrypt'] as const;
    hsm.plan(functions.map((name) => ({ function: name, every: 3, return: 'CKR_FUNCTION_FAILED' })));
    const digests = await client.digestMany('SHA-256', MESSAGES);
    expect(digests.failures.size).toBe(0);
    const algorithm = (index: number) => ({ name: 'AES-CTR', counter: Buffer.alloc(16, index) }) as const;
    const encrypted = await key.encryptMany(algorithm, MESSAGES);
    expect(encrypted.failures.size).toBe(0);
    const decrypted = await key.decryptMany(
      algorithm,
      MESSAGES.map((_, index) => encrypted.at(index)),
    );
    expect(decrypted.failures.size).toBe(0);
    expect(MESSAGES.map((_, index) => decrypted.at(index))).toEqual(MESSAGES);
    hsm.clear();
    for (const index of [0, 2, 17, 59]) {
      const message = MESSAGES[index] as Buffer;
      expect(digests.at(index)).toEqual(await client.digest('SHA-256', message));
      expect(encrypted.at(index)).toEqual(await key.encrypt(algorithm(index), message));
    }
  });

  test('messages that fail each time fail, and the others have their results', async () => {
    const { key } = await start();
    hsm.plan([{ function: 'C_SignInit', return: 'CKR_DEVICE_ERROR' }]);
    const signed = await key.signMany('ECDSA-SHA256', MESSAGES);
    expect(signed.failures.size).toBe(60);
    expect(hsm.counters().calls.C_SignInit).toBeLessThan(400);
  });
});

describe('an operation that creates an object is repeated when the refusal proves that nothing was created', () => {
  const WORK = [
    ['C_GenerateKey', (client: Client) => client.generateKey('AES', { valueLen: 16 })],
    ['C_GenerateKeyPair', (client: Client) => client.generateKeyPair('EC', { curve: 'P-256' })],
    ['C_CreateObject', (client: Client) => client.createObject({ class: 'DATA', label: 'made' })],
  ] as const;

  test.each(WORK)('%s: a session that is gone', async (name, work) => {
    const { client } = await start();
    hsm.plan([{ function: name, nth: 1, loseSession: true }]);
    await work(client);
    expect(calls(name)).toBe(2);
  });

  test.each(WORK)('%s: a login that is gone', async (name, work) => {
    const { client } = await start();
    hsm.plan([{ function: name, nth: 1, logout: true }]);
    await work(client);
    expect(calls(name)).toBe(2);
    expect(client.user).toBe('USER');
  });

  test.each(WORK)('%s: but not where it may have been made', async (name, work) => {
    const { client } = await start();
    hsm.plan([{ function: name, callReturn: 'CKR_SESSION_CLOSED' }]);
    expect(await failure(work(client) as Promise<unknown>)).toMatchObject({ code: 'CKR_SESSION_CLOSED' });
    expect(calls(name)).toBe(1);
  });

  test('a key whose class cannot be read when it is found again has the class of the search', async () => {
    const { client, key } = await start();
    await client.logout();
    await client.login(soft.pin);
    // All attributes at once fail, and then the class alone; the others can be read.
    hsm.plan([{ function: 'C_GetAttributeValue', from: 1, count: 2, return: 'CKR_FUNCTION_FAILED' }]);
    await sign(key);
  });

  test('a key without CKA_PRIVATE in its template is private, even if a logout overlaps', async () => {
    const { client } = await start();
    hsm.plan([{ function: 'C_CreateObject', nth: 1, logout: true }]);
    const key = await client.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'AES', value: Buffer.alloc(16), label: 'created' },
      ...{ encrypt: true, sensitive: false },
    });
    expect(key.isPrivate).toBe(true);
    expect((await key.attributes('private')).private).toBe(true);
  });
});

describe("'recovering' and 'down'", () => {
  test('are emitted once per loss, for any number of operations that retry', async () => {
    const { client, key } = await start({ recovery: { timeout: 100, reinitialise: false } });
    const events = eventsOf(client);
    hsm.plan([{ function: ['C_Sign', 'C_GetSessionInfo', 'C_OpenSession'], return: 'CKR_DEVICE_ERROR' }]);
    const begun = performance.now();
    for (let i = 0; i < 5; i += 1) await Promise.all([failure(sign(key)), failure(sign(key))]);
    const took = performance.now() - begun;
    expect(events.filter((event) => event.startsWith('recovering'))).toHaveLength(1);
    expect(events.filter((event) => event === 'down')).toHaveLength(1);
    expect(took).toBeGreaterThan(300); // there are pauses between the attempts
    hsm.clear();
    await sign(key);
    expect(events.filter((event) => event.startsWith('recovered'))).toHaveLength(1);
    hsm.plan([{ function: ['C_Sign', 'C_GetSessionInfo', 'C_OpenSession'], return: 'CKR_DEVICE_ERROR' }]);
    await failure(sign(key));
    expect(events.filter((event) => event === 'down')).toHaveLength(2);
  });
});

describe('odd logins', () => {
  test('CKR_USER_ALREADY_LOGGED_IN counts as a login, even if C_GetSessionInfo does not confirm it', async () => {
    hsm.plan([{ function: '*', oddity: 'already-logged-in' }]);
    const { client, key } = await start();
    expect(client.user).toBe('USER');
    await using made = await client.generateKey('AES', { valueLen: 16 });
    expect(made.isPrivate).toBe(true);
    expect(await client.health()).toMatchObject({ ok: true, loggedIn: 'USER' });
    await sign(key);
    await client.logout();
    expect(client.user).toBeUndefined();
    await client.login(soft.pin);
    await sign(key);
  });

  test('an unconfirmed login that has ended is repeated', async () => {
    hsm.plan([{ function: '*', oddity: 'already-logged-in' }]);
    const { client, key } = await start();
    hsm.logout();
    await sign(key);
    expect(client.user).toBe('USER');
  });

  test('a login that applies to one session makes the client use that session only, with a warning', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    hsm.plan([{ function: '*', oddity: 'login-per-session' }]);
    const client = await open();
    const key = await client.privateKey({ label: 'signing' });
    await Promise.all(Array.from({ length: 10 }, () => sign(key)));
    expect(client.statistics()).toMatchObject({ open: 1, max: 1 });
    process.off('warning', note);
    expect(warnings).toMatchObject([{ code: 'CRYPTOKI_LOGIN_PER_SESSION' }]);
  });
});

describe('a token that refuses read/write sessions', () => {
  const CODES = [
    'CKR_TOKEN_WRITE_PROTECTED',
    'CKR_FUNCTION_FAILED',
    'CKR_GENERAL_ERROR',
    'CKR_ARGUMENTS_BAD',
  ];
  test.each(CODES)('with %s is used read-only, and the client says so', async (code) => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const rule = { function: 'C_OpenSession', oddity: 'read-write-refused', return: code } as FaultRule;
    hsm.plan([rule]);
    const { client, key } = await start();
    expect(client.readOnly).toBe(true);
    expect(await client.health()).toMatchObject({ ok: true, readOnly: true });
    await sign(key);
    const generating = client.generateKeyPair('EC', { curve: 'P-256', token: true });
    expect(await failure(generating)).toMatchObject({ code: 'ERR_CRYPTOKI_SESSION_READ_ONLY' });
    process.off('warning', note);
    expect(warnings).toMatchObject([{ code: 'CRYPTOKI_READ_ONLY' }]);
    expect(warnings[0]?.message).toContain(code);
  });

  test('once, with a temporary error, is used read/write', async () => {
    hsm.plan([{ function: 'C_OpenSession', nth: 1, return: 'CKR_GENERAL_ERROR' }]);
    const client = await open();
    expect(client.readOnly).toBe(false);
  });
});
