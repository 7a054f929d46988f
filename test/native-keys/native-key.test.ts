import { beforeAll, describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, type Outcome, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();
const KEYS = ['rsa', 'p256', 'p384', 'secp256k1', 'ed25519', 'ed448'];
const DIGESTS = ['sha1', 'sha384', 'sha512', 'sha3-256'];

for (const node of nodes) {
  describe.skipIf(node.binary === undefined || !openssl)(
    `${node.name}: keys in a token for node:crypto`,
    () => {
      let results: Map<string, Outcome>;
      beforeAll(async () => {
        results = await outcomes(node, 'native-key');
      }, 120_000);
      const resultOf = (name: string): unknown => results.get(name)?.value ?? results.get(name);

      test.each(KEYS)('%s signs in the token, on this thread and on others', (name) => {
        expect(resultOf(`${name} sign`)).toBe(1);
        expect(resultOf(`${name} sign on libuv's threads`)).toBe(20);
      });

      test.each(KEYS.filter((name) => !name.startsWith('ed')))(
        '%s signs with digests and as a stream',
        (name) => {
          for (const digest of DIGESTS) expect(resultOf(`${name} sign ${digest}`)).toBe(1);
          expect(resultOf(`${name} stream`)).toBe(1);
        },
      );

      test('RSA signs with PSS and decrypts', () => {
        for (const saltLength of [0, 32, -1, -2]) expect(resultOf(`rsa pss ${saltLength}`)).toBe(1);
        expect(resultOf('rsa oaep')).toBe(true);
        expect(resultOf('rsa after the rejection')).toBe(1);
      });

      test('a worker thread uses the key', () => {
        expect(resultOf('worker')).toBe(1);
      });

      test('the same key has the same reference, and session keys and keys of the model have their own', () => {
        expect(resultOf('one reference for one key')).toBe(true);
        expect(resultOf('a session key')).toBe(true);
        expect(resultOf('model')).toBe(true);
      });

      test('the public half is found, or its absence is reported', () => {
        expect(resultOf('public half by label')).toBe(true);
        expect(results.get('no public half')?.error).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
        expect(results.get('wrong options')?.error).toBe('ERR_INVALID_ARG_VALUE');
      });

      test('a key that needs a PIN for each operation is refused', () => {
        expect(results.get('always authenticated')?.error).toBe('ERR_CRYPTOKI_UNSUPPORTED');
      });

      test('keys that are not from the token are not passed to the token', () => {
        expect(resultOf('keys of other origin')).toBe(0);
      });

      test('a file whose name equals a reference is not used as a key', () => {
        expect(resultOf('substitution')).toBe(1);
        expect(results.get('nobody knows a wrong reference')?.error).toBe('ERR_OSSL_UNSUPPORTED');
      });

      test.each(KEYS)('%s fails with an error when the client is closed', (name) => {
        expect(results.get(`${name} closed`)?.error).toBe('ERR_OSSL_CRYPTOKI_CLIENT_CLOSED');
      });

      test('the calls on the module follow the rules of PKCS#11', () => {
        expect(resultOf('violations')).toEqual([]);
      });

      test.skipIf(node.hasKeyObjects)('a KeyObject is refused, and the error names the alternative', () => {
        for (const name of KEYS) {
          const { error, message } = results.get(`${name} refused`) ?? {};
          expect(error).toBe('ERR_CRYPTOKI_UNSUPPORTED');
          expect(message).toMatch(/tlsKey\(\)/);
        }
      });

      describe.skipIf(!node.hasKeyObjects)('as a KeyObject,', () => {
        test.each(KEYS)('%s has a type, details and a public half', (name) => {
          const type = name === 'rsa' || name.startsWith('ed') ? name : 'ec';
          expect(resultOf(`${name} type`)).toEqual(['private', type]);
          expect(resultOf(`${name} details`)).toBe(true);
          expect(resultOf(`${name} public`)).toBe(true);
          expect(resultOf(`${name} certificate`)).toBe(true);
        });

        test.each(KEYS)('%s cannot be exported', (name) => {
          for (const format of ['pem', 'der', 'jwk']) {
            expect(results.get(`${name} export ${format}`)?.message).toMatch(/^Failed to (encode|export)/);
          }
        });

        test.each(KEYS)('%s can be cloned', (name) => {
          expect(resultOf(`${name} clone`)).toBe(1);
        });

        test.each(['rsa', 'p256', 'p384', 'ed25519'])('%s is a CryptoKey of WebCrypto', (name) => {
          expect(resultOf(`${name} webcrypto`)).toBe(1);
        });

        test('RSA with PKCS #1 v1.5 decrypts without revealing if the padding was wrong', () => {
          expect(resultOf('rsa pkcs1')).toBe(true);
          expect(resultOf('rsa pkcs1 rejected')).toBe(true);
        });

        test('EC keys make IEEE P1363 signatures and ECDH secrets', () => {
          for (const name of ['p256', 'p384', 'secp256k1']) expect(resultOf(`${name} p1363`)).toBe(1);
          expect(resultOf('p256 derive')).toBe(true);
        });

        test('a dropped key leaves no memory behind', () => {
          expect(resultOf('garbage')).toBe(true);
        });
      });
    },
  );
}
