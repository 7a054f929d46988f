import { beforeAll, describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, type Outcome, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();

for (const node of nodes) {
  describe.skipIf(node.binary === undefined || !openssl)(`${node.name}: TLS while things go wrong`, () => {
    let results: Map<string, Outcome>;
    beforeAll(async () => {
      results = await outcomes(node, 'tls-faults');
    }, 120_000);
    const resultOf = (name: string): unknown => results.get(name)?.value ?? results.get(name);

    test('all is well at first', () => {
      expect(resultOf('at first')).toBe('ok');
    });

    test('a certificate of another key is refused', () => {
      expect(results.get('wrong certificate')?.error).toBe('ERR_OSSL_X509_KEY_VALUES_MISMATCH');
    });

    test('a session that is lost alone is not noticed', () => {
      expect(resultOf('own session lost')).toEqual({ first: 'ok', back: true });
    });

    test.each([
      ['device error', /^ERR_SSL_CKR_DEVICE_ERROR$/],
      ['sessions lost', /^(ok|ERR_SSL_CKR_\w+)$/],
      ['logged out behind its back', /^ERR_SSL_CKR_(OBJECT_HANDLE_INVALID|USER_NOT_LOGGED_IN)$/],
      ['token removed', /^ERR_SSL_CKR_(TOKEN_NOT_PRESENT|DEVICE_REMOVED)$/],
      ['token removed in the handshake', /^ERR_SSL_CKR_(TOKEN_NOT_PRESENT|DEVICE_REMOVED)$/],
      ['device lost', /^ERR_SSL_CKR_DEVICE_ERROR$/],
      ['logged out', /^ERR_SSL_CKR_USER_NOT_LOGGED_IN$/],
    ])('%s: an error in the handshake, and the way back', (name, first) => {
      expect(resultOf(name)).toEqual({ first: expect.stringMatching(first), back: true });
    });

    test.each(['sessions lost', 'logged out', 'token out for a moment', 'device lost'])(
      '%s: an operation on one of libuv’s threads waits for the recovery',
      (name) => {
        expect(resultOf(`async, ${name}`)).toBe(true);
      },
    );

    test('many operations at once share a few sessions', () => {
      expect(resultOf('many at once')).toBe(true);
      expect(resultOf('at most eight sessions more')).toBe(true);
    });

    test('a closed client: errors', () => {
      expect(resultOf('closed in the middle')).toEqual([
        expect.stringMatching(/CRYPTOKI_CLIENT_CLOSED|CKR_/),
      ]);
      expect(resultOf('closed')).toBe('ERR_SSL_CRYPTOKI_CLIENT_CLOSED');
      expect(results.get('closed, async')?.error).toBe('ERR_OSSL_CRYPTOKI_CLIENT_CLOSED');
    });

    test('the module is used as it may be', () => {
      expect(resultOf('violations')).toEqual([]);
    });
  });
}
