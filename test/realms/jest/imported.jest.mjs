// In jest: the package as ES modules.

import * as cryptoki from 'cryptoki';
import * as pkcs11js from 'cryptoki/pkcs11js';
import * as raw from 'cryptoki/raw';
import * as testing from 'cryptoki/testing';
import list from '../checks.cjs';

const given = { cryptoki, raw, testing, pkcs11js, softhsm: process.env.REALMS_SOFTHSM, isOwn: true };
test.each(list.checks(given))('%s', (_, check) => check());
