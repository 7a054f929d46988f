import type { Mechanism, MechanismName } from 'cryptoki';
import { describe, expect, test } from 'vitest';
import { type SecretKeyType, secretKey } from './keys';
import { onEachModule } from './modules';

/** An encryption with a known result. */
export interface CipherVector {
  readonly source: string;
  readonly mechanism: MechanismName;
  /** Name of a vendor mechanism, which PKCS#11 numbers only. */
  readonly name?: string;
  readonly parameter?: Mechanism['parameter'];
  readonly keyType: SecretKeyType;
  readonly key: Buffer;
  readonly plain: Buffer;
  /** With the tag at its end, for mechanisms that have one. */
  readonly encrypted: Buffer;
  /** The result by node:crypto. */
  readonly judge: () => Buffer;
}

/** Registers the tests of encryption vectors: a check by node:crypto, then encryption and decryption on each module. */
export function testCiphers(vectors: readonly CipherVector[]): void {
  describe('node:crypto agrees with', () => {
    for (const { mechanism, name = mechanism, source, judge, encrypted } of vectors) {
      test(`${name}: ${source}`, () => {
        expect(judge().toString('hex')).toBe(encrypted.toString('hex'));
      });
    }
  });

  onEachModule((target) => {
    for (const vector of vectors) {
      const {
        mechanism,
        name = mechanism,
        source,
        parameter,
        keyType,
        key: value,
        plain,
        encrypted,
      } = vector;
      test(`${name}: ${source}`, async (context) => {
        await target.run(context, [mechanism], async (session) => {
          const key = await secretKey(session, keyType, value, ['encrypt', 'decrypt']);
          const how = { mechanism, parameter };
          expect((await key.encrypt(how, plain)).toString('hex')).toBe(encrypted.toString('hex'));
          expect(key.encryptSync(how, plain).toString('hex')).toBe(encrypted.toString('hex'));
          expect((await key.decrypt(how, encrypted)).toString('hex')).toBe(plain.toString('hex'));
          expect(key.decryptSync(how, encrypted).toString('hex')).toBe(plain.toString('hex'));
          await key.destroy();
        });
      });
    }
  });
}
