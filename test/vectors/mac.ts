import { describe, expect, test } from 'vitest';
import { LEGACY_MACS } from './data/legacy-macs';
import { CIPHER_MACS, HMACS, SHA3_HMACS } from './data/mac';
import { flip } from './support/bytes';
import { secretKey } from './support/keys';
import { onEachModule } from './support/modules';

const MACS = [...HMACS, ...SHA3_HMACS, ...CIPHER_MACS, ...LEGACY_MACS];

describe('node:crypto agrees with', () => {
  for (const { mechanism, name = mechanism, source, judge, mac } of MACS) {
    test(`${name}: ${source}`, () => {
      expect(judge().toString('hex')).toBe(mac.toString('hex'));
    });
  }
});

onEachModule((target) => {
  for (const vector of MACS) {
    const { mechanism, name = mechanism, source, parameter, keyType, key: value, message, mac } = vector;
    const how = { mechanism, parameter };

    test(`makes ${name}: ${source}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const key = await secretKey(session, keyType, value, ['sign']);
        expect((await key.sign(how, message)).toString('hex')).toBe(mac.toString('hex'));
        expect(key.signSync(how, message).toString('hex')).toBe(mac.toString('hex'));
        await key.destroy();
      });
    });

    test(`verifies ${name}: ${source}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const key = await secretKey(session, keyType, value, ['verify']);
        expect(await key.verify(how, message, mac)).toBe(true);
        expect(key.verifySync(how, message, mac)).toBe(true);
        await target.expectWrong(key.verify(how, message, flip(mac)));
        await target.expectWrong(key.verify(how, Buffer.concat([message, Buffer.from('+')]), mac));
        await key.destroy();
      });
    });
  }
});
