import { describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();
const available = nodes.filter(({ binary }) => binary !== undefined);

describe.skipIf(!openssl)('the end of what a native key needs', () => {
  test.each(available)('$name: process.exit() with signatures in flight ends with code 0', async (node) => {
    for (let round = 0; round < 2; round += 1) {
      expect((await outcomes(node, 'exit')).get('in flight')?.value).toBe(true);
    }
  });

  test.each(available)('$name: a key of a worker gives errors when the worker is gone', async (node) => {
    const results = await outcomes(node, 'worker-owner');
    expect(results.get('at first')?.value).toBe(true);
    expect(results.get('sessions lost')?.value).toBe(true);
    const ends = results.get('in flight')?.value;
    expect(String(ends)).toMatch(/^(ok|,|[^,]*(CRYPTOKI_CLIENT_CLOSED|CKR_\w+))+$/);
    expect(results.get('terminated')?.error).toBe('ERR_OSSL_CRYPTOKI_CLIENT_CLOSED');
  });
});
