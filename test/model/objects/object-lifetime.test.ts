import { CryptokiError, type Session, type StorageObject } from 'cryptoki';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken } from '../../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
});
beforeEach(async () => {
  await opened.token.slot[Symbol.asyncDispose]();
  session = await opened.token.openSession({ readWrite: true });
  await session.login(opened.test.pin);
});
afterAll(() => opened.close());

const DATA = { class: 'DATA', private: false, value: Buffer.from('v') } as const;

/** Checks that every use of the object is refused with the reason. */
async function expectDead(object: StorageObject, reason: RegExp): Promise<void> {
  for (const use of [
    () => object.attributes('label'),
    () => object.attribute('label'),
    () => object.setAttributes({ label: 'x' }),
    () => object.destroy(),
  ]) {
    const error = await failure(use);
    expect(error).toBeInstanceOf(CryptokiError);
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_DEAD', message: expect.stringMatching(reason) });
  }
}

describe('a session object', () => {
  test('ends with the session that made it, even if another session uses it', async () => {
    const creator = await opened.token.openSession();
    const made = await creator.createObject({ ...DATA, label: 'short' });
    const used = made.on(session);
    const [found] = await session.find({ label: 'short' });
    expect(await used.attribute('value')).toEqual(DATA.value);
    expect(await found?.attribute('value')).toEqual(DATA.value);
    await creator.close();
    await expectDead(used, /"short".*ended with the session that created it/);
    if (found !== undefined) await expectDead(found, /ended with the session that created it/);
    expect(await session.find({ label: 'short' })).toEqual([]);
  });

  test('remains when other sessions that used it are closed', async () => {
    const made = await session.createObject(DATA);
    const user = await opened.token.openSession();
    expect(await made.on(user).attribute('value')).toEqual(DATA.value);
    await user.close();
    expect(await made.attribute('value')).toEqual(DATA.value);
    expect(await failure(made.on(user).attribute('value'))).toMatchObject({
      code: 'ERR_CRYPTOKI_SESSION_CLOSED',
    });
  });

  test('ends with C_CloseAllSessions', async () => {
    const made = await session.createObject(DATA);
    await opened.module.raw.C_CloseAllSessions(opened.token.slot.id);
    await expectDead(made, /ended with the session/);
  });

  test('is destroyed when it is disposed of, unlike a token object', async () => {
    {
      await using made = await session.createObject({ ...DATA, label: 'disposed' });
      await using kept = await session.createObject({ ...DATA, label: 'disposed', token: true });
      expect(made.isTokenObject).toBe(false);
      expect(kept.isTokenObject).toBe(true);
    }
    const found = await session.find({ label: 'disposed' });
    expect(found.map(({ isTokenObject }) => isTokenObject)).toEqual([true]);
    await found[0]?.destroy();
  });

  test('can be disposed of after its end', async () => {
    const made = await session.createObject(DATA);
    await made.destroy();
    await made[Symbol.asyncDispose]();
    const other = await session.createObject(DATA);
    await session.close();
    await other[Symbol.asyncDispose]();
  });
});

describe('a destroyed object', () => {
  test('is refused with the reason', async () => {
    const made = await session.createObject({ ...DATA, label: 'gone', token: true });
    await made.destroy();
    await expectDead(made, /"gone".*was destroyed/);
  });

  test('is refused even if the module reuses its handle', async () => {
    const made = await session.createObject({ ...DATA, label: 'twice', token: true });
    const [same] = await session.find({ label: 'twice' });
    await made.destroy();
    const error = await failure(same?.attribute('label') ?? Promise.resolve());
    expect(error).toMatchObject({ code: 'CKR_OBJECT_HANDLE_INVALID', action: 'refind' });
  });
});

describe('a private object', () => {
  test('that is a session object ends with a logout through any session', async () => {
    const key = await session.generateKey('AES', { label: 'private' });
    const other = await opened.token.openSession();
    await other.logout();
    await expectDead(key, /private, and the login/);
    await session.login(opened.test.pin);
    await expectDead(key, /the login in which it was found has ended/);
  });

  test('that is a token object must be searched again after a new login', async () => {
    const key = await session.generateKey('AES', { label: 'kept', token: true });
    await session.logout();
    await expectDead(key, /find it again/);
    expect(await failure(key.attribute('label'))).toMatchObject({ action: 'refind' });
    await session.login(opened.test.pin);
    const again = await session.secretKey({ label: 'kept' });
    expect(await again.attribute('label')).toBe('kept');
    await again.destroy();
  });

  test('ends when the last session closes, because that ends the login', async () => {
    const key = await session.generateKey('AES', { token: true, label: 'last' });
    await session.close();
    session = await opened.token.openSession({ readWrite: true });
    await expectDead(key.on(session), /the login in which it was found has ended/);
    await session.login(opened.test.pin);
    await (await session.secretKey({ label: 'last' })).destroy();
  });

  test('reports its closed session while the login continues', async () => {
    const other = await opened.token.openSession({ readWrite: true });
    const key = await session.generateKey('AES', { token: true, label: 'session' });
    await session.close();
    expect(await failure(key.attribute('label'))).toMatchObject({ code: 'ERR_CRYPTOKI_SESSION_CLOSED' });
    expect(await key.on(other).attribute('label')).toBe('session');
    await key.on(other).destroy();
  });
});

