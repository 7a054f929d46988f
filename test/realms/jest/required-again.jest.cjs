// In jest, which gives each test file a realm of its own: the package as CommonJS, in a second file of the same process.

const { checks } = require('../checks.cjs');

const load = () => ({
  cryptoki: require('cryptoki'),
  raw: require('cryptoki/raw'),
  testing: require('cryptoki/testing'),
  pkcs11js: require('cryptoki/pkcs11js'),
});
const softhsm = process.env.REALMS_SOFTHSM;
const first = load();

test.each(checks({ ...first, softhsm, isOwn: true }))('%s', (_, check) => check());
