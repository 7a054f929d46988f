import { pbkdf2Sync } from 'node:crypto';
import { CKA, CKK, CKM, CKO } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { PASSWORDS } from './data/password';
import { PBE } from './data/pbe';
import { mechanismNumber, takeValue } from './support/keys';
import { onEachModule } from './support/modules';

/** CKZ_SALT_SPECIFIED */
const SALT_SPECIFIED = 1;
/** CKP_PKCS5_PBKD2_HMAC_ */
const PRFS = { sha1: 1, sha256: 4 } as const;

/** The lowest bit of each byte of a DES key is a parity bit. */
function withOddParity(key: Buffer): Buffer {
  const ones = (byte: number): number => byte.toString(2).replaceAll('0', '').length;
  return Buffer.from(key.map((byte) => (ones(byte) % 2 === 1 ? byte : byte ^ 1)));
}

describe('node:crypto agrees with', () => {
  for (const { source, hash, password, salt, iterations, derived } of PASSWORDS) {
    test(`PKCS5_PBKD2: ${source}`, () => {
      const made = pbkdf2Sync(password, salt, iterations, derived.length, hash);
      expect(made.toString('hex')).toBe(derived.toString('hex'));
    });
  }
});

describe("the test's own functions agree with", () => {
  for (const { mechanism, name = mechanism, source, key, iv = Buffer.alloc(0), judge } of PBE) {
    test(`${name}: ${source}`, () => {
      expect(judge().toString('hex')).toBe(Buffer.concat([key, iv]).toString('hex'));
    });
  }
});

onEachModule((target) => {
  for (const { source, hash, password, salt, iterations, derived } of PASSWORDS) {
    test(`PKCS5_PBKD2: ${source}`, async (context) => {
      await target.run(context, ['PKCS5_PBKD2'], async (session) => {
        const { raw } = session.token.slot.module;
        const parameter = {
          ...{ structure: target.description.passwordStructure, saltSource: SALT_SPECIFIED },
          ...{ saltSourceData: salt, iterations, prf: PRFS[hash], password },
        };
        const made = await raw.C_GenerateKey(session.handle, { mechanism: CKM.PKCS5_PBKD2, parameter }, [
          { type: CKA.CLASS, value: CKO.SECRET_KEY },
          { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
          { type: CKA.VALUE_LEN, value: derived.length },
          { type: CKA.SENSITIVE, value: false },
          { type: CKA.EXTRACTABLE, value: true },
        ]);
        expect(await takeValue(session, made)).toBe(derived.toString('hex'));
      });
    });
  }

  for (const { mechanism, name = mechanism, source, keyType, input, key, iv } of PBE) {
    test(`makes a key with ${name}: ${source}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const { raw } = session.token.slot.module;
        const { password, salt, iterations: iteration } = input;
        const parameter: { initVector?: Buffer } = {
          ...{ structure: 'CK_PBE_PARAMS', password, salt, iteration },
          ...(iv === undefined ? {} : { initVector: Buffer.alloc(iv.length) }),
        };
        const how = { mechanism: mechanismNumber(mechanism), parameter };
        const made = await raw.C_GenerateKey(session.handle, how, [
          { type: CKA.CLASS, value: CKO.SECRET_KEY },
          { type: CKA.KEY_TYPE, value: CKK[keyType as keyof typeof CKK] },
          { type: CKA.SENSITIVE, value: false },
          { type: CKA.EXTRACTABLE, value: true },
        ]);
        const wanted = keyType.toString().startsWith('DES') ? withOddParity(key) : key;
        expect(await takeValue(session, made)).toBe(wanted.toString('hex'));
        expect(parameter.initVector?.toString('hex')).toBe(iv?.toString('hex'));
      });
    });
  }
});
