import { Module, type Slot, type Token } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure, wrong } from '../../support/open';
import { createToken, type TestToken } from '../../support/token';

let its: TestToken;
let module: Module;
let token: Token;

beforeAll(async () => {
  its = await createToken('admin');
  module = await Module.open(its.module);
  token = await module.token({ label: 'admin' });
});
afterAll(async () => {
  await module.close();
  its.remove();
});
// Each test must end without a session and without a login.
afterEach(async () => {
  await token.slot[Symbol.asyncDispose]();
});

/** The slot with an uninitialised token: SoftHSM2 always has one. */
async function freeSlot(): Promise<Slot> {
  const tokens = await module.tokens();
  const free = tokens.find(({ initialized }) => !initialized);
  if (free === undefined) throw new Error('SoftHSM2 has no free slot');
  return free.slot;
}

describe('initToken()', () => {
  test('creates a token on which the security officer sets the PIN of the user', async () => {
    const slot = await freeSlot();
    const made = await slot.initToken({ label: 'made', soPin: '12345678' });
    expect(made).toMatchObject({ label: 'made', initialized: true });
    expect((await made.info()).userPinInitialized).toBe(false);
    await using session = await made.openSession({ readWrite: true });
    expect(await failure(session.login('11112222'))).toMatchObject({ code: 'CKR_USER_PIN_NOT_INITIALIZED' });
    await session.login('12345678', { user: 'SO' });
    await session.initPin('11112222');
    await session.logout();
    await session.login('11112222');
    expect(session.state).toBe('RW_USER_FUNCTIONS');
    expect((await made.info()).userPinInitialized).toBe(true);
  });

  test('again destroys the objects of the token and requires the PIN of the security officer', async () => {
    const slot = await freeSlot();
    const first = await slot.initToken({ label: 'again', soPin: '12345678' });
    {
      await using session = await first.openSession({ readWrite: true });
      await session.createObject({ class: 'DATA', private: false, token: true, value: Buffer.alloc(1) });
    }
    const wrongPin = { label: 'again', soPin: '87654321' };
    expect(await failure(slot.initToken(wrongPin))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(await failure(slot.initToken(wrongPin))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_REFUSED' });
    const second = await slot.initToken({ label: 'anew', soPin: Buffer.from('12345678') });
    expect(second.label).toBe('anew');
    await using session = await second.openSession();
    expect(await session.find()).toEqual([]);
  });

  test('reports open sessions before a call', async () => {
    await using _session = await token.openSession();
    const error = await failure(token.slot.initToken({ label: 'admin', soPin: its.soPin }));
    expect(error).toMatchObject({ code: 'CKR_SESSION_EXISTS', function: undefined });
    expect(error.message).toMatch(/has 1 open on slot \d+, so no call was made/);
  });

  test('refuses a label that is too long, a PIN that is too short, and arguments of wrong types', async () => {
    const slot = await freeSlot();
    expect(await failure(slot.initToken({ label: 'x'.repeat(33), soPin: '12345678' }))).toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
    });
    expect(await failure(slot.initToken({ label: 'x', soPin: '1' }))).toMatchObject({
      code: expect.stringMatching(/^CKR_PIN_(LEN_RANGE|INCORRECT)$/),
    });
    for (const options of [null, {}, { label: 1, soPin: 'x' }, { label: 'x', soPin: 5 }]) {
      expect(await failure(slot.initToken(wrong(options)))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    }
    const unknown = { label: 'x', soPin: 'x', pin: 1 };
    expect(await failure(slot.initToken(wrong(unknown)))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe('initPin()', () => {
  test('requires a read/write session of the security officer', async () => {
    const reading = await token.openSession();
    expect(await failure(reading.initPin('11112222'))).toMatchObject({
      code: 'ERR_CRYPTOKI_SESSION_READ_ONLY',
    });
    await reading.close();
    const session = await token.openSession({ readWrite: true });
    const refused = await failure(session.initPin('11112222'));
    expect(refused).toMatchObject({ code: 'ERR_CRYPTOKI_ACCESS', action: 'relogin' });
    expect(refused.message).toContain('RW_PUBLIC_SESSION');
    await session.login(its.pin);
    expect(await failure(session.initPin('11112222'))).toMatchObject({ code: 'ERR_CRYPTOKI_ACCESS' });
    await session.logout();
    await session.login(its.soPin, { user: 'SO' });
    expect(await failure(session.initPin('1'))).toMatchObject({
      code: 'CKR_PIN_LEN_RANGE',
      function: 'C_InitPIN',
    });
    await session.initPin(its.pin);
  });
});

describe('setPin()', () => {
  test('changes the PIN of the user, with or without a login', async () => {
    const session = await token.openSession({ readWrite: true });
    await session.login(its.pin);
    await session.setPin(its.pin, '11112222');
    await session.logout();
    await session.setPin('11112222', '22223333');
    await session.login('22223333');
    await session.setPin(Buffer.from('22223333'), Buffer.from(its.pin));
    await session.logout();
    await session.login(its.pin);
  });

  test('changes the PIN of the security officer who is logged in', async () => {
    const session = await token.openSession({ readWrite: true });
    await session.login(its.soPin, { user: 'SO' });
    await session.setPin(its.soPin, '99998888');
    await session.logout();
    await session.login('99998888', { user: 'SO' });
    await session.setPin('99998888', its.soPin);
  });

  test('copies the PINs before it returns', async () => {
    const session = await token.openSession({ readWrite: true });
    const [before, after] = [Buffer.from(its.pin), Buffer.from('44445555')];
    const setting = session.setPin(before, after);
    before.fill(0);
    after.fill(0);
    await setting;
    await session.login('44445555');
    await session.setPin('44445555', its.pin);
  });

  test('is refused in a read-only session and with a PIN that is too short', async () => {
    const reading = await token.openSession();
    expect(await failure(reading.setPin(its.pin, '11112222'))).toMatchObject({
      code: 'ERR_CRYPTOKI_SESSION_READ_ONLY',
    });
    const session = await token.openSession({ readWrite: true });
    expect(await failure(session.setPin(its.pin, '1'))).toMatchObject({
      code: 'CKR_PIN_LEN_RANGE',
      function: 'C_SetPIN',
    });
    expect(await failure(session.setPin(its.pin, wrong(undefined)))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });
});

describe('Token.login()', () => {
  test('needs no session, and keeps the login when all other sessions close', async () => {
    await token.login(its.pin);
    expect(token.user).toBe('USER');
    const session = await token.openSession();
    expect(session.state).toBe('RO_USER_FUNCTIONS');
    await session.close();
    expect(token.user).toBe('USER');
    await token.logout();
    expect(token.user).toBeUndefined();
    expect(token.slot.sessions.size).toBe(0);
  });

  test('applies to all sessions, and each of them can log out', async () => {
    const session = await token.openSession({ readWrite: true });
    await token.login(its.pin);
    expect(session.state).toBe('RW_USER_FUNCTIONS');
    await session.logout();
    expect(token.user).toBeUndefined();
    await expect.poll(() => token.slot.sessions.size).toBe(1); // the session of the token itself is closed
    await session.login(its.soPin, { user: 'SO' });
    await token.logout();
    expect(session.state).toBe('RW_PUBLIC_SESSION');
  });

  test('also logs in the security officer', async () => {
    await token.login(its.soPin, { user: 'SO' });
    expect(token.user).toBe('SO');
    await token.logout();
    await token.logout();
  });

  test('leaves no session behind after a failure', async () => {
    const [bad, good] = await Promise.allSettled([token.login('bad-1'), token.login(its.pin)]);
    expect([bad.status, good.status]).toEqual(['rejected', 'fulfilled']);
    expect(token.slot.sessions.size).toBe(1);
    await token.logout();
    expect(await failure(token.login('bad-2'))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(token.slot.sessions.size).toBe(0);
  });

  test('ends when the token is disposed of', async () => {
    {
      await using scoped = await module.token({ label: 'admin' });
      await scoped.login(its.pin);
      expect(token.user).toBe('USER');
    }
    await expect.poll(() => token.user).toBeUndefined();
  });

  test('with a user name needs C_LoginUser, which a module of 2.40 lacks', async () => {
    const error = await failure(token.login(its.pin, { username: 'alice' }));
    expect(error).toMatchObject({ code: 'CKR_FUNCTION_NOT_SUPPORTED', function: 'C_LoginUser' });
  });
});
