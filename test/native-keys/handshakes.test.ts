import { describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();
/** CRYPTOKI_HANDSHAKES=10000 makes a longer run of some minutes. */
const count = Number(process.env.CRYPTOKI_HANDSHAKES ?? 1_000);

describe.skipIf(!openssl)(`${count} full handshakes, with keys in the token at both ends`, () => {
  test.each(nodes.filter(({ binary }) => binary !== undefined))(
    '$name: do not increase memory',
    async (node) => {
      const results = await outcomes(node, 'handshakes', [String(count)]);
      const value = results.get('handshakes')?.value as { grown: number; signs: number } | undefined;
      expect(value?.signs).toBeGreaterThanOrEqual(count);
      expect(value?.grown).toBeLessThan(24); // MiB: the heap of V8 varies by this amount
      expect(results.get('violations')?.value).toEqual([]);
    },
    60_000 + count * 60,
  );
});
