import { beforeAll, describe, expect, test } from 'vitest';
import { ensureLibraries } from './support/libraries';
import { allNodes, hasOpenssl, type Outcome, outcomes } from './support/nodes';

const nodes = await allNodes();
const folder = await ensureLibraries();
const openssl = await hasOpenssl();
const available = folder !== undefined && openssl;

for (const node of nodes) {
  const where = folder === undefined ? ' (libraries not to be had here)' : '';
  describe.skipIf(node.binary === undefined || !available)(`${node.name}: libraries${where}`, () => {
    let results: Map<string, Outcome>;
    beforeAll(async () => {
      results = await outcomes(node, 'libraries', [folder ?? '']);
    }, 120_000);
    const signs = (name: string): unknown => results.get(name)?.value ?? results.get(name);

    test('undici and an https agent work with keys in the token on both sides', () => {
      expect(signs('undici')).toBe(5); // four handshakes, and the proof of the public half of the EC key
    });

    test.skipIf(!node.hasKeyObjects).each(['ES256', 'RS256', 'PS256'])(
      'jose and jsonwebtoken sign with %s',
      (algorithm) => {
        expect(signs(`jose ${algorithm}`)).toBe(1);
        expect(signs(`jsonwebtoken ${algorithm}`)).toBe(1);
      },
    );

    test.skipIf(!node.hasKeyObjects)('oauth4webapi makes private_key_jwt and DPoP proofs', () => {
      expect(signs('oauth4webapi')).toBe(2);
    });

    test.skipIf(!node.hasKeyObjects)('@peculiar/x509 signs a certificate request', () => {
      expect(signs('@peculiar/x509')).toBe(1);
    });

    test('the calls on the module follow the rules of PKCS#11', () => {
      expect(results.get('violations')?.value).toEqual([]);
    });
  });
}
