import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ECDSA, type EcdsaKey } from './data/ecdsa';
import { flip, text } from './support/bytes';
import { ecPrivateKey, ecPublicKey } from './support/keys';
import { onEachModule } from './support/modules';

function publicKey({ curve, point }: EcdsaKey): KeyObject {
  const half = (point.length - 1) / 2;
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)];
  const key = { kty: 'EC', crv: curve, x: x.toString('base64url'), y: y.toString('base64url') };
  return createPublicKey({ format: 'jwk', key });
}

const VECTORS = ECDSA.flatMap((key) =>
  key.signatures.map(({ hash, message, signature }) => ({
    ...{ key, hash, signature, message: text(message) },
    name: `ECDSA-${hash} on ${key.curve}: ${key.source}, "${message}"`,
  })),
);

describe('node:crypto agrees with', () => {
  for (const { name, key, hash, message, signature } of VECTORS) {
    test(name, () => {
      const judge = { key: publicKey(key), dsaEncoding: 'ieee-p1363' } as const;
      expect(verify(hash, message, judge, signature)).toBe(true);
    });
  }
});

onEachModule((target) => {
  for (const { name, key, hash, message, signature } of VECTORS) {
    const needed = [[`ECDSA_${hash}`, 'ECDSA'] as const];

    test(`verifies ${name}`, async (context) => {
      await target.run(context, needed, async (session) => {
        const imported = await ecPublicKey(session, target, key.curve, key.point);
        const algorithm = `ECDSA-${hash}`;
        expect(await imported.verify(algorithm, message, signature)).toBe(true);
        expect(imported.verifySync(algorithm, message, signature)).toBe(true);
        await target.expectWrong(imported.verify(algorithm, message, flip(signature, 5)));
        await target.expectWrong(imported.verify(algorithm, message, flip(signature, signature.length - 1)));
        await target.expectWrong(imported.verify(algorithm, text('Sample'), signature));
        await imported.destroy();
      });
    });

    test(`signs, and node:crypto verifies, ${name}`, async (context) => {
      await target.run(context, needed, async (session) => {
        const imported = await ecPrivateKey(session, target, key.curve, key.value, key.point, 'sign');
        const made = await imported.sign(`ECDSA-${hash}`, message);
        expect(made).toHaveLength(signature.length);
        const judge = { key: publicKey(key), dsaEncoding: 'ieee-p1363' } as const;
        expect(verify(hash, message, judge, made)).toBe(true);
        await imported.destroy();
      });
    });
  }
});
