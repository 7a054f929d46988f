import { Module, type Token } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure, wrong } from '../../support/open';
import { createToken, type TestToken } from '../../support/token';

let its: TestToken;
let module: Module;
let token: Token;

beforeAll(async () => {
  its = await createToken('lockout');
  await its.addToken('other');
  module = await Module.open(its.module);
  token = await module.token({ label: 'lockout' });
});
afterAll(async () => {
  await module.close();
  its.remove();
});
// Each test must end without a session, a login or a failed try.
afterEach(async () => {
  await token.slot[Symbol.asyncDispose]();
  await token.login(its.pin);
  await token.logout();
});

/** SoftHSM2 sets this flag after a wrong PIN and clears it after a right one. */
const isCountLow = async (): Promise<boolean> => (await token.info()).userPin.countLow;

describe('a PIN that the token refused', () => {
  test('is not sent again, by any session or the token, in any form', async () => {
    const [one, two] = [await token.openSession(), await token.openSession()];
    expect(await failure(one.login('refused-1'))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(await isCountLow()).toBe(true);
    await one.login(its.pin);
    await one.logout();
    for (const again of [
      () => one.login('refused-1'),
      () => two.login(Buffer.from('refused-1')),
      () => token.login(new TextEncoder().encode('refused-1')),
    ]) {
      const error = await failure(again());
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_REFUSED', action: 'fatal' });
      expect(error.message).toMatch(/refused this PIN before.*force: true/);
      expect(error.message).not.toContain('refused-1');
    }
    expect(await isCountLow()).toBe(false); // no PIN was sent
    const another = await module.token({ label: 'lockout' });
    expect(await failure(another.login('refused-1'))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_REFUSED' });
  });

  test('is sent again if the caller forces it', async () => {
    const session = await token.openSession();
    await failure(session.login('refused-2'));
    await session.login(its.pin);
    await session.logout();
    expect(await failure(session.login('refused-2', { force: true }))).toMatchObject({
      code: 'CKR_PIN_INCORRECT',
    });
    expect(await isCountLow()).toBe(true);
  });

  test('that several calls send at the same time costs one try', async () => {
    const sessions = await Promise.all(Array.from({ length: 10 }, () => token.openSession()));
    const codes = await Promise.all(
      sessions.map(async (session) => (await failure(session.login('refused-3'))).code),
    );
    expect(codes.filter((code) => code === 'CKR_PIN_INCORRECT')).toHaveLength(1);
    expect(codes.filter((code) => code === 'ERR_CRYPTOKI_PIN_REFUSED')).toHaveLength(9);
  });

  test('is not refused for the other user or on another token', async () => {
    const session = await token.openSession({ readWrite: true });
    await failure(session.login('refused-4'));
    expect(await failure(session.login('refused-4', { user: 'SO' }))).toMatchObject({
      code: 'CKR_PIN_INCORRECT',
    });
    const other = await module.token({ label: 'other' });
    expect(await failure(other.login('refused-4'))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    await using its2 = await other.openSession({ readWrite: true });
    await its2.login(its.soPin, { user: 'SO' });
  });

  test('is accepted after setPin() or initPin() has made it the PIN', async () => {
    const session = await token.openSession({ readWrite: true });
    await failure(session.login('refused-5'));
    await session.login(its.pin);
    await session.setPin(its.pin, 'refused-5');
    await session.logout();
    await session.login('refused-5');
    await session.logout();
    expect(await failure(session.login(its.pin))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    await session.login(its.soPin, { user: 'SO' });
    await session.initPin(its.pin);
    await session.logout();
    await session.login(its.pin);
    expect(session.state).toBe('RW_USER_FUNCTIONS');
  });

  test('is not sent as the old PIN of setPin() either', async () => {
    const session = await token.openSession({ readWrite: true });
    await session.login(its.pin);
    expect(await failure(session.setPin('refused-6', '99999999'))).toMatchObject({
      code: 'CKR_PIN_INCORRECT',
      function: 'C_SetPIN',
    });
    expect(await failure(session.setPin('refused-6', '99999999'))).toMatchObject({
      code: 'ERR_CRYPTOKI_PIN_REFUSED',
    });
    await session.logout();
    expect(await failure(session.login('refused-6'))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_REFUSED' });
  });

  test('remains refused after a login with another PIN', async () => {
    const session = await token.openSession();
    await failure(session.login('refused-7'));
    await session.login(its.pin);
    expect(await failure(session.login('refused-7'))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_REFUSED' });
  });
});

test('the lockout guard does not check raw calls, which send a refused PIN again', async () => {
  const session = await token.openSession();
  for (let i = 0; i < 2; i++) {
    expect(await failure(module.raw.C_Login(session.handle, 1, 'refused-8'))).toMatchObject({
      code: 'CKR_PIN_INCORRECT',
    });
  }
});

test('the lockout guard does not prevent many successful logins at the same time', async () => {
  const sessions = await Promise.all(Array.from({ length: 10 }, () => token.openSession()));
  await Promise.all([...sessions.map((session) => session.login(its.pin)), token.login(its.pin)]);
  expect(sessions.map(({ state }) => state)).toEqual(Array(10).fill('RO_USER_FUNCTIONS'));
});

test.each([
  [{ force: 1 }, 'ERR_INVALID_ARG_TYPE'],
  [{ username: 5 }, 'ERR_INVALID_ARG_TYPE'],
  [{ pin: 'x' }, 'ERR_INVALID_ARG_VALUE'],
])('login refuses the options %o', async (options, code) => {
  const session = await token.openSession();
  expect(await failure(session.login(its.pin, wrong(options)))).toMatchObject({ code });
});
