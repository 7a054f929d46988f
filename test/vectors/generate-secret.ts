/** Secret keys that a token generates are random and have no known answers, so node:crypto uses the same key. */
import { CKA, CKO } from 'cryptoki/raw';
import { expect, test } from 'vitest';
import { SECRET_KEYS } from './data/secret-keys';
import { hex } from './support/bytes';
import { mechanismNumber, takeValue } from './support/keys';
import { onEachModule } from './support/modules';

const BLOCK = hex('00112233445566778899aabbccddeeff');
const yes = (...types: number[]) => types.map((type) => ({ type, value: true }));

onEachModule((target) => {
  for (const {
    mechanism,
    name = mechanism,
    parameter,
    keyType,
    length,
    template,
    start,
    use,
  } of SECRET_KEYS) {
    test(`generates with ${name}${use === undefined ? '' : ' a key that node:crypto can use'}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const { raw } = session.token.slot.module;
        const how = { mechanism: mechanismNumber(mechanism), parameter };
        const usage = use === undefined ? CKA.DERIVE : use.function === 'sign' ? CKA.SIGN : CKA.ENCRYPT;
        const generate = (): Promise<bigint> =>
          raw.C_GenerateKey(session.handle, how, [
            { type: CKA.CLASS, value: CKO.SECRET_KEY },
            { type: CKA.KEY_TYPE, value: keyType },
            ...template,
            { type: CKA.SENSITIVE, value: false },
            ...yes(CKA.EXTRACTABLE, usage),
          ]);
        const [key, other] = [await generate(), await generate()];
        const [read] = await raw.C_GetAttributeValue(session.handle, key, [CKA.VALUE]);
        const value = read?.value as Buffer;
        expect(value).toHaveLength(length);
        if (start !== undefined) expect(value.subarray(0, start.length)).toEqual(start);
        if (use !== undefined && target.has(use.mechanism)) {
          const operation = { mechanism: mechanismNumber(use.mechanism), parameter: use.parameter };
          const sign = use.function === 'sign';
          if (sign) await raw.C_SignInit(session.handle, operation, key);
          else await raw.C_EncryptInit(session.handle, operation, key);
          const made = await (sign
            ? raw.C_Sign(session.handle, BLOCK)
            : raw.C_Encrypt(session.handle, BLOCK));
          expect(made.toString('hex')).toBe(use.judge(value, BLOCK).toString('hex'));
        }
        expect(await takeValue(session, other)).not.toBe(await takeValue(session, key));
      });
    });
  }
});
