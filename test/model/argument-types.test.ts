import { afterAll, beforeAll, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

let opened: Opened;
beforeAll(async () => {
  opened = await openToken();
});
afterAll(() => opened.close());

/** Calls with an argument of a wrong type. Each must fail with an error code of Node.js. */
const CALLS: Readonly<Record<string, (it: Opened) => unknown>> = {
  'find(…, null)': ({ session }) => session.find('all', wrong(null)),
  'login(…, null)': ({ session, test: { pin } }) => session.login(pin, wrong(null)),
  'slots(null)': ({ module }) => module.slots(wrong(null)),
  'generateKeyPair(…, { curve: Symbol() })': ({ session }) =>
    session.generateKeyPair('EC', { curve: wrong(Symbol('x')) }),
  'key.on(null)': async ({ session }) => (await session.generateKey('AES')).on(wrong(null)),
  'key.on({})': async ({ session }) => (await session.generateKey('AES')).on(wrong({})),
};

test.each(Object.entries(CALLS))('%s throws a TypeError or RangeError with a code', async (_, call) => {
  expect((await failure(() => call(opened))).code).toMatch(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/);
});

const REFUSED: Readonly<Record<string, (it: Opened) => unknown>> = {
  "slots({ tokenPresent: 'yes' })": ({ module }) => module.slots({ tokenPresent: wrong('yes') }),
  "privateKey('label')": ({ session }) => session.privateKey(wrong('label')),
  'generateKeyPair(Symbol())': ({ session }) => session.generateKeyPair(wrong(Symbol('x'))),
  "generateKey('AES', 'x')": ({ session }) => session.generateKey('AES', wrong('x')),
  "generateKeyPair(…, { publicKey: 'x' })": ({ session }) =>
    session.generateKeyPair('EC', { curve: 'P-256', publicKey: wrong('x') }),
};

test.each(Object.entries(REFUSED))('%s throws a TypeError or RangeError with a code', async (_, call) => {
  expect((await failure(() => call(opened))).code).toMatch(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/);
});
