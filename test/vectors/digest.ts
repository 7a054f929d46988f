import { describe, expect, test } from 'vitest';
import { DIGESTS } from './data/digest';
import { onEachModule } from './support/modules';

describe('node:crypto agrees with', () => {
  for (const { mechanism, source, judge, digest } of DIGESTS) {
    test(`${mechanism}: ${source}`, () => {
      expect(judge().toString('hex')).toBe(digest.toString('hex'));
    });
  }
});

onEachModule((target) => {
  for (const { mechanism, source, message, digest } of DIGESTS) {
    test(`${mechanism}: ${source}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const wanted = digest.toString('hex');
        expect((await session.digest({ mechanism }, message)).toString('hex')).toBe(wanted);
        expect(session.digestSync({ mechanism }, message).toString('hex')).toBe(wanted);
      });
    });
  }
});
