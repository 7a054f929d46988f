import { createHash, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import type { Session } from 'cryptoki';
import { CKA, CKD, CKK, CKM, CKO } from 'cryptoki/raw';
import { describe, expect, type TestContext, test } from 'vitest';
import { AGREEMENTS, type Agreement } from './data/ecdh';
import { text } from './support/bytes';
import { CURVES, type CurveName, ecPoint, ecPrivateKey, takeValue } from './support/keys';
import { onEachModule, type Target } from './support/modules';

type Party = Agreement['alice'];

function keysOf(curve: CurveName, { value, point }: Party): { privateKey: KeyObject; publicKey: KeyObject } {
  const d = value.toString('base64url');
  const half = (point.length - 1) / 2;
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)];
  const key = CURVES[curve].raw
    ? { kty: 'OKP', crv: curve, x: point.toString('base64url') }
    : { kty: 'EC', crv: curve, x: x.toString('base64url'), y: y.toString('base64url') };
  return {
    privateKey: createPrivateKey({ format: 'jwk', key: { ...key, d } }),
    publicKey: createPublicKey({ format: 'jwk', key }),
  };
}

interface Derivation {
  readonly kdf: number;
  readonly sharedData?: Buffer;
  readonly length: number;
}

async function derive(
  session: Session,
  target: Target,
  { curve }: Agreement,
  [mine, theirs]: readonly [Party, Party],
  { kdf, sharedData, length }: Derivation,
): Promise<string> {
  const { raw } = session.token.slot.module;
  const key = await ecPrivateKey(session, target, curve, mine.value, mine.point, 'derive');
  const publicData = CURVES[curve].raw ? ecPoint(target, curve, theirs.point) : theirs.point;
  const mechanism = { mechanism: CKM.ECDH1_DERIVE, parameter: { kdf, sharedData, publicData } };
  const derived = await raw.C_DeriveKey(session.handle, mechanism, key.handle, [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
    { type: CKA.VALUE_LEN, value: length },
    { type: CKA.SENSITIVE, value: false },
    { type: CKA.EXTRACTABLE, value: true },
  ]);
  await key.destroy();
  return takeValue(session, derived);
}

describe('node:crypto agrees with', () => {
  for (const { source, curve, alice, bob, secret } of AGREEMENTS) {
    test(`${curve}: ${source}`, () => {
      const [a, b] = [keysOf(curve, alice), keysOf(curve, bob)];
      // The public keys are computed from the private ones.
      for (const { privateKey, publicKey } of [a, b]) {
        expect(createPublicKey(privateKey).export({ format: 'jwk' })).toEqual(
          publicKey.export({ format: 'jwk' }),
        );
      }
      for (const pair of [
        { privateKey: a.privateKey, publicKey: b.publicKey },
        { privateKey: b.privateKey, publicKey: a.publicKey },
      ]) {
        expect(diffieHellman(pair).toString('hex')).toBe(secret.toString('hex'));
      }
    });
  }
});

onEachModule((target) => {
  for (const agreement of AGREEMENTS) {
    const { source, curve, alice, bob, secret } = agreement;
    // Montgomery keys use the mechanism of the other curves; only the mechanism that generates them shows the support.
    const skip = (context: TestContext): void => {
      if (curve === 'X25519' && !target.has('EC_MONTGOMERY_KEY_PAIR_GEN'))
        context.skip(`${target.description.name} has no ${curve}`);
    };

    test(`derives on ${curve}: ${source}`, async (context) => {
      skip(context);
      await target.run(context, ['ECDH1_DERIVE'], async (session) => {
        const plain = { kdf: CKD.NULL, length: secret.length };
        for (const pair of [
          [alice, bob],
          [bob, alice],
        ] as const) {
          const made = await derive(session, target, agreement, pair, plain);
          expect(made).toBe(secret.toString('hex'));
        }
      });
    });

    // The KDF of ANSI X9.63 (SEC 1, 3.6.1), computed from the published secret.
    test(`derives with SHA256_KDF on ${curve}: ${source}`, async (context) => {
      skip(context);
      await target.run(context, ['ECDH1_DERIVE'], async (session) => {
        const sharedData = text('shared');
        const counter = Buffer.from([0, 0, 0, 1]);
        const wanted = createHash('sha256').update(secret).update(counter).update(sharedData).digest();
        const hashed = { kdf: CKD.SHA256_KDF, sharedData, length: 32 };
        const made = await derive(session, target, agreement, [alice, bob], hashed);
        expect(made).toBe(wanted.toString('hex'));
      });
    });
  }
});
