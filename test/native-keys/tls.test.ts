import { beforeAll, describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, type Outcome, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();

for (const node of nodes) {
  describe.skipIf(node.binary === undefined || !openssl)(`${node.name}: TLS with keys in a token`, () => {
    let results: Map<string, Outcome>;
    beforeAll(async () => {
      results = await outcomes(node, 'tls-matrix');
    }, 120_000);

    const keys = ['rsa', 'p256', 'p384', 'secp256k1', 'ed25519'];
    const cases = keys.flatMap((key) =>
      ['TLSv1.2', 'TLSv1.3'].flatMap((version) =>
        ['server', 'client'].map((end) => `${key} ${version} ${end}`),
      ),
    );

    // TLS 1.3 has no signature algorithm for secp256k1 (RFC 8446, section 4.2.3), so the handshake must fail without a crash.
    const cannot = cases.filter((name) => name.startsWith('secp256k1 TLSv1.3'));

    test.each(cases.filter((name) => !cannot.includes(name)))('%s', (name) => {
      expect(results.get(name)?.value).toEqual({ spoke: true, signed: 1 });
    });

    test.each(cannot)('%s fails with an error', (name) => {
      expect(results.get(name)?.value).toMatchObject({ spoke: false, signed: 0 });
    });

    test('the calls on the module follow the rules of PKCS#11', () => {
      expect(results.get('violations')?.value).toEqual([]);
    });
  });
}