test('a public object outlives the login', async () => {
  const made = await session.createObject(DATA);
  await session.logout();
  expect(await made.attribute('value')).toEqual(DATA.value);
});

test('an object cannot be used on another token', async () => {
  await using module = await (await import('cryptoki')).Module.open(opened.test.module);
  const same = await module.token({ label: opened.test.label });
  const elsewhere = await same.openSession();
  const made = await session.createObject(DATA);
  // This is the same token, opened through another Module: its sessions are foreign, too.
  expect(() => made.on(elsewhere)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
});

describe('a copy of an object', () => {
  test('has the changed attributes and ends with the session that made it, not with that of the original', async () => {
    const first = await opened.token.openSession();
    const original = await first.createObject({ ...DATA, label: 'original' });
    const copied = await original.on(session).copy({ label: 'copied' });
    expect(copied.constructor).toBe(original.constructor);
    expect([copied.label, copied.isTokenObject]).toEqual(['copied', false]);
    await first.close();
    await expectDead(original, /ended with the session/);
    expect(await copied.attribute('value')).toEqual(DATA.value);
    await session.close();
    session = await opened.token.openSession({ readWrite: true });
    await expectDead(copied.on(session), /ended with the session/);
  });

  test('of a session object can be a token object, which remains', async () => {
    const made = await session.createObject({ ...DATA, label: 'stays' });
    const kept = await made.copy({ token: true });
    expect(kept.isTokenObject).toBe(true);
    await made.destroy();
    const [found] = await session.find({ label: 'stays' });
    expect(found?.isTokenObject).toBe(true);
    await kept.destroy();
    expect(await session.find({ label: 'stays' })).toEqual([]);
  });

  test('is refused if the session may not create it', async () => {
    const reading = await opened.token.openSession();
    const made = await reading.createObject(DATA);
    expect(await failure(made.copy({ token: true }))).toMatchObject({
      code: 'ERR_CRYPTOKI_SESSION_READ_ONLY',
    });
    await session.logout();
    expect(await failure(made.copy({ private: true }))).toMatchObject({ code: 'ERR_CRYPTOKI_ACCESS' });
  });
});

test('an object that is destroyed is refused on every session', async () => {
  const other = await opened.token.openSession({ readWrite: true });
  const made = await session.createObject({ ...DATA, label: 'shared', token: true });
  const there = made.on(other);
  await there.destroy();
  await expectDead(made, /"shared".*was destroyed/);
});

test('session objects of another session that a session has found end with C_CloseAllSessions', async () => {
  const creator = await opened.token.openSession();
  const made = await creator.createObject({ ...DATA, label: 'all' });
  const used = made.on(session);
  const [found] = await session.find({ label: 'all' });
  await opened.module.raw.C_CloseAllSessions(opened.token.slot.id);
  session = await opened.token.openSession({ readWrite: true });
  await expectDead(used.on(session), /ended with the session/);
  if (found !== undefined) await expectDead(found.on(session), /ended with the session/);
});

test('every private object, including session objects, ends with a logout by any session', async () => {
  const other = await opened.token.openSession();
  const keys = await session.generateKeyPair('EC', { curve: 'P-256' });
  const secret = await session.generateKey('AES', { label: 'secret', token: true });
  const open = await session.createObject(DATA);
  await other.logout();
  for (const dead of [keys.privateKey, secret, secret.on(other)])
    await expectDead(dead, /the login in which it was found has ended/);
  expect(await failure(keys.privateKey.sign('ECDSA-SHA256', Buffer.alloc(1)))).toMatchObject({
    code: 'ERR_CRYPTOKI_OBJECT_DEAD',
    action: 'fatal',
  });
  expect(await open.attribute('value')).toEqual(DATA.value);
  expect(await keys.publicKey.attribute('keyType')).toBe('EC');
  await other.login(opened.test.pin);
  await expectDead(secret, /the login in which it was found has ended/);
  await (await session.secretKey({ label: 'secret' })).destroy();
});
