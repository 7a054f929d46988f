import { connect, Module } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../../support/fault';
import { failure } from '../../support/open';

let faulty: Faulty;
beforeAll(async () => {
  faulty = await openFaulty();
});
afterAll(() => faulty.close());

/** Functions that send a PIN. */
const SENDING = ['C_Login', 'C_LoginUser', 'C_InitPIN', 'C_SetPIN', 'C_InitToken'] as const;

describe('an empty PIN is never sent:', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['login()', () => faulty.session.login('')],
    ['login() of the security officer', () => faulty.session.login('', { user: 'SO' })],
    ['login() that insists', () => faulty.session.login('', { force: true })],
    ['token.login()', () => faulty.token.login('')],
    ['setPin() from it', () => faulty.session.setPin('', '12345678')],
    ['setPin() to it', () => faulty.session.setPin(faulty.soft.pin, '')],
    ['sign() with it', () => faulty.privateKey.sign('ECDSA-SHA256', Buffer.alloc(1), { pin: '' })],
    ['createSign() with it', async () => faulty.privateKey.createSign('ECDSA-SHA256', { pin: '' })],
    [
      'initToken() with it',
      async () => {
        const slot = (await faulty.module.slots()).find(({ id }) => id !== faulty.token.slot.id);
        return slot?.initToken({ label: 'new', soPin: '' });
      },
    ],
  ])('%s', async (_, send) => {
    faulty.hsm.resetCounters();
    expect(await failure(send())).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining('is empty, and was not sent'),
    });
    const { calls } = faulty.hsm.counters();
    expect(SENDING.filter((name) => calls[name] !== undefined)).toEqual([]);
  });

  test('initPin() to it', async () => {
    const module = await Module.open(faulty.hsm.path);
    await faulty.session.logout();
    await faulty.session.login(faulty.soft.soPin, { user: 'SO' });
    faulty.hsm.resetCounters();
    expect(await failure(faulty.session.initPin(''))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(faulty.hsm.counters().calls.C_InitPIN).toBeUndefined();
    await faulty.session.logout();
    await faulty.session.login(faulty.soft.pin);
    await module.close();
  });

  test.each<[string, string | (() => string)]>([
    ['connect() with it', ''],
    ['connect() with a provider that returns it', () => ''],
  ])('%s', async (_, pin) => {
    await faulty.session.logout();
    faulty.hsm.resetCounters();
    const target = { module: faulty.hsm.path, token: { label: faulty.soft.label } };
    const error = await failure(
      (async () => {
        await using client = await connect(target, { pin });
        await client.generateKeyPair('EC', { curve: 'P-256', token: true });
      })(),
    );
    expect(error.message).toContain('is empty, and was not sent');
    expect(faulty.hsm.counters().calls.C_Login).toBeUndefined();
    await faulty.session.login(faulty.soft.pin);
  });
});
