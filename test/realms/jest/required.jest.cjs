// In jest, which gives each test file a realm of its own: the package as CommonJS, and copies of it.

const { checks } = require('../checks.cjs');
const { checks: copyChecks } = require('../copies.cjs');

const load = () => ({
  cryptoki: require('cryptoki'),
  raw: require('cryptoki/raw'),
  testing: require('cryptoki/testing'),
  pkcs11js: require('cryptoki/pkcs11js'),
});
const softhsm = process.env.REALMS_SOFTHSM;
const first = load();

test.each(checks({ ...first, softhsm, isOwn: true }))('%s', (_, check) => check());

const copies = [first];
for (let count = 0; count < 2; count++) {
  jest.resetModules();
  copies.push(load());
}
test.each(copyChecks({ softhsm, copies }))('copies: %s', (_, check) => check());
