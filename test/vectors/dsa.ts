import { createHash, verify } from 'node:crypto';
import type { PrivateKey, PublicKey, Session } from 'cryptoki';
import { describe, expect, test } from 'vitest';
import { DSA_KEY, DSA_SIGNATURES } from './data/dsa';
import { flip, text } from './support/bytes';
import { dsaPublicKey } from './support/dsa';
import { onEachModule } from './support/modules';

const { p, q, g, x, y } = DSA_KEY;

const domain = { keyType: 'DSA', prime: p, subprime: q, base: g } as const;
const importPublic = async (session: Session): Promise<PublicKey> => {
  const key = { class: 'PUBLIC_KEY', ...domain, value: y, verify: true, private: false } as const;
  return (await session.createObject(key)) as PublicKey;
};
const importPrivate = async (session: Session): Promise<PrivateKey> => {
  const key = { class: 'PRIVATE_KEY', ...domain, value: x, sign: true, id: y.subarray(0, 20) } as const;
  return (await session.createObject(key)) as PrivateKey;
};

describe('node:crypto agrees with', () => {
  for (const { hash, message, signature } of DSA_SIGNATURES) {
    test(`DSA_${hash}: RFC 6979, A.2.1`, () => {
      const judge = { key: dsaPublicKey(DSA_KEY), dsaEncoding: 'ieee-p1363' } as const;
      expect(verify(hash, text(message), judge, signature)).toBe(true);
    });
  }
});

onEachModule((target) => {
  for (const { hash, message, signature } of DSA_SIGNATURES) {
    const mechanism = `DSA_${hash}` as const;
    const data = text(message);

    test(`verifies ${mechanism}: RFC 6979, A.2.1`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const key = await importPublic(session);
        expect(await key.verify({ mechanism }, data, signature)).toBe(true);
        await target.expectWrong(key.verify({ mechanism }, data, flip(signature, 5)));
        await target.expectWrong(key.verify({ mechanism }, text('Sample'), signature));
        await key.destroy();
      });
    });

    test(`signs ${mechanism}, and node:crypto verifies`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const key = await importPrivate(session);
        const made = await key.sign({ mechanism }, data);
        const judge = { key: dsaPublicKey(DSA_KEY), dsaEncoding: 'ieee-p1363' } as const;
        expect(verify(hash, data, judge, made)).toBe(true);
        await key.destroy();
      });
    });
  }

  test('verifies DSA of a digest: RFC 6979, A.2.1, SHA-1', async (context) => {
    await target.run(context, ['DSA'], async (session) => {
      const [{ message, signature }] = DSA_SIGNATURES;
      const digest = createHash('sha1').update(message).digest();
      const key = await importPublic(session);
      expect(await key.verify({ mechanism: 'DSA' }, digest, signature)).toBe(true);
      await target.expectWrong(key.verify({ mechanism: 'DSA' }, flip(digest), signature));
      await key.destroy();
    });
  });
});
