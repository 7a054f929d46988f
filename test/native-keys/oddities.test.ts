import { beforeAll, describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, type Outcome, outcomes } from './support/nodes';

const [node] = (await allNodes()).filter(({ binary }) => binary === process.execPath);
const openssl = await hasOpenssl();

describe.skipIf(node === undefined || !openssl)('native keys of a module', () => {
  let results: Map<string, Outcome>;
  beforeAll(async () => {
    if (node !== undefined) results = await outcomes(node, 'oddities');
  }, 120_000);

  test.each([
    ['that has read/write sessions only', 'read-only-refused'],
    ['that has one session', 'one-session'],
    ['that refuses to read several attributes at once', 'refuses-all'],
    ['that refuses to read attributes when an object lacks one of them', 'refuses-unknown'],
    ['that refuses to search by CKA_KEY_TYPE', 'refuses-key-type'],
    ['whose ECDSA signatures are in DER', 'ecdsa-der'],
  ])('%s sign, on this thread, on others and in TLS', (_, name) => {
    const right = [true, true, 'hello'];
    expect(results.get(name)?.value ?? results.get(name)).toEqual({ p256: right, rsa: right });
    expect(results.get(`${name}: violations`)?.value).toEqual([]);
  });

  test.each([
    ['whose points are bare', 'ec-point-raw'],
    ['whose points are BIT STRINGs', 'ec-point-bit-string'],
    ['whose points are X and Y', 'ec-point-coordinates'],
    ['whose points are compressed', 'ec-point-compressed'],
    ['that names curves by text', 'ec-params-name'],
    ['that has explicit parameters of curves', 'ec-params-explicit'],
    ['that does not tell curves', 'ec-params-missing'],
    ['that refuses unknown attributes with CKR_FUNCTION_FAILED', 'refuses-unknown 6'],
    ['that refuses unknown attributes with CKR_DEVICE_ERROR', 'refuses-unknown 48'],
    ['that refuses unknown attributes with CKR_FUNCTION_NOT_SUPPORTED', 'refuses-unknown 84'],
    ["that refuses unknown attributes with a vendor's code", 'refuses-unknown 2147483714'],
  ])('%s sign with elliptic keys, on this thread, on others and in TLS', (_, name) => {
    expect(results.get(name)?.value ?? results.get(name)).toEqual({ p256: [true, true, 'hello'] });
  });

  test.each([
    ['returns ECDSA signatures in DER', 'ecdsa-der'],
    ['drops leading zeros of ECDSA signatures', 'ecdsa-short'],
    ['takes no digest longer than the order of the curve', 'ecdsa-strict'],
  ])('that %s make signatures that OpenSSL verifies', (_, name) => {
    const all = results.get(`${name}: forms`);
    expect(all?.value ?? all).toEqual({ p256: 40, p521: 40 });
  });
});
