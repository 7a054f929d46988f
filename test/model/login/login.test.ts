import { Module, type Session, type Token } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openNss, whyNoNss } from '../../support/nss';
import { failure, wrong } from '../../support/open';
import { createToken, type TestToken } from '../../support/token';

let its: TestToken;
let module: Module;
let token: Token;

beforeAll(async () => {
  its = await createToken('login');
  module = await Module.open(its.module);
  token = await module.token({ label: 'login' });
});
afterAll(async () => {
  await module.close();
  its.remove();
});
// Each test must end without a session and without a login.
afterEach(async () => {
  await token.slot[Symbol.asyncDispose]();
});

describe('login()', () => {
  test.each<[string, (pin: string) => Parameters<Session['login']>[0]]>([
    ['a string', (pin) => pin],
    ['a Buffer', (pin) => Buffer.from(pin)],
    ['a Uint8Array', (pin) => new TextEncoder().encode(pin)],
    ['a view of a larger buffer', (pin) => Buffer.from(`xx${pin}yy`).subarray(2, -2)],
    ['an ArrayBuffer', (pin) => new Uint8Array(Buffer.from(pin)).buffer],
  ])('takes the PIN as %s', async (_, pin) => {
    const session = await token.openSession();
    await session.login(pin(its.pin));
    expect(session.state).toBe('RO_USER_FUNCTIONS');
  });

  test('copies the PIN before it returns, so that the caller can wipe the original', async () => {
    const session = await token.openSession();
    const pin = Buffer.from(its.pin);
    const login = session.login(pin);
    pin.fill(0);
    await login;
    expect(session.state).toBe('RO_USER_FUNCTIONS');
  });

  test('with a wrong PIN fails and changes nothing, and the right PIN still works', async () => {
    const session = await token.openSession();
    expect(await failure(session.login('9999'))).toMatchObject({
      code: 'CKR_PIN_INCORRECT',
      function: 'C_Login',
    });
    expect(session.state).toBe('RO_PUBLIC_SESSION');
    expect((await token.info()).userPin.countLow).toBe(true);
    await session.login(its.pin);
    expect((await token.info()).userPin.countLow).toBe(false);
  });

  test.each<[string, string | Buffer | ArrayBuffer]>([
    ['text', ''],
    ['bytes', Buffer.alloc(0)],
    ['an ArrayBuffer', new ArrayBuffer(0)],
  ])('with an empty PIN (%s) is refused before the call', async (_, pin) => {
    const session = await token.openSession();
    const error = await failure(session.login(pin));
    expect(error).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining('PIN is empty'),
    });
    expect(session.state).toBe('RO_PUBLIC_SESSION');
    expect((await token.info()).userPin.countLow).toBe(false);
  });

  test('with null is refused by a token without a PIN pad', async () => {
    const session = await token.openSession();
    expect(await failure(session.login(null))).toMatchObject({ code: 'CKR_ARGUMENTS_BAD' });
  });

  test.each<[unknown]>([[undefined], [1234], [1234n], [{}], [['1']], [true]])(
    'refuses %o as PIN',
    async (pin) => {
      const session = await token.openSession();
      expect(await failure(session.login(wrong(pin)))).toMatchObject({
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
      });
    },
  );

  test('refuses another user than USER and SO', async () => {
    const session = await token.openSession();
    for (const user of ['user', 'ADMIN', 1]) {
      const error = await failure(session.login(its.pin, { user: wrong(user) }));
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    }
  });

  test('succeeds when the user is already logged in, on the same and on another session', async () => {
    const [one, two] = [await token.openSession(), await token.openSession()];
    await one.login(its.pin);
    await one.login(its.pin);
    await two.login(its.pin);
    expect(two.state).toBe('RO_USER_FUNCTIONS');
  });

  test('of the security officer is refused while the user is logged in, and vice versa', async () => {
    const session = await token.openSession({ readWrite: true });
    await session.login(its.pin);
    const another = { code: 'CKR_USER_ANOTHER_ALREADY_LOGGED_IN' };
    expect(await failure(session.login(its.soPin, { user: 'SO' }))).toMatchObject(another);
    expect(session.state).toBe('RW_USER_FUNCTIONS');
    await session.logout();
    await session.login(its.soPin, { user: 'SO' });
    expect(await failure(session.login(its.pin))).toMatchObject(another);
    expect(session.state).toBe('RW_SO_FUNCTIONS');
  });

  test('of the security officer is refused while a read-only session is open', async () => {
    await token.openSession();
    const session = await token.openSession({ readWrite: true });
    const error = await failure(session.login(its.soPin, { user: 'SO' }));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_SO_READ_ONLY' });
    expect(error.message).toMatch(/CKR_SESSION_READ_ONLY_EXISTS.* close the 1 /);
  });
});

describe('logout()', () => {
  test('without a login succeeds', async () => {
    const session = await token.openSession();
    await session.logout();
    await session.logout();
    expect(session.state).toBe('RO_PUBLIC_SESSION');
  });
});

test.skipIf(whyNoNss !== undefined)('login() with a user name calls C_LoginUser', async () => {
  const nss = await openNss();
  try {
    await nss.session.logout();
    // NSS has the function and refuses user names.
    expect(await failure(nss.session.login('1234', { username: 'alice' }))).toMatchObject({
      function: 'C_LoginUser',
      code: 'CKR_OPERATION_NOT_INITIALIZED',
    });
    expect(nss.session.state).toBe('RW_PUBLIC_SESSION');
  } finally {
    await nss.close();
  }
});
