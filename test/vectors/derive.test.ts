import { CKA, CKK, CKM, CKO } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { DERIVATIONS } from './data/derive';
import { secretKey, takeValue } from './support/keys';
import { onEachModule } from './support/modules';

const template = (length: number) => [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
  { type: CKA.VALUE_LEN, value: length },
  { type: CKA.SENSITIVE, value: false },
  { type: CKA.EXTRACTABLE, value: true },
];

describe('node:crypto agrees with', () => {
  for (const { mechanism, source, judge, derived } of DERIVATIONS) {
    test(`${mechanism}: ${source}`, () => {
      expect(judge().toString('hex')).toBe(derived.toString('hex'));
    });
  }
});

onEachModule((target) => {
  for (const vector of DERIVATIONS) {
    const { mechanism, source, parameter, keyType, base, derived } = vector;
    test(`derives with ${mechanism}: ${source}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const { raw } = session.token.slot.module;
        const key = await secretKey(session, keyType, base, ['derive']);
        const second =
          vector.second === undefined
            ? undefined
            : await secretKey(session, 'GENERIC_SECRET', vector.second, ['derive']);
        const made = await raw.C_DeriveKey(
          session.handle,
          { mechanism: CKM[mechanism], parameter: parameter(second?.handle ?? 0n) },
          key.handle,
          template(derived.length),
        );
        expect(await takeValue(session, made)).toBe(derived.toString('hex'));
        await second?.destroy();
        await key.destroy();
      });
    });
  }
});
