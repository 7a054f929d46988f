import { describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();
const available = nodes.filter(({ binary }) => binary !== undefined);

describe.skipIf(!openssl)('the lifetime of native keys', () => {
  test.each(available)('$name: process.exit() with signatures in flight ends with code 0', async (node) => {
    for (let round = 0; round < 2; round += 1) {
      expect((await outcomes(node, 'exit')).get('in flight')?.value).toBe(true);
    }
  });

  test.each(available)('$name: a server continues after its key was dropped', async (node) => {
    const results = await outcomes(node, 'dropped');
    expect(results.get('the module is collected')?.value).toBe(true);
    expect(results.get('the server goes on')?.value).toEqual(['hello', 'hello', 'hello']);
    expect(results.get('violations')?.value).toEqual([]);
  });

  test.each(available.filter((node) => node.hasKeyObjects))(
    '$name: a KeyObject keeps its module open and releases it when it is garbage-collected',
    async (node) => {
      const results = await outcomes(node, 'dropped');
      expect(results.get('the module of a KeyObject is collected')?.value).toBe(true);
      expect(results.get('the KeyObject goes on')?.value).toBe(true);
      expect(results.get('it has sessions')?.value).toBe(true);
      expect(results.get('its sessions go with it')?.value).toBe(true);
    },
  );

  test.each(available)(
    '$name: dropped session keys of a client leave no object behind',
    async (node) => {
      const results = await outcomes(node, 'session-keys', ['900']);
      expect(results.get('all sign')?.value).toBe(true);
      expect(results.get('left')?.value).toBe(1);
      expect(results.get('the one that is kept')?.value).toBe(true);
      expect(results.get('left at last')?.value).toBe(0);
      expect(results.get('pinned')?.value).toBe(0);
      expect(results.get('a name that is left alone')?.error).toBe('ERR_OSSL_CRYPTOKI_CLIENT_CLOSED');
      expect(results.get('a token key stays')?.value).toBe(true);
      expect(results.get('violations')?.value).toEqual([]);
    },
    120_000,
  );

  test.each(available)('$name: a key of a worker fails after the worker has ended', async (node) => {
    const results = await outcomes(node, 'worker-owner');
    expect(results.get('at first')?.value).toBe(true);
    expect(results.get('sessions lost')?.value).toBe(true);
    const ends = results.get('in flight')?.value;
    expect(String(ends)).toMatch(/^(ok|,|[^,]*(CRYPTOKI_CLIENT_CLOSED|CKR_\w+))+$/);
    expect(results.get('terminated')?.error).toBe('ERR_OSSL_CRYPTOKI_CLIENT_CLOSED');
  });
});
