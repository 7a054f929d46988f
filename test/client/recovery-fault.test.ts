import { createVerify } from 'node:crypto';
import type { ConnectOptions } from 'cryptoki';
import type { FaultRule } from 'cryptoki/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { connectFaulty, type FaultyClient } from '../support/faulty-client';
import { expectSessions, noOutcome, signOne } from '../support/load';
import { failure } from '../support/open';

const MESSAGE = Buffer.from('message');

let its: FaultyClient;
afterEach(async () => {
  const { violations } = its.hsm;
  await its.close();
  expect(violations).toEqual([]);
});

const start = async (options: ConnectOptions = {}, removable = false): Promise<void> => {
  its = await connectFaulty({ sessions: { max: 4 }, ...options }, { removable });
};
const calls = (name: 'C_SignInit' | 'C_Initialize' | 'C_Finalize' | 'C_Login' | 'C_Logout'): number =>
  its.hsm.counters().calls[name] ?? 0;
/** Signs once and checks the signature. */
async function sign(): Promise<void> {
  const signature = await its.key.sign('ECDSA-SHA256', MESSAGE);
  const verified = createVerify('sha256').update(MESSAGE);
  expect(verified.verify({ key: its.publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
}
/** Signs on all sessions at the same time. */
async function signMany(count = 40): Promise<void> {
  const outcome = noOutcome();
  await Promise.all(Array.from({ length: count }, () => signOne(outcome, its.key, its.publicKey, MESSAGE)));
  expect(outcome).toEqual({ valid: count, invalid: 0, errors: {}, strange: [] });
}
const expectOwnSessions = (): Promise<void> =>
  expectSessions(() => its.hsm.counters().openSessions, its.client);

describe('recovery restores', () => {
  test('a lost session by opening another one, without effect on the others', async () => {
    await start();
    await using kept = await its.client.generateKey('AES', { valueLen: 32 });
    await its.hsm.until(({ inFlight }) => inFlight === 0);
    its.hsm.plan([{ function: 'C_Sign', nth: 1, loseSession: true }]);
    await sign();
    expect(calls('C_SignInit')).toBe(2);
    expect(its.events).toEqual(['recovering session', 'recovered session']);
    expect(await kept.attributes('label')).toBeDefined();
    await expectOwnSessions();
  });

  test('sessions that are lost one after the other', async () => {
    await start();
    await signMany();
    its.hsm.plan([{ function: 'C_Sign', from: 1, count: 5, loseSession: true }]);
    await sign();
    await signMany();
    await expectOwnSessions();
  });

  test('all sessions', async () => {
    await start();
    await signMany();
    its.hsm.loseSessions();
    await sign();
    expect(its.events).toEqual([
      'recovering session',
      'logged out elsewhere', // the login ended with the last session
      'login',
      'recovered token',
    ]);
    await signMany();
    await expectOwnSessions();
  });

  test('the login', async () => {
    await start();
    await signMany();
    its.hsm.logout();
    await signMany();
    expect(its.events.filter((event) => event === 'login')).toHaveLength(1);
    expect(its.events).not.toContain('recovering module');
    expect(its.client.user).toBe('USER');
    await expectOwnSessions();
  });

  test('the login, repeatedly and under load', async () => {
    await start();
    its.hsm.plan([{ function: 'C_Sign', every: 17, logout: true }]);
    await signMany(200);
    its.hsm.clear();
    await signMany();
    await expectOwnSessions();
  });

  test('the use of a token that is out of its slot for half a second, without reinitialising the module', async () => {
    await start({}, true);
    await signMany();
    its.hsm.removeToken({ for: 500 });
    await signMany();
    expect(its.events).toContain('recovered token');
    expect(calls('C_Finalize')).toBe(0);
    await expectOwnSessions();
  });

  test('the use of a token that is gone for half a second from a slot that is not for removable tokens', async () => {
    await start();
    await signMany();
    its.hsm.removeToken({ for: 500 });
    await signMany();
    expect(calls('C_Finalize')).toBe(calls('C_Initialize'));
    // No other client uses the module, so recovery reinitialises it after pauses that double: this bounds the number of attempts.
    expect(calls('C_Initialize')).toBeLessThanOrEqual(3);
    await expectOwnSessions();
  });

  test('a device that needs a reinitialised module, with one reinitialisation', async () => {
    await start();
    await signMany();
    its.hsm.loseDevice();
    await signMany();
    expect([calls('C_Finalize'), calls('C_Initialize')]).toEqual([1, 1]);
    expect(its.events.filter((event) => /rec/.test(event))).toEqual([
      'recovering module',
      'recovered module',
    ]);
    await expectOwnSessions();
  });

  test('no device when the options forbid a reinitialisation', async () => {
    await start({ recovery: { reinitialise: false, timeout: 300 } });
    its.hsm.loseDevice();
    expect(await failure(sign())).toMatchObject({ code: 'CKR_DEVICE_ERROR' });
    expect(its.events).toContain('down');
    expect(calls('C_Finalize')).toBe(0);
  });
});

describe('an ambiguous error', () => {
  test('of a busy session makes the client use another session', async () => {
    await start();
    its.hsm.plan([{ function: 'C_SignInit', nth: 1, return: 'CKR_OPERATION_ACTIVE' }]);
    await sign();
    await expectOwnSessions();
  });

  test('of exhausted memory is retried, and reported when it persists', async () => {
    await start();
    its.hsm.plan([{ function: 'C_SignInit', from: 1, count: 3, return: 'CKR_HOST_MEMORY' }]);
    await sign();
    expect(calls('C_SignInit')).toBe(4);
    its.hsm.plan([{ function: 'C_SignInit', return: 'CKR_DEVICE_MEMORY' }]);
    expect(await failure(sign())).toMatchObject({ code: 'CKR_DEVICE_MEMORY' });
    expect(calls('C_SignInit')).toBe(8);
    expect(its.events).toEqual([]);
    await expectOwnSessions();
  });

  test('of a token that works is sometimes retried, and other operations continue', async () => {
    await start();
    its.hsm.plan([{ function: 'C_Sign', nth: 1, return: 'CKR_FUNCTION_FAILED' }]);
    await sign();
    its.hsm.plan([{ function: 'C_Sign', nth: 1, return: 'CKR_DEVICE_ERROR' }]);
    await sign();
    its.hsm.plan([{ function: 'C_Sign', return: 'CKR_DEVICE_ERROR' }]);
    expect(await failure(sign())).toMatchObject({ code: 'CKR_DEVICE_ERROR' });
    expect(calls('C_SignInit')).toBe(6);
    its.hsm.plan([{ function: 'C_Sign', return: 'CKR_GENERAL_ERROR' }]);
    expect(await failure(sign())).toMatchObject({ code: 'CKR_GENERAL_ERROR' });
    expect(calls('C_SignInit')).toBe(7);
    expect(its.events).toEqual([]);
    await expectOwnSessions();
  });

  test('of a token that has failed makes the client reinitialise the module', async () => {
    await start();
    // Like a TPM whose daemon has stopped: the sessions look valid until they are used.
    const dead: FaultRule = { function: ['C_Sign', 'C_GenerateRandom'], return: 'CKR_GENERAL_ERROR' };
    its.hsm.plan([dead, { function: 'C_Initialize', nth: 1, delay: 300 }]);
    const signing = sign();
    await its.hsm.until(({ delayed }) => delayed === 1);
    its.hsm.clear();
    await signing;
    expect(its.events).toContain('recovered module');
    await expectOwnSessions();
  });

  test('of C_Initialize is retried', async () => {
    await start();
    its.hsm.plan([{ function: 'C_Initialize', from: 1, count: 3, return: 'CKR_DEVICE_ERROR' }]);
    its.hsm.loseDevice();
    await signMany();
    expect(calls('C_Initialize')).toBe(4);
    await expectOwnSessions();
  });
});

describe('an operation with an unknown outcome', () => {
  test.each([
    ['signs', () => sign()],
    ['digests', () => its.client.digest('SHA-256', MESSAGE)],
    ['makes random numbers', () => its.client.random(16)],
    ['reads attributes', () => its.key.attributes('label')],
    ['searches', () => its.client.find({ label: 'signing' })],
  ])('is repeated when it %s', async (_, work) => {
    await start();
    const functions = [
      'C_Sign',
      'C_Digest',
      'C_GenerateRandom',
      'C_GetAttributeValue',
      'C_FindObjects',
    ] as const;
    its.hsm.plan([{ function: functions, nth: 1, callReturn: 'CKR_DEVICE_ERROR' }]);
    await work();
    expect(its.hsm.counters().rules[0]?.injected).toBe(1);
    await expectOwnSessions();
  });

  test('is repeated when it decrypts', async () => {
    await start();
    await using key = await its.client.generateKey('AES', { valueLen: 32 });
    const algorithm = { name: 'AES-GCM', iv: Buffer.alloc(12) } as const;
    const encrypted = await key.encrypt(algorithm, MESSAGE);
    its.hsm.plan([{ function: 'C_Decrypt', nth: 1, callReturn: 'CKR_FUNCTION_FAILED' }]);
    expect(await key.decrypt(algorithm, encrypted)).toEqual(MESSAGE);
    expect(its.hsm.counters().calls.C_DecryptInit).toBe(2);
  });

  test.each([
    ['generates a key pair', 'C_GenerateKeyPair', () => its.client.generateKeyPair('EC', { curve: 'P-256' })],
    ['generates a key', 'C_GenerateKey', () => its.client.generateKey('AES', { valueLen: 16 })],
    ['creates an object', 'C_CreateObject', () => its.client.createObject({ class: 'DATA', label: 'd' })],
    ['changes an object', 'C_SetAttributeValue', () => its.key.setAttributes({ label: 'other' })],
    ['destroys an object', 'C_DestroyObject', () => its.key.destroy()],
    [
      'changes the PIN',
      'C_SetPIN',
      () => its.client.withSession((session) => session.setPin(its.soft.pin, '87654321')),
    ],
  ] as const)('is not repeated when it %s', async (_, name, work) => {
    for (const code of ['CKR_DEVICE_ERROR', 'CKR_SESSION_CLOSED', 'CKR_HOST_MEMORY'] as const) {
      await start();
      its.hsm.plan([{ function: name, callReturn: code }]);
      expect(await failure(work())).toMatchObject({ code });
      expect(its.hsm.counters().calls[name]).toBe(1);
      its.hsm.clear();
      if (name !== 'C_SetPIN') await its.client.random(1); // the client itself still works
      if (code !== 'CKR_HOST_MEMORY') await its.close();
    }
  });

  test('is not repeated when it is a login: the PIN is sent once', async () => {
    await start();
    its.hsm.plan([{ function: 'C_Login', callReturn: 'CKR_PIN_INCORRECT' }]);
    its.hsm.logout();
    expect((await failure(sign())).code).toMatch(
      /^(CKR_(PIN_INCORRECT|USER_NOT_LOGGED_IN|OBJECT_HANDLE_INVALID|KEY_HANDLE_INVALID)|ERR_CRYPTOKI_OBJECT_DEAD)$/,
    );
    expect(calls('C_Login')).toBe(1);
    expect(its.events).toContain('down');
    await sign(); // C_GetSessionInfo has shown that the login succeeded
    expect(calls('C_Login')).toBe(1);
  });
});

describe('a call that hangs', () => {
  test('fails its operation in time; other operations continue, and the session is used again', async () => {
    await start({ operationTimeout: 300 });
    await signMany();
    its.hsm.plan([{ function: 'C_Sign', nth: 1, hang: true }]);
    const hung = failure(sign());
    await its.hsm.until(({ hanging }) => hanging === 1);
    await signMany();
    expect(await hung).toMatchObject({ code: 'ERR_CRYPTOKI_TIMEOUT' });
    expect(its.client.statistics().lent).toBe(1);
    its.hsm.clear();
    await expect.poll(() => its.client.statistics().lent).toBe(0);
    await signMany();
    await expectOwnSessions();
  });

  test('does not delay an operation that is aborted', async () => {
    await start();
    its.hsm.plan([{ function: 'C_Sign', nth: 1, hang: true }]);
    const signal = AbortSignal.timeout(100);
    const error = await failure(its.key.sign('ECDSA-SHA256', MESSAGE, { signal }));
    expect(error.name).toBe('TimeoutError');
    its.hsm.clear();
    await signMany();
  });

  test('during a recovery fails the operations in time', async () => {
    await start({ recovery: { timeout: 100 } });
    its.hsm.plan([{ function: 'C_OpenSession', nth: 1, hang: true }]);
    its.hsm.loseSessions();
    const begun = performance.now();
    await failure(sign());
    expect(performance.now() - begun).toBeLessThan(8_000);
    expect(its.events).toContain('down');
    await sign(); // by another recovery, while the first hangs
    expect(its.hsm.counters().hanging).toBe(1);
    expect(its.events.at(-1)).toMatch(/^recovered/);
    its.hsm.clear();
    await signMany();
    await its.hsm.until(({ inFlight }) => inFlight === 0);
    await expectOwnSessions();
  });

  test('delays close() for a limited time only', async () => {
    await start();
    its.hsm.plan([{ function: 'C_Sign', nth: 1, hang: true }]);
    const hung = its.key.sign('ECDSA-SHA256', MESSAGE);
    await its.hsm.until(({ hanging }) => hanging === 1);
    const begun = performance.now();
    await its.client.close();
    expect(performance.now() - begun).toBeLessThan(25_000);
    its.hsm.clear();
    expect(await hung).toHaveLength(64);
  }, 40_000);
});
