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

    test('they are read/write where the client is, so that it does not matter that read-only ones are refused', () => {
      expect(resultOf('read-only sessions are refused')).toBe(true);
    });

    test.each(['read/write', 'read-only'])('%s ones that are refused are opened the other way', (mode) => {
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
      '%s: the session of the client is used in turn',
      (code) => {
        for (const work of ['signs', 'decrypts', 'many at once, beside the client', 'no session more']) {
          expect(resultOf(`${code}: ${work}`)).toBe(true);
        }
        expect(resultOf(`${code}: violations`)).toEqual([]);
      },
    );

    test('the session of a key of the model is used, unless an operation is under way on it', () => {
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
    ])('%s answers %s once: the signature is made at the second try', (name, code) => {
      expect(resultOf(`busy: ${name} ${code}`)).toBe(true);
      expect(resultOf(`always busy: ${name} ${code}`)).toBe(`ERR_OSSL_${code}`);
    });

    test.skipIf(!node.hasKeyObjects)('a key agreement is tried a second time, too', () => {
      expect(resultOf('busy: C_DeriveKey')).toBe(true);
    });

    test('a decryption is tried a second time only when it has not begun', () => {
      expect(resultOf('busy: C_DecryptInit')).toBe(true);
      for (const code of ['CKR_FUNCTION_FAILED', 'CKR_DEVICE_MEMORY', 'CKR_HOST_MEMORY']) {
        expect(resultOf(`data: ${code}`)).toBe(`ERR_OSSL_${code}`);
        expect(resultOf(`data: ${code}, operations`)).toBe(1);
      }
      expect(resultOf('busy: violations')).toEqual([]);
    });
  });
}
