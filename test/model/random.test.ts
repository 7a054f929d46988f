import type { Session } from 'cryptoki';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

test.each([0, 1, 2, 31, 65_536, 1_000_000])('%i random bytes are returned on request', async (length) => {
  const bytes = await session.random(length);
  expect(Buffer.isBuffer(bytes)).toBe(true);
  expect(bytes).toHaveLength(length);
  expect(session.randomSync(length)).toHaveLength(length);
});

test('results differ from each other, and every byte value occurs', async () => {
  const all = await Promise.all(Array.from({ length: 100 }, () => session.random(16)));
  expect(new Set(all.map((bytes) => bytes.toString('hex'))).size).toBe(100);
  expect(new Set(await session.random(65_536)).size).toBe(256);
});

test.each<[unknown, string]>([
  [-1, 'ERR_OUT_OF_RANGE'],
  [1.5, 'ERR_OUT_OF_RANGE'],
  [Number.NaN, 'ERR_OUT_OF_RANGE'],
  [Number.POSITIVE_INFINITY, 'ERR_OUT_OF_RANGE'],
  [2 ** 32, 'ERR_OUT_OF_RANGE'],
  [2 ** 53, 'ERR_OUT_OF_RANGE'],
  [2n ** 64n, 'ERR_OUT_OF_RANGE'],
  ['16', 'ERR_INVALID_ARG_TYPE'],
  [undefined, 'ERR_INVALID_ARG_TYPE'],
  [null, 'ERR_INVALID_ARG_TYPE'],
  [{}, 'ERR_INVALID_ARG_TYPE'],
])('%o is refused as length', async (length, code) => {
  expect(await failure(session.random(wrong(length)))).toMatchObject({ code });
  expect(await failure(() => session.randomSync(wrong(length)))).toMatchObject({ code });
});

test('a seed is accepted or refused by the token', async () => {
  await opened.module.raw.C_SeedRandom(session.handle, Buffer.from('seed'));
  expect(await session.random(1)).toHaveLength(1);
});
