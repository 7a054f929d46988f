import { verify } from 'node:crypto';
import type { KeyPair, Session } from 'cryptoki';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Opened, openToken } from '../support/open';

let opened: Opened;
let session: Session;
let pair: KeyPair;
beforeAll(async () => {
  opened = await openToken();
});
beforeEach(async () => {
  await opened.token.slot[Symbol.asyncDispose]();
  session = await opened.token.openSession({ readWrite: true });
  await session.login(opened.test.pin);
  pair = await session.generateKeyPair('EC', { curve: 'P-256' });
  await pair.privateKey.sign('ECDSA-SHA256', Buffer.alloc(1)); // the mechanism list has been read after this call
});
afterAll(() => opened.close());

const LONG = Buffer.alloc(2_000_000, 'long');
const status = async (call: Promise<unknown>): Promise<string> =>
  (await Promise.allSettled([call]))[0].status;

describe('calls on one session', () => {
  test('before logout() are made before it', async () => {
    const signing = pair.privateKey.sign('ECDSA-SHA256', Buffer.alloc(1));
    const logout = session.logout();
    expect(await status(signing)).toBe('fulfilled');
    await logout;
  });

  // For a long message, Node.js computes the digest on another thread before the signature is queued.
  test('before logout() are made before it, with a long message too', async () => {
    const signing = pair.privateKey.sign('ECDSA-SHA256', LONG);
    const logout = session.logout();
    expect(await status(signing)).toBe('fulfilled');
    await logout;
  });

  test('before close() are made before it, with a long message too', async () => {
    const signing = pair.privateKey.sign('ECDSA-SHA256', LONG);
    const closing = session.close();
    expect(await status(signing)).toBe('fulfilled');
    await closing;
  });

  test('settle in their order, regardless of the length of the message', async () => {
    const order: string[] = [];
    await Promise.all([
      pair.privateKey.sign('ECDSA-SHA256', LONG).then(() => order.push('long')),
      pair.privateKey.sign('ECDSA-SHA256', Buffer.alloc(1)).then(() => order.push('short')),
    ]);
    expect(order).toEqual(['long', 'short']);
  });

  // A created token object remains, so its handle must not be lost.
  test('before close() that create a token object succeed', async () => {
    const other = await opened.token.openSession({ readWrite: true });
    const template = {
      class: 'DATA',
      token: true,
      private: false,
      label: 'made',
      value: Buffer.alloc(1),
    } as const;
    const making = other.createObject(template);
    await other.close();
    const made = await status(making);
    for (const object of await session.find({ label: 'made' })) await object.destroy();
    expect(made).toBe('fulfilled');
  });
});

test('a long message in shared memory is signed like a short one', async () => {
  const message = new Uint8Array(new SharedArrayBuffer(LONG.length));
  message.set(LONG);
  const signature = await pair.privateKey.sign('ECDSA-SHA256', message);
  const key = { key: await pair.publicKey.toKeyObject(), dsaEncoding: 'ieee-p1363' } as const;
  expect(verify('sha256', LONG, key, signature)).toBe(true);
});
