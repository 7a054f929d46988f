// In a vm pool of vitest: the package as ES modules.

import { runInThisContext } from 'node:vm';
import * as cryptoki from 'cryptoki';
import * as pkcs11js from 'cryptoki/pkcs11js';
import * as raw from 'cryptoki/raw';
import * as testing from 'cryptoki/testing';
import { expect, test } from 'vitest';
import list from '../checks.cjs';

test('the realm of the tests is not that of Node', () => {
  expect(runInThisContext('Object')).not.toBe(Object);
});

const given = { cryptoki, raw, testing, pkcs11js, softhsm: process.env.REALMS_SOFTHSM, isOwn: true };
test.each(list.checks(given))('%s', (_, check) => check());
