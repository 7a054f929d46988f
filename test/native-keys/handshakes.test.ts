import { describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();
/** 10,000 take some minutes: CRYPTOKI_HANDSHAKES=10000. */
const count = Number(process.env.CRYPTOKI_HANDSHAKES ?? 1_000);

describe.skipIf(!openssl)(`${count} full handshakes, with keys in the token at both ends`, () => {
  test.each(nodes.filter(({ binary }) => binary !== undefined))(
    '$name: memory stays as it is',
    async (node) => {
      const results = await outcomes(node, 'handshakes', [String(count)]);
      const value = results.get('handshakes')?.value as { grown: number; signs: number } | undefined;
      expect(value?.signs).toBeGreaterThanOrEqual(count);
      expect(value?.grown).toBeLessThan(24); // MiB: V8's heap moves by as much
      expect(results.get('violations')?.value).toEqual([]);
    },
    60_000 + count * 60,
  );
});
