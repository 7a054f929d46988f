import { beforeAll, describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, type Outcome, outcomes } from './support/nodes';

const [node] = (await allNodes()).filter(({ binary }) => binary === process.execPath);
const openssl = await hasOpenssl();

describe.skipIf(node === undefined || !openssl)('the public half of a native key', () => {
  let results: Map<string, Outcome>;
  beforeAll(async () => {
    if (node !== undefined) results = await outcomes(node, 'public-half');
  }, 120_000);
  const resultOf = (name: string): unknown => results.get(name)?.value ?? results.get(name)?.error;

  describe.each(['EC', 'RSA'])('%s', (type) => {
    test('is found for each of two keys with one CKA_ID', () => {
      expect(resultOf(`${type}: two keys with one id`)).toEqual([true, true]);
    });

    test('can be given as KeyObject, certificate, PEM or bytes', () => {
      expect(resultOf(`${type}: given, right`)).toBe(true);
    });

    test('of another key is refused when the caller passes it', () => {
      for (const how of ['of another', 'of another, where the name is known', 'of another type']) {
        const { error, message } = results.get(`${type}: given, ${how}`) ?? {};
        expect(error).toBe('ERR_INVALID_ARG_VALUE');
        expect(message).toContain(`does not belong to the private key "${type} one"`);
      }
    });

    test('is proved by a trial signature when the module refuses to read attributes', () => {
      expect(resultOf(`${type}: nothing can be read`)).toEqual(['ERR_INVALID_ARG_VALUE', true]);
    });
  });

  test('is not taken from another key with the same id or label', () => {
    const { error, message } = results.get('EC: only the public key of another under its id and label') ?? {};
    expect(error).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
    expect(message).toContain('belong to another key');
  });

  test('is not taken from the certificate of another key with the same CKA_ID', () => {
    expect(resultOf('EC: a certificate of another under its id')).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
  });

  test('is taken from the matching certificate among several with the same CKA_ID', () => {
    expect(resultOf('EC: its certificate among others under its id')).toBe(true);
  });

  test('is proved by a key agreement or a decryption for keys that do not sign', () => {
    expect(resultOf('EC: derives only')).toEqual(['ERR_INVALID_ARG_VALUE', true]);
    const decrypts = 'RSA: decrypts only, and nothing can be read';
    expect(resultOf(decrypts)).toEqual(['ERR_INVALID_ARG_VALUE', true]);
  });

  test('is compared again after a recovery: another key that is found instead does not sign', () => {
    expect(resultOf('a key that was exchanged')).toEqual([
      expect.stringMatching(/CKR_(KEY|OBJECT)_HANDLE_INVALID$/),
    ]);
  });

  test('cannot be proved for a key that allows no operation', () => {
    const nothing = 'RSA: does nothing, and nothing can be read';
    expect(resultOf(nothing)).toBe('ERR_CRYPTOKI_UNSUPPORTED');
    expect(resultOf('violations')).toEqual([]);
  });
});
