import { CryptokiError, Module } from 'cryptoki';
import { CKF, load } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { createToken, type TestToken } from '../support/token';

let its: TestToken;
beforeAll(async () => {
  its = await createToken();
});
afterAll(() => its.remove());

describe('a module', () => {
  test('describes itself', async () => {
    await using module = await Module.open(its.module);
    expect(await module.info()).toEqual({
      cryptokiVersion: { major: 2, minor: 40 },
      manufacturer: 'SoftHSM',
      description: 'Implementation of PKCS11',
      libraryVersion: { major: 2, minor: expect.any(Number) },
    });
    expect(module.path).toBe(its.module);
    expect(module.raw.description()).toEqual({
      path: its.module,
      version: { major: 2, minor: 40 },
      fromInterface: false,
    });
  });

  test('that is opened twice remains usable, with its sessions, after one of the two is closed', async () => {
    const [one, two] = [await Module.open(its.module), await Module.open(its.module)];
    const first = await (await one.token({ label: its.label })).openSession();
    const second = await (await two.token({ label: its.label })).openSession();
    await second.login(its.pin);
    expect(first.state).toBe('RO_USER_FUNCTIONS');
    await one.close();
    expect([first.state, second.state]).toEqual(['CLOSED', 'RO_USER_FUNCTIONS']);
    expect(await second.random(4)).toHaveLength(4);
    await two.close();
    expect(second.state).toBe('CLOSED');
    // C_Finalize has ended the login.
    await using again = await Module.open(its.module);
    const third = await (await again.token({ label: its.label })).openSession();
    expect((await third.info()).state).toBe('RO_PUBLIC_SESSION');
  });

  test('can be opened and closed many times, one after the other and at the same time', async () => {
    for (let i = 0; i < 20; i++) {
      await using module = await Module.open(its.module);
      expect((await module.tokens()).length).toBeGreaterThan(0);
    }
    const modules = await Promise.all(Array.from({ length: 20 }, () => Module.open(its.module)));
    const infos = await Promise.all(modules.map((module) => module.info()));
    expect(infos).toHaveLength(20);
    await Promise.all(modules.map((module) => module.close()));
  });

  test('returns the same promise from every close()', async () => {
    const module = await Module.open(its.module);
    expect(module.closed).toBe(false);
    const closing = module.close();
    expect(module.closed).toBe(true);
    expect(module.close()).toBe(closing);
    await closing;
    await module.close();
    await module[Symbol.asyncDispose]();
  });

  test('is closed at the end of `await using`', async () => {
    let seen: Module;
    {
      await using module = await Module.open(its.module);
      seen = module;
      expect(seen.closed).toBe(false);
    }
    expect(seen.closed).toBe(true);
  });

  test('closes after all calls that were made before', async () => {
    const module = await Module.open(its.module);
    const session = await (await module.token({ label: its.label })).openSession();
    const calls = Array.from({ length: 50 }, () => session.random(1000));
    await module.close();
    expect((await Promise.all(calls)).every(({ length }) => length === 1000)).toBe(true);
  });

  test('that is closed refuses calls of all its objects, and the error contains an advice', async () => {
    const module = await Module.open(its.module);
    const token = await module.token({ label: its.label });
    const session = await token.openSession({ readWrite: true });
    const object = await session.createObject({ class: 'DATA', private: false, value: Buffer.alloc(1) });
    await module.close();
    for (const call of [
      () => module.info(),
      () => module.slots(),
      () => module.slot(0),
      () => module.tokens(),
      () => module.token(),
      () => token.info(),
      () => token.openSession(),
      () => token.slot.info(),
      () => token.slot.token(),
      () => token.slot.mechanisms(),
      () => token.slot.mechanism('AES_GCM'),
      () => session.info(),
      () => session.random(1),
      () => session.randomSync(1),
      () => session.find(),
    ]) {
      const error = await failure(call);
      expect(error).toBeInstanceOf(CryptokiError);
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_MODULE_CLOSED', action: 'reinitialise' });
      expect(error.message).toContain('Module.open');
    }
    expect((await failure(object.attributes('label'))).code).toMatch(
      /^ERR_CRYPTOKI_(MODULE_CLOSED|OBJECT_DEAD)$/,
    );
    await session.close();
    await token[Symbol.asyncDispose]();
    await token.slot[Symbol.asyncDispose]();
    await object[Symbol.asyncDispose]();
  });
});

describe('C_Initialize and C_Finalize', () => {
  test('are called once for all users in the process', async () => {
    const [one, two] = [await load(its.module), await load(its.module)];
    await one.C_Initialize();
    two.C_InitializeSync();
    await one.C_Finalize();
    expect((await two.C_GetInfo()).manufacturerID).toBe('SoftHSM');
    two.C_FinalizeSync();
    expect(await failure(two.C_GetInfo())).toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });
  });

  test('of one user run one after the other', async () => {
    const raw = await load(its.module);
    const notInitialised = { code: 'CKR_CRYPTOKI_NOT_INITIALIZED', rv: 0x190, action: 'reinitialise' };
    expect(await failure(raw.C_Finalize())).toMatchObject({ ...notInitialised, function: 'C_Finalize' });
    expect(await failure(() => raw.C_GetSlotListSync(true))).toMatchObject({
      ...notInitialised,
      function: 'C_GetSlotList',
    });
    expect(await failure(raw.findObjects(1n, [], [], 0))).toMatchObject(notInitialised);
    await raw.C_Initialize();
    const already = { code: 'CKR_CRYPTOKI_ALREADY_INITIALIZED', rv: 0x191 };
    expect(await failure(raw.C_Initialize())).toMatchObject(already);
    expect(await failure(() => raw.C_InitializeSync())).toMatchObject(already);
    await raw.C_Finalize();
    expect(await failure(() => raw.C_FinalizeSync())).toMatchObject(notInitialised);
    await raw.C_Initialize();
    await raw.C_Finalize();
  });

  test('of one user close the sessions of that user only', async () => {
    const [one, two] = [await load(its.module), await load(its.module)];
    await Promise.all([one.C_Initialize(), two.C_Initialize()]);
    const [slot] = await one.C_GetSlotList(true);
    const open = (raw: typeof one) => raw.C_OpenSession(slot ?? 0n, CKF.SERIAL_SESSION);
    const sessions = [await open(one), await open(one), await open(two)] as const;
    await one.C_Finalize();
    expect(sessions.map((session) => two.sessionState(session))).toEqual([undefined, undefined, 0]);
    expect(await two.C_GenerateRandom(sessions[2], 1)).toHaveLength(1);
    await two.C_Finalize();
  });

  test('succeed without a wait between them', async () => {
    const raw = await load(its.module);
    const results = await Promise.allSettled([
      raw.C_Initialize(),
      raw.C_GetInfo(),
      raw.C_Finalize(),
      raw.C_Initialize(),
    ]);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(CryptokiError);
    }
    await raw.C_Finalize().catch(() => undefined);
  });
});
