import { describe, expect, test } from 'vitest';
import { CIPHER_MACS, HMACS } from './data/mac';
import { flip } from './support/bytes';
import { secretKey } from './support/keys';
import { onEachModule } from './support/modules';

const MACS = [...HMACS, ...CIPHER_MACS];

describe('node:crypto agrees with', () => {
  for (const { mechanism, source, judge, mac } of MACS) {
    test(`${mechanism}: ${source}`, () => {
      expect(judge().toString('hex')).toBe(mac.toString('hex'));
    });
  }
});

onEachModule((target) => {
  for (const { mechanism, source, parameter, keyType, key: value, message, mac } of MACS) {
    const how = { mechanism, parameter };

    test(`makes ${mechanism}: ${source}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const key = await secretKey(session, keyType, value, ['sign']);
        expect((await key.sign(how, message)).toString('hex')).toBe(mac.toString('hex'));
        expect(key.signSync(how, message).toString('hex')).toBe(mac.toString('hex'));
        await key.destroy();
      });
    });

    test(`verifies ${mechanism}: ${source}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const key = await secretKey(session, keyType, value, ['verify']);
        expect(await key.verify(how, message, mac)).toBe(true);
        expect(key.verifySync(how, message, mac)).toBe(true);
        await target.expectWrongMac(key.verify(how, message, flip(mac)));
        await target.expectWrongMac(key.verify(how, Buffer.concat([message, Buffer.from('+')]), mac));
        await key.destroy();
      });
    });
  }
});
