import { verify } from 'node:crypto';
import { Module, type Session, type Token } from 'cryptoki';
import { CKM, CKU } from 'cryptoki/raw';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Reader, startReader, whyNoReader } from '../support/reader';

const PIN = '123456';
const MESSAGE = Buffer.from('a message');

describe.skipIf(whyNoReader !== undefined)(`a smart card (${whyNoReader ?? 'OpenSC, vpcd'})`, () => {
  let reader: Reader;
  let module: Module;
  let token: Token;
  let session: Session;

  beforeAll(async () => {
    reader = await startReader();
    await reader.card.insert();
    module = await Module.open(reader.module);
    token = await module.token();
    session = await token.openSession();
    await session.login(PIN);
  });
  afterEach(() => reader.card.setPin(PIN));
  afterAll(async () => {
    await module?.close();
    await reader?.stop();
  });

  /** The public key in a certificate of the card, read by node:crypto. */
  async function certified(id: number) {
    const certificate = await session.certificate({ id: Buffer.of(id) });
    return (await certificate.toX509()).publicKey;
  }

  test('is a token that requires a PIN and that its user cannot write to', async () => {
    expect(token).toMatchObject({ model: 'PKCS#15 emulated', manufacturer: 'piv_II', initialized: true });
    expect(token.serialNumber).toMatch(/^[0-9a-f]{16}$/);
    expect(await token.info()).toMatchObject({ loginRequired: true, protectedAuthenticationPath: false });
    expect(await token.slot.info()).toMatchObject({ tokenPresent: true, removable: true, hardware: true });
  });

  test('signs with key 9A', async () => {
    const key = await session.privateKey({ id: Buffer.of(1) });
    const signature = await key.sign('ECDSA-SHA256', MESSAGE);
    const publicKey = { key: await certified(1), dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', MESSAGE, publicKey, signature)).toBe(true);
    expect(verify('sha256', Buffer.from('another'), publicKey, signature)).toBe(false);
  });

  test('signs with key 9C only after a context-specific login for each signature', async () => {
    const { raw } = module;
    const key = await session.privateKey({ id: Buffer.of(2) });
    expect(await key.attribute('alwaysAuthenticate')).toBe(true);
    const mechanism = { mechanism: CKM.SHA256_RSA_PKCS };
    for (let round = 0; round < 2; round++) {
      await raw.C_SignInit(session.handle, mechanism, key.handle);
      await raw.C_Login(session.handle, CKU.CONTEXT_SPECIFIC, PIN);
      const signature = await raw.C_Sign(session.handle, MESSAGE);
      expect(verify('sha256', MESSAGE, await certified(2), signature)).toBe(true);
    }
    await raw.C_SignInit(session.handle, mechanism, key.handle);
    await expect(raw.C_Sign(session.handle, MESSAGE)).rejects.toMatchObject({
      code: 'CKR_USER_NOT_LOGGED_IN',
    });
  });

  test('decrements the tries with each wrong PIN and resets them after a right one', async () => {
    await session.logout();
    const tries = async () => (await reader.card.state()).pinTries;
    const wrong = () => failure(session.login('654321', { force: true })); // the lockout guard refuses a repeated PIN
    expect(await tries()).toBe(3);
    expect(await wrong()).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(await tries()).toBe(2);
    await session.login(PIN);
    expect(await tries()).toBe(3);
    await session.logout();
    expect(await wrong()).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(await wrong()).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect((await token.info()).userPin).toMatchObject({ finalTry: true, locked: false });
    expect(await wrong()).toMatchObject({ code: 'CKR_PIN_LOCKED' });
    expect(await tries()).toBe(0);
    expect(await failure(session.login(PIN))).toMatchObject({ code: 'CKR_PIN_LOCKED' });
    expect((await token.info()).userPin).toMatchObject({ locked: true });
    await reader.card.setPin(PIN);
    await session.login(PIN);
    expect(session.state).toBe('RO_USER_FUNCTIONS');
  });

  test('receives a wrong PIN once from the lockout guard, even when many callers log in at the same time', async () => {
    await session.logout();
    const tries = async () => (await reader.card.state()).pinTries;
    const others = await Promise.all(Array.from({ length: 4 }, () => token.openSession()));
    const codes = await Promise.all(
      [session, ...others].map(async (each) => (await failure(each.login('123321'))).code),
    );
    expect(codes).toEqual(['CKR_PIN_INCORRECT', ...Array(4).fill('ERR_CRYPTOKI_PIN_REFUSED')]);
    expect(await tries()).toBe(2);
    expect(await failure(session.login('321123'))).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(await tries()).toBe(1);
    for (const pin of ['111222', PIN]) {
      expect(await failure(session.login(pin))).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_FINAL_TRY' });
    }
    expect(await tries()).toBe(1);
    await session.login(PIN, { force: true });
    expect(await tries()).toBe(3);
    await Promise.all(others.map((each) => each.close()));
  });

  test('returns the status word that the test sets', async () => {
    const key = await session.privateKey({ id: Buffer.of(1) });
    await reader.card.fail(0x6f00, { count: 2 }); // OpenSC repeats a command once
    expect(await failure(key.sign('ECDSA-SHA256', MESSAGE))).toMatchObject({ function: 'C_Sign' });
    await expect(key.sign('ECDSA-SHA256', MESSAGE)).resolves.toHaveLength(64);
  });

  test('answers late when the test sets a delay', async () => {
    const key = await session.privateKey({ id: Buffer.of(1) });
    await reader.card.delay(200);
    const begin = performance.now();
    await key.sign('ECDSA-SHA256', MESSAGE);
    expect(performance.now() - begin).toBeGreaterThan(190);
    await reader.card.delay(0);
  });

  test('loses its token when it is removed during a signature and gets its keys back when it is inserted', async () => {
    const before = await certified(1);
    const key = await session.privateKey({ id: Buffer.of(1) });
    await reader.card.delay(1_000);
    const { commands } = await reader.card.state();
    const signing = failure(key.sign('ECDSA-SHA256', MESSAGE));
    await expect.poll(async () => (await reader.card.state()).commands).toBeGreaterThan(commands);
    await reader.card.remove();
    await reader.card.delay(0);
    expect(await signing).toMatchObject({ function: 'C_Sign' });
    expect(await token.slot.info()).toMatchObject({ tokenPresent: false });
    expect((await reader.card.state()).present).toBe(false);

    await reader.card.insert();
    await expect.poll(() => token.slot.info(), { timeout: 10_000 }).toMatchObject({ tokenPresent: true });
    expect((await token.slot.token()).serialNumber).toBe(token.serialNumber);
    session = await token.openSession();
    await session.login(PIN);
    expect((await certified(1)).equals(before)).toBe(true);
  });

  test('is a different token after another card is inserted, and a card of another kind is not recognised', async () => {
    await reader.card.remove();
    await expect.poll(() => module.tokens(), { timeout: 10_000 }).toEqual([]);
    await reader.card.insert({ card: 'second' });
    await expect.poll(async () => (await module.tokens())[0]?.label).toBe('second 9A');
    expect((await module.token()).serialNumber).not.toBe(token.serialNumber);
    await reader.card.remove();
    await expect.poll(() => module.tokens(), { timeout: 10_000 }).toEqual([]);
    await reader.card.insert({ card: null });
    const code = () =>
      token.slot.token().then(
        () => 'none',
        (error) => error.code,
      );
    await expect.poll(code, { timeout: 10_000 }).toBe('CKR_TOKEN_NOT_RECOGNIZED');
  });
});
