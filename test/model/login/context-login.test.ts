import { verify } from 'node:crypto';
import type { KeyPair, Session } from 'cryptoki';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../../support/open';

const MESSAGE = Buffer.from('a message');

let opened: Opened;
let session: Session;
let signing: KeyPair;
let decrypting: KeyPair;
beforeAll(async () => {
  opened = await openToken('context');
});
beforeEach(async () => {
  await opened.token.slot[Symbol.asyncDispose]();
  session = await opened.token.openSession({ readWrite: true });
  await session.login(opened.test.pin);
  const privateKey = { alwaysAuthenticate: true };
  signing = await session.generateKeyPair('EC', { curve: 'P-256', privateKey });
  decrypting = await session.generateKeyPair('RSA', { usage: ['decrypt'], privateKey });
});
afterAll(() => opened.close());

async function isRight(signature: Buffer): Promise<boolean> {
  const key = await signing.publicKey.toKeyObject();
  return verify('sha256', MESSAGE, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

describe('a key with CKA_ALWAYS_AUTHENTICATE', () => {
  test('signs with the PIN given to the operation, by sign() and signMany()', async () => {
    const { pin } = opened.test;
    const key = signing.privateKey;
    expect(await key.attribute('alwaysAuthenticate')).toBe(true);
    expect(await isRight(await key.sign('ECDSA-SHA256', MESSAGE, { pin }))).toBe(true);
    expect(await isRight(await key.sign('ECDSA-SHA256', MESSAGE, { pin: Buffer.from(pin) }))).toBe(true);
    expect(await isRight(key.signSync('ECDSA-SHA256', MESSAGE, { pin }))).toBe(true);
    expect(session.state).toBe('RW_USER_FUNCTIONS');
  });

  test('decrypts with the PIN given to the operation', async () => {
    const { pin } = opened.test;
    const encrypted = await decrypting.publicKey.encrypt('RSA-PKCS1', MESSAGE);
    expect(await decrypting.privateKey.decrypt('RSA-PKCS1', encrypted, { pin })).toEqual(MESSAGE);
    expect(decrypting.privateKey.decryptSync('RSA-PKCS1', encrypted, { pin })).toEqual(MESSAGE);
  });

  test('copies the PIN before the call returns', async () => {
    const pin = Buffer.from(opened.test.pin);
    const signature = signing.privateKey.sign('ECDSA-SHA256', MESSAGE, { pin });
    pin.fill(0);
    expect(await isRight(await signature)).toBe(true);
  });

  test('signs many messages at the same time on several sessions', async () => {
    const other = await opened.token.openSession();
    const keys = [signing.privateKey, signing.privateKey.on(other)];
    const signatures = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        keys[i % 2]?.sign('ECDSA-SHA256', MESSAGE, { pin: opened.test.pin }),
      ),
    );
    for (const signature of signatures) expect(await isRight(signature ?? Buffer.alloc(0))).toBe(true);
  });

  test('fails without a PIN, and the error names the missing option', async () => {
    const encrypted = await decrypting.publicKey.encrypt('RSA-PKCS1', MESSAGE);
    for (const call of [
      () => signing.privateKey.sign('ECDSA-SHA256', MESSAGE),
      () => signing.privateKey.signSync('ECDSA-SHA256', MESSAGE),
      () => decrypting.privateKey.decrypt('RSA-PKCS1', encrypted),
      () => decrypting.privateKey.decryptSync('RSA-PKCS1', encrypted, {}),
    ]) {
      const error = await failure(call);
      expect(error).toMatchObject({ code: 'CKR_USER_NOT_LOGGED_IN', function: expect.stringMatching(/^C_/) });
      expect(error.message).toMatch(/CKA_ALWAYS_AUTHENTICATE.*\{ pin \}/);
    }
    // The session has no active operation left.
    expect(
      await isRight(await signing.privateKey.sign('ECDSA-SHA256', MESSAGE, { pin: opened.test.pin })),
    ).toBe(true);
  });

  test('causes a wrong PIN to be sent once', async () => {
    const key = signing.privateKey;
    const other = key.on(await opened.token.openSession());
    const codes = await Promise.all(
      [key, other, key, other].map(
        async (each) => (await failure(each.sign('ECDSA-SHA256', MESSAGE, { pin: 'wrong-ctx' }))).code,
      ),
    );
    expect(codes).toEqual(['CKR_PIN_INCORRECT', ...Array(3).fill('ERR_CRYPTOKI_PIN_REFUSED')]);
    const sync = await failure(() => key.signSync('ECDSA-SHA256', MESSAGE, { pin: 'wrong-ctx' }));
    expect(sync).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_REFUSED' });
    const forced = await failure(key.sign('ECDSA-SHA256', MESSAGE, { pin: 'wrong-ctx', force: true }));
    expect(forced).toMatchObject({ code: 'CKR_PIN_INCORRECT', function: 'C_Login' });
    expect(await isRight(await key.sign('ECDSA-SHA256', MESSAGE, { pin: opened.test.pin }))).toBe(true);
  });

  test.each([
    [{ pin: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ pin: 'x', user: 'SO' }, 'ERR_INVALID_ARG_VALUE'],
    [{ force: 'yes', pin: 'x' }, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses the options %o', async (options, code) => {
    const key = signing.privateKey;
    const error = { code };
    expect(await failure(key.sign('ECDSA-SHA256', MESSAGE, wrong(options)))).toMatchObject(error);
    expect(await failure(() => key.signSync('ECDSA-SHA256', MESSAGE, wrong(options)))).toMatchObject(error);
  });
});

test('a key without CKA_ALWAYS_AUTHENTICATE fails with the error of the token when a PIN is given', async () => {
  const { privateKey, publicKey } = await session.generateKeyPair('EC', { curve: 'P-256' });
  const error = await failure(privateKey.sign('ECDSA-SHA256', MESSAGE, { pin: opened.test.pin }));
  expect(error).toMatchObject({ code: 'CKR_OPERATION_NOT_INITIALIZED', function: 'C_Login' });
  const signature = await privateKey.sign('ECDSA-SHA256', MESSAGE, {});
  expect(await publicKey.verify('ECDSA-SHA256', MESSAGE, signature)).toBe(true);
});
