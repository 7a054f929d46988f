import { CKA, CKK, CKO } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { DERIVATIONS } from './data/derive';
import { IKE } from './data/ike';
import { SP800_108 } from './data/sp800-108';
import { mechanismNumber, secretKey, takeValue } from './support/keys';
import { onEachModule } from './support/modules';

const ALL = [...DERIVATIONS, ...SP800_108, ...IKE];

const template = (length: number) => [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
  { type: CKA.VALUE_LEN, value: length },
  { type: CKA.SENSITIVE, value: false },
  { type: CKA.EXTRACTABLE, value: true },
];

const data = (length: number) => [
  { type: CKA.CLASS, value: CKO.DATA },
  { type: CKA.VALUE_LEN, value: length },
];

describe('node:crypto agrees with', () => {
  for (const { mechanism, name = mechanism, source, judge, derived } of ALL) {
    test(`${name}: ${source}`, () => {
      expect(judge().toString('hex')).toBe(derived.toString('hex'));
    });
  }
});

onEachModule((target) => {
  for (const vector of ALL) {
    const { mechanism, name = mechanism, source, parameter, keyType, base, derived } = vector;
    test(`derives with ${name}: ${source}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const { raw } = session.token.slot.module;
        const key = await secretKey(session, keyType, base, ['derive']);
        const second =
          vector.second === undefined
            ? undefined
            : await secretKey(session, 'GENERIC_SECRET', vector.second, ['derive']);
        const made = await raw.C_DeriveKey(
          session.handle,
          { mechanism: mechanismNumber(mechanism), parameter: parameter(second?.handle ?? 0n) },
          key.handle,
          vector.asData ? data(derived.length) : template(derived.length),
        );
        expect(await takeValue(session, made)).toBe(derived.toString('hex'));
        await second?.destroy();
        await key.destroy();
      });
    });
  }
});
