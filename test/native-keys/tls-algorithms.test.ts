import { beforeAll, describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, type Outcome, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();
const OTHERS = 'ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:ed448';
const PKCS1 = 'rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512';

for (const node of nodes) {
  describe.skipIf(node.binary === undefined || !openssl)(`${node.name}: tokens with few mechanisms`, () => {
    let results: Map<string, Outcome>;
    beforeAll(async () => {
      results = await outcomes(node, 'tls-algorithms');
    }, 120_000);
    const resultOf = (name: string): unknown => results.get(name)?.value ?? results.get(name)?.error;

    describe('a key with RSA without padding', () => {
      test.each([0, 1, 32, 64, -1, -2])('signs with PSS, salt length %i', (salt) => {
        expect(resultOf(`raw: PSS, salt ${salt}`)).toBe(true);
      });

      test.each(['sha1', 'sha224', 'sha384', 'sha512', 'sha3-256'])(
        'signs with PSS and PKCS #1 v1.5 by %s',
        (hash) => {
          expect(resultOf(`raw: PSS ${hash}`)).toBe(true);
          expect(resultOf(`raw: PKCS #1 ${hash}`)).toBe(true);
        },
      );

      test.each([1024, 1025, 1026, 1031, 1033])('signs with a key of %i bits', (bits) => {
        expect(resultOf(`raw: PSS with ${bits} bits`)).toBe(true);
      });

      test('uses a new salt each time, and refuses a salt that does not fit', () => {
        expect(resultOf('raw: two signatures by PSS differ')).toBe(true);
        expect(resultOf('raw: the salt does not fit')).toBe('ERR_OSSL_CRYPTOKI_FAILED');
        expect(resultOf('raw: the token signs')).toBe(true);
      });

      test.each(['TLSv1.2', 'TLSv1.3'])('works on both sides of %s without further options', (version) => {
        expect(resultOf(`raw: server ${version}`)).toBe(version);
        expect(resultOf(`raw: client ${version}`)).toBe(version);
        const names = ['ca', 'cert', 'key', 'maxVersion', 'minVersion'];
        expect(resultOf(`raw: options ${version}`)).toEqual(names);
        expect(resultOf('raw: warnings')).toBe(0);
      });

      test.skipIf(!node.hasKeyObjects)('works in WebCrypto', () => {
        expect(resultOf('raw: WebCrypto')).toBe(true);
      });
    });

    describe('a key with RSA PKCS #1 v1.5 only', () => {
      test('makes tlsOptions() leave out PSS and TLS 1.3, and keep the algorithms for peers with other keys', () => {
        const options = { sigalgs: `${OTHERS}:${PKCS1}`, maxVersion: 'TLSv1.2' };
        expect(resultOf('pkcs1: options')).toEqual(options);
      });

      test.each([
        'server',
        'client',
        'client of a server with an EC key',
        'server of a client with an EC key',
      ])('handshake as %s', (end) => {
        expect(resultOf(`pkcs1: ${end}`)).toBe('TLSv1.2');
      });

      test('works in an HTTPS server', () => {
        expect(resultOf('pkcs1: https')).toBe('hello');
      });

      test('keeps a given sigalgs option', () => {
        expect(resultOf('pkcs1: sigalgs that are given stay')).toEqual(['rsa_pkcs1_sha256', null]);
      });

      test('makes tlsOptions() refuse a request for TLS 1.3', () => {
        expect(resultOf('pkcs1: TLS 1.3 is asked for')).toBe('ERR_CRYPTOKI_UNSUPPORTED');
      });

      test('makes tlsKey() emit one warning with the options that are needed', () => {
        expect(resultOf('pkcs1: no warning so far')).toBe(0);
        const [warning, ...more] = resultOf('pkcs1: the warning') as string[];
        expect(more).toEqual([]);
        expect(warning).toMatch(/^CRYPTOKI_TLS_SIGALGS .*rsa_pss_rsae_sha256.*tlsOptions\(\)/);
        expect(warning).toContain(`sigalgs: '${OTHERS}:${PKCS1}' and maxVersion: 'TLSv1.2'`);
        expect(resultOf('pkcs1: without the options')).toBe('ERR_SSL_CKR_MECHANISM_INVALID');
      });
    });

    test('a token that signs with one digest keeps TLS 1.3 if that digest is sufficient', () => {
      const options = [`${OTHERS}:rsa_pss_rsae_sha256:rsa_pkcs1_sha256`, null];
      expect(resultOf('one digest: options')).toEqual(options);
      expect(resultOf('one digest: server')).toBe('TLSv1.3');
      expect(resultOf('every digest: options')).toEqual(['ca', 'cert', 'key']);
    });

    test('a token that cannot sign is refused', () => {
      expect(resultOf('nothing: tlsOptions')).toBe('ERR_CRYPTOKI_UNSUPPORTED');
    });
  });
}
