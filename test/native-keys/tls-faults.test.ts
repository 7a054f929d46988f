import { beforeAll, describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, type Outcome, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();

for (const node of nodes) {
  describe.skipIf(node.binary === undefined || !openssl)(`${node.name}: TLS during faults`, () => {
    let results: Map<string, Outcome>;
    beforeAll(async () => {
      results = await outcomes(node, 'tls-faults');
    }, 120_000);
    const resultOf = (name: string): unknown => results.get(name)?.value ?? results.get(name);

    test('works before the first fault', () => {
      expect(resultOf('at first')).toBe('ok');
    });

    test('refuses a certificate of another key', () => {
      expect(results.get('wrong certificate')?.error).toBe('ERR_OSSL_X509_KEY_VALUES_MISMATCH');
    });

    test('works when only the session of the key is lost', () => {
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
    ])('fails with an error after the fault "%s", and works again afterwards', (name, first) => {
      expect(resultOf(name)).toEqual({ first: expect.stringMatching(first), back: true });
    });

    test.each(['sessions lost', 'logged out', 'token out for a moment', 'device lost'])(
      'waits for the recovery on a thread of libuv after the fault "%s"',
      (name) => {
        expect(resultOf(`async, ${name}`)).toBe(true);
      },
    );

    test('uses a few sessions for many simultaneous operations', () => {
      expect(resultOf('many at once')).toBe(true);
      expect(resultOf('at most eight sessions more')).toBe(true);
    });

    test('fails with errors once the client is closed', () => {
      expect(resultOf('closed in the middle')).toEqual([
        expect.stringMatching(/CRYPTOKI_CLIENT_CLOSED|CKR_/),
      ]);
      expect(resultOf('closed')).toBe('ERR_SSL_CRYPTOKI_CLIENT_CLOSED');
      expect(results.get('closed, async')?.error).toBe('ERR_OSSL_CRYPTOKI_CLIENT_CLOSED');
    });

    test('calls the module according to the rules of PKCS#11', () => {
      expect(resultOf('violations')).toEqual([]);
    });
  });
}
