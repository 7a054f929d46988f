import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../../support/fault';
import { failure } from '../../support/open';

let its: Faulty;
beforeEach(async () => {
  its = await openFaulty();
  await its.session.logout();
});
afterEach(() => its.close());

describe('CKR_USER_ALREADY_LOGGED_IN', () => {
  test('counts as a login for all sessions if C_GetSessionInfo does not confirm it', async () => {
    its.hsm.plan([{ function: '*', oddity: 'already-logged-in' }]);
    await using other = await its.token.openSession();
    await its.session.login(its.soft.pin);
    expect(its.token.user).toBe('USER');
    expect(its.session.state).toBe('RW_USER_FUNCTIONS');
    expect(other.state).toBe('RO_USER_FUNCTIONS');
    await its.session.info(); // says that it is a public session, which is not taken for a logout
    expect(its.token.user).toBe('USER');
    const key = await other.privateKey({ label: 'signing' });
    expect(await key.sign('ECDSA-SHA256', Buffer.alloc(1))).toHaveLength(64);
    await its.session.logout();
    expect(other.state).toBe('RO_PUBLIC_SESSION');
  });

  test('counts as a login until a call reports that no user is logged in', async () => {
    its.hsm.plan([{ function: '*', oddity: 'already-logged-in' }]);
    await its.session.login(its.soft.pin);
    its.hsm.plan([
      { function: '*', oddity: 'already-logged-in' },
      { function: 'C_GenerateKey', nth: 1, return: 'CKR_USER_NOT_LOGGED_IN' },
    ]);
    await failure(its.session.generateKey('AES'));
    expect(its.token.user).toBeUndefined();
  });

  test('is an error if C_GetSessionInfo reports another user', async () => {
    await its.session.login(its.soft.soPin, { user: 'SO' });
    its.hsm.plan([{ function: 'C_Login', return: 'CKR_USER_ALREADY_LOGGED_IN' }]); // as NSS and tpm2-pkcs11 do
    expect(await failure(its.session.login(its.soft.pin))).toMatchObject({
      code: 'CKR_USER_ALREADY_LOGGED_IN',
    });
    expect(its.token.user).toBe('SO');
    its.hsm.clear();
    expect(await failure(its.session.login(its.soft.pin))).toMatchObject({
      code: 'CKR_USER_ANOTHER_ALREADY_LOGGED_IN',
    });
  });
});

test.each(['CKR_TOKEN_WRITE_PROTECTED', 'CKR_FUNCTION_FAILED', 'CKR_GENERAL_ERROR'] as const)(
  'Token.login() keeps the login by a read-only session where read/write ones are refused with %s',
  async (code) => {
    its.hsm.plan([{ function: 'C_OpenSession', oddity: 'read-write-refused', return: code }]);
    await its.token.login(its.soft.pin);
    expect(its.token.user).toBe('USER');
    await its.token.logout();
  },
);
