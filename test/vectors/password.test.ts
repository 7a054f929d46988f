import { pbkdf2Sync } from 'node:crypto';
import { CKA, CKK, CKM, CKO } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { PASSWORDS } from './data/password';
import { takeValue } from './support/keys';
import { onEachModule } from './support/modules';

/** CKZ_SALT_SPECIFIED */
const SALT_SPECIFIED = 1;
/** CKP_PKCS5_PBKD2_HMAC_ */
const PRFS = { sha1: 1, sha256: 4 } as const;

describe('node:crypto agrees with', () => {
  for (const { source, hash, password, salt, iterations, derived } of PASSWORDS) {
    test(`PKCS5_PBKD2: ${source}`, () => {
      const made = pbkdf2Sync(password, salt, iterations, derived.length, hash);
      expect(made.toString('hex')).toBe(derived.toString('hex'));
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
});
