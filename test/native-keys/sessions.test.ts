import { beforeAll, describe, expect, test } from 'vitest';
import { allNodes, hasOpenssl, type Outcome, outcomes } from './support/nodes';

const nodes = await allNodes();
const openssl = await hasOpenssl();

for (const node of nodes) {
  describe.skipIf(node.binary === undefined || !openssl)(`${node.name}: sessions of native keys`, () => {
    let results: Map<string, Outcome>;
    beforeAll(async () => {
      results = await outcomes(node, 'sessions');
    }, 120_000);
    const resultOf = (name: string): unknown => results.get(name)?.value ?? results.get(name)?.error;

    test('are read/write if those of the client are, so a token that refuses read-only sessions works', () => {
      expect(resultOf('read-only sessions are refused')).toBe(true);
    });

    test.each(['read/write', 'read-only'])('that are refused as %s are opened in the other mode', (mode) => {
      const codes = [
        ...['CKR_FUNCTION_FAILED', 'CKR_SESSION_READ_WRITE_SO_EXISTS', 'CKR_TOKEN_WRITE_PROTECTED'],
      ];
      for (const code of codes) {
        expect(resultOf(`${mode}: ${code}`)).toBe(true);
        expect(resultOf(`${mode}: ${code}, sessions opened`)).toBe(2);
      }
      expect(resultOf(`${mode}: violations`)).toEqual([]);
    });

    test.each(['CKR_SESSION_COUNT', 'CKR_HOST_MEMORY', 'CKR_DEVICE_MEMORY'])(
      'are replaced by the session of the client after %s',
      (code) => {
        for (const work of ['signs', 'decrypts', 'many at once, beside the client', 'no session more']) {
          expect(resultOf(`${code}: ${work}`)).toBe(true);
        }
        expect(resultOf(`${code}: violations`)).toEqual([]);
      },
    );

    test("are replaced by the session of a model's key, unless an operation is active on it", () => {
      expect(resultOf('model: signs by the session of the key')).toBe(true);
      expect(resultOf('model: an operation is under way')).toBe('ERR_OSSL_CKR_OPERATION_ACTIVE');
      expect(resultOf('model: the operation goes on')).toBe(32);
      expect(resultOf('model: the operation has ended')).toBe(true);
      expect(resultOf('model: the session of the key is closed')).toBe('ERR_OSSL_CKR_SESSION_COUNT');
      expect(resultOf('model: violations')).toEqual([]);
    });

    test.each([
      ['C_SignInit', 'CKR_OPERATION_ACTIVE'],
      ['C_Sign', 'CKR_FUNCTION_FAILED'],
      ['C_SignInit', 'CKR_DEVICE_MEMORY'],
      ['C_Sign', 'CKR_HOST_MEMORY'],
    ])('repeat a signature after %s has returned %s once', (name, code) => {
      expect(resultOf(`busy: ${name} ${code}`)).toBe(true);
      expect(resultOf(`always busy: ${name} ${code}`)).toBe(`ERR_OSSL_${code}`);
    });

    test.skipIf(!node.hasKeyObjects)('repeat a key agreement, too', () => {
      expect(resultOf('busy: C_DeriveKey')).toBe(true);
    });

    test('repeat a decryption only if it has not begun', () => {
      expect(resultOf('busy: C_DecryptInit')).toBe(true);
      for (const code of ['CKR_FUNCTION_FAILED', 'CKR_DEVICE_MEMORY', 'CKR_HOST_MEMORY']) {
        expect(resultOf(`data: ${code}`)).toBe(`ERR_OSSL_${code}`);
        expect(resultOf(`data: ${code}, operations`)).toBe(1);
      }
      expect(resultOf('busy: violations')).toEqual([]);
    });
  });
}
