import { verify } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Client, type ClientPrivateKey, connect, Module } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventsOf } from '../support/faulty-client';
import { failure } from '../support/open';
import { type Reader, startReader, whyNoReader } from '../support/reader';

const PIN = '123456';
const MESSAGE = Buffer.from('a message');

describe.skipIf(whyNoReader !== undefined)(`a smart card (${whyNoReader ?? 'OpenSC, vpcd'})`, () => {
  let reader: Reader;
  let client: Client;
  let key: ClientPrivateKey;
  let events: string[];

  beforeAll(async () => {
    reader = await startReader();
    await reader.card.insert();
  });
  afterAll(() => reader?.stop());
  beforeEach(async () => {
    await reader.card.insert();
    client = await connect({ module: reader.module }, { pin: PIN, sessions: { max: 3 } });
    key = await client.privateKey({ id: Buffer.of(1) });
    events = eventsOf(client);
  });
  afterEach(async () => {
    await client?.close();
    await reader.card.setPin(PIN);
  });

  async function sign(): Promise<void> {
    const certificate = await client.certificate({ id: Buffer.of(1) });
    const { publicKey } = await certificate.toX509();
    const signature = await key.sign('ECDSA-SHA256', MESSAGE);
    expect(verify('sha256', MESSAGE, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  }

  test('that is removed for a while makes operations wait, and the module is not reinitialised', async () => {
    await sign();
    const beside = await Module.open(reader.module);
    await reader.card.remove();
    const signing = sign();
    await wait(500);
    await reader.card.insert();
    await signing;
    expect(events).toContain('recovered token');
    expect(events.join()).not.toContain('module');
    expect(events.filter((event) => event === 'login')).toHaveLength(1);
    expect(client.user).toBe('USER');
    await sign();
    await beside.close();
  }, 60_000);

  test('that is removed and inserted repeatedly during signatures fails no operation', async () => {
    for (let round = 0; round < 3; round += 1) {
      const signing = Promise.all([sign(), sign(), sign(), sign()]);
      await wait(30 + 40 * round);
      await reader.card.remove();
      await wait(100);
      await reader.card.insert();
      await signing;
    }
    await sign();
  }, 90_000);

  test('that stays out makes operations fail in time, and another card does not replace it', async () => {
    await client.close();
    client = await connect({ module: reader.module }, { pin: PIN, recovery: { timeout: 1_000 } });
    key = await client.privateKey({ id: Buffer.of(1) });
    await reader.card.remove();
    expect((await failure(sign())).code).toMatch(/^CKR_(DEVICE_REMOVED|TOKEN_NOT_PRESENT)$|TOKEN_NOT_FOUND$/);
    await reader.card.insert({ card: 'another' });
    expect(await failure(sign())).toMatchObject({ code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND' });
    expect((await reader.card.state('another')).pinTries).toBe(3); // the PIN was not sent to the other card
    await reader.card.insert();
    // While the slot is empty an operation tries once, possibly before OpenSC notices the card.
    const signs = () => sign().then(() => 'signed', codeOf);
    await expect.poll(signs, { timeout: 10_000 }).toBe('signed');
  }, 60_000);
});

const codeOf = (error: { code?: string }): string | undefined => error.code;
