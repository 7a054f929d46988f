// In a vm pool of vitest: the package as CommonJS, and a second file of the process.

import { createRequire } from 'node:module';
import { test } from 'vitest';

const require = createRequire(import.meta.url);
const { checks } = require('../checks.cjs');
const { checks: copyChecks } = require('../copies.cjs');
const given = {
  cryptoki: require('cryptoki'),
  raw: require('cryptoki/raw'),
  testing: require('cryptoki/testing'),
  pkcs11js: require('cryptoki/pkcs11js'),
};
const softhsm = process.env.REALMS_SOFTHSM;
test.each(checks({ ...given, softhsm, isOwn: true }))('%s', (_, check) => check());
test.each(copyChecks({ softhsm, copies: [given] }))('copies: %s', (_, check) => check());
