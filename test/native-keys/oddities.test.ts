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
});
