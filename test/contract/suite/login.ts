import { CKA, CKO, CKU } from 'cryptoki/raw';
import { expect } from 'vitest';
import type { Contract } from './contract';
import { codeOf } from './outcome';

export function login(contract: Contract): void {
  const { test } = contract.chapter('login');

  /** Runs an action without login and logs the user in again afterwards. */
  async function loggedOut(body: () => Promise<void>): Promise<void> {
    await contract.session.logout();
    try {
      await body();
    } finally {
      await contract.session.logout();
      await contract.session.login(contract.pin);
    }
  }

  test('logging out and in changes the state of every session', ['login'], async () => {
    await using other = await contract.open(false);
    await loggedOut(async () => {
      for (const each of [contract.session, other]) {
        expect(each.state).toMatch(/^R[OW]_PUBLIC_SESSION$/);
        expect((await each.info()).state).toBe(each.state);
      }
    });
    expect(other.state).toBe('RO_USER_FUNCTIONS');
    expect((await other.info()).state).toBe('RO_USER_FUNCTIONS');
  });

  test('a repeated login succeeds in the model and fails in the module', ['login'], async () => {
    await contract.session.login(contract.pin);
    const { raw, session } = contract;
    expect(await codeOf(raw.C_Login(session.handle, CKU.USER, contract.pin))).toBe(
      'CKR_USER_ALREADY_LOGGED_IN',
    );
    await loggedOut(() => session.logout()); // a logout without a login succeeds, too
  });

  // The suite sends one wrong PIN, followed by a good one: some tokens lock after three.
  test('a wrong PIN is refused, and the right one is then accepted', ['login'], async () => {
    await loggedOut(async () => {
      expect(await codeOf(contract.session.login('wrong-7'))).toEqual(contract.code('a wrong PIN'));
      expect(contract.session.state).toBe('RW_PUBLIC_SESSION');
      await contract.session.login(contract.pin);
      expect(contract.session.state).toBe('RW_USER_FUNCTIONS');
    });
  });

  test('a PIN can be bytes, which stay as they are', ['login'], async () => {
    await loggedOut(async () => {
      const pin = Buffer.from(contract.pin);
      await contract.session.login(pin);
      expect(pin.toString()).toBe(contract.pin);
    });
  });

  test(
    'private objects are visible and can be created only with a login',
    ['login', 'write', 'data objects', 'token data'],
    async () => {
      const { session } = contract;
      const template = {
        class: 'DATA',
        private: true,
        token: true,
        label: 'private',
        value: Buffer.from('x'),
      } as const;
      const mine = await session.createObject(template);
      await loggedOut(async () => {
        expect(await session.find({ label: 'private' })).toEqual([]);
        expect(await codeOf(mine.attributes('label'))).toBe('ERR_CRYPTOKI_OBJECT_DEAD');
        expect(await codeOf(session.createObject(template))).toBe('ERR_CRYPTOKI_ACCESS');
        const made = contract.raw.C_CreateObject(session.handle, [
          { type: CKA.CLASS, value: CKO.DATA },
          { type: CKA.TOKEN, value: true },
          { type: CKA.PRIVATE, value: true },
          { type: CKA.VALUE, value: Buffer.from('x') },
        ]);
        expect(await codeOf(made)).toEqual(contract.code('a private object made without login'));
      });
      const found = await session.find({ label: 'private' });
      expect(found).toHaveLength(1);
      await found[0]?.destroy();
    },
  );

  test('the security officer can log in, but not beside a read-only session', ['login', 'so'], async () => {
    await loggedOut(async () => {
      const other = await contract.open(false);
      expect(await codeOf(contract.session.login(contract.soPin, { user: 'SO' }))).toBe(
        'ERR_CRYPTOKI_SO_READ_ONLY',
      );
      const login = contract.raw.C_Login(contract.session.handle, CKU.SO, contract.soPin);
      expect(await codeOf(login)).toEqual(contract.code('the security officer beside a read-only session'));
      await other.close();
      await contract.session.login(contract.soPin, { user: 'SO' });
      expect(contract.session.state).toBe('RW_SO_FUNCTIONS');
      expect((await contract.session.info()).state).toBe('RW_SO_FUNCTIONS');
    });
  });

  test('the security officer does not log in beside the user', ['login', 'so'], async () => {
    expect(await codeOf(contract.session.login(contract.soPin, { user: 'SO' }))).toEqual(
      contract.code('the security officer while the user is logged in'),
    );
    expect(contract.session.state).toBe('RW_USER_FUNCTIONS');
  });

  test('the PIN is changed by the user', ['login', 'write'], async () => {
    const { raw, session } = contract;
    const other = contract.pin.slice(0, -1) + (contract.pin.endsWith('0') ? '1' : '0');
    await raw.C_SetPIN(session.handle, contract.pin, other);
    await session.logout();
    await session.login(other);
    await raw.C_SetPIN(session.handle, other, contract.pin);
    await loggedOut(async () => {});
  });

  test('a new PIN that is too short is refused', ['login', 'write'], async () => {
    const { raw, session } = contract;
    const outcome = await codeOf(raw.C_SetPIN(session.handle, contract.pin, '1'));
    if (outcome === 'no error') await raw.C_SetPIN(session.handle, '1', contract.pin);
    expect(outcome).toEqual(contract.code('a new PIN too short'));
    await loggedOut(async () => {}); // the old PIN still works
  });

  test('the security officer sets the PIN of the user', ['login', 'write', 'so'], async () => {
    await loggedOut(async () => {
      await contract.session.login(contract.soPin, { user: 'SO' });
      await contract.raw.C_InitPIN(contract.session.handle, contract.pin);
    });
    expect(contract.session.state).toBe('RW_USER_FUNCTIONS');
  });
}
