import { createHash } from 'node:crypto';
import type { Session } from 'cryptoki';
import { CKM } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

const judge = (algorithm: string, data: Buffer): Buffer =>
  createHash(algorithm.replace('-', '').toLowerCase()).update(data).digest();

describe.each(['SHA-1', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512'])('%s', (algorithm) => {
  test.each([0, 1, 63, 64, 65, 1000, 2 ** 20])('of %i bytes is that of node:crypto', async (size) => {
    const data = Buffer.alloc(size, 'some data');
    expect(await session.digest(algorithm, data)).toEqual(judge(algorithm, data));
    expect(session.digestSync({ name: algorithm }, data)).toEqual(judge(algorithm, data));
  });
});

test('10 MB can be digested', async () => {
  const data = Buffer.alloc(10_000_000, 'much data');
  expect(await session.digest('SHA-256', data)).toEqual(judge('SHA-256', data));
});

test('a digest copies its data before it returns the promise', async () => {
  const data = Buffer.alloc(1000, 'data');
  const expected = judge('SHA-256', data);
  const digest = session.digest('SHA-256', data);
  data.fill(0);
  expect(await digest).toEqual(expected);
});

test('mechanisms are accepted by name and by number', async () => {
  const data = Buffer.from('data');
  for (const mechanism of ['SHA256', 'CKM_SHA256', CKM.SHA256] as const) {
    expect(await session.digest({ mechanism }, data)).toEqual(judge('SHA-256', data));
  }
  expect(await session.digest({ mechanism: 'MD5' }, data)).toEqual(judge('MD5', data));
});

test.each<[unknown, string]>([
  ['SHA256', 'ERR_INVALID_ARG_VALUE'],
  ['sha-256', 'ERR_INVALID_ARG_VALUE'],
  ['__proto__', 'ERR_INVALID_ARG_VALUE'],
  [{ name: 'SHA-256', length: 5 }, 'ERR_INVALID_ARG_VALUE'],
  [{ mechanism: 'SHA-256' }, 'ERR_INVALID_ARG_VALUE'],
  [undefined, 'ERR_INVALID_ARG_TYPE'],
  [null, 'ERR_INVALID_ARG_TYPE'],
  [7, 'ERR_INVALID_ARG_TYPE'],
])('the algorithm %o is refused', async (algorithm, code) => {
  expect(await failure(session.digest(wrong(algorithm), Buffer.alloc(1)))).toMatchObject({ code });
  expect(await failure(() => session.digestSync(wrong(algorithm), Buffer.alloc(1)))).toMatchObject({ code });
});

test.each<[unknown]>([[undefined], [null], ['text'], [5], [[1]], [{}], [{ length: 3 }]])(
  '%o is refused as data',
  async (data) => {
    const wanted = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
    expect(await failure(session.digest('SHA-256', wrong(data)))).toMatchObject(wanted);
    expect(await failure(() => session.digestSync('SHA-256', wrong(data)))).toMatchObject(wanted);
  },
);

test('an algorithm that the token lacks fails with the error of the token, and the session remains usable', async () => {
  for (const algorithm of ['SHA3-256', { mechanism: 'AES_GCM' }] as const) {
    expect(await failure(session.digest(algorithm, Buffer.alloc(1)))).toMatchObject({
      code: 'CKR_MECHANISM_INVALID',
      function: 'C_DigestInit',
    });
    expect(await session.digest('SHA-256', Buffer.alloc(1))).toHaveLength(32);
  }
});
