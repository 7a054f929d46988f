/**
 * ML-DSA (FIPS 204). A key or a signature has thousands of bytes, so the vectors are the accumulated ones of C2SP CCTV: one
 * SHAKE128 stream provides the seeds of 100 keys; all public keys and deterministic signatures are written into another one, of
 * which 32 bytes are published.
 */
import * as crypto from 'node:crypto';
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { PrivateKey, PublicKey, Session } from 'cryptoki';
import { CKA, CKH, CKM, CKP } from 'cryptoki/raw';
import { expect, test } from 'vitest';
import { flip, hex, text } from './support/bytes';
import { der, publicValue } from './support/keys';
import { onEachModule } from './support/modules';

const CASES = 100;
const EMPTY = Buffer.alloc(0);

const VECTORS = [
  {
    ...{ name: 'ML-DSA-44', parameterSet: CKP.ML_DSA_44 },
    accumulated: 'd51148e1f9f4fa1a723a6cf42e25f2a99eb5c1b378b3d2dbbd561b1203beeae4',
  },
  {
    ...{ name: 'ML-DSA-65', parameterSet: CKP.ML_DSA_65 },
    accumulated: '8358a1843220194417cadbc2651295cd8fc65125b5a5c1a239a16dc8b57ca199',
  },
  {
    ...{ name: 'ML-DSA-87', parameterSet: CKP.ML_DSA_87 },
    accumulated: '8c3ad714777622b8f21ce31bb35f71394f23bc0fcf3c78ace5d608990f3b061b',
  },
] as const;

/** The last byte of the object identifier: id-ml-dsa-44 is 2.16.840.1.101.3.4.3.17. */
const ML_DSA_OID = { [CKP.ML_DSA_44]: 0x11, [CKP.ML_DSA_65]: 0x12, [CKP.ML_DSA_87]: 0x13 } as const;

/** The key for node:crypto; undefined for versions without ML-DSA and encapsulation (before 24.7). */
function nodeKey(parameterSet: keyof typeof ML_DSA_OID, value: Buffer): KeyObject | undefined {
  if (!('encapsulate' in crypto)) return undefined;
  const oid = Buffer.concat([hex('06096086480165030403'), Buffer.from([ML_DSA_OID[parameterSet]])]);
  const bits = der(3, Buffer.concat([Buffer.alloc(1), value]));
  const key = der(0x30, Buffer.concat([der(0x30, oid), bits]));
  return createPublicKey({ key, format: 'der', type: 'spki' });
}

const deterministic = {
  mechanism: 'ML_DSA',
  parameter: { hedgeVariant: CKH.DETERMINISTIC_REQUIRED },
} as const;

async function importSeed(session: Session, parameterSet: number, seed: Buffer): Promise<PrivateKey> {
  return (await session.createObject({
    ...{ class: 'PRIVATE_KEY', keyType: 'ML_DSA', parameterSet, seed, id: Buffer.from('ml-dsa') },
    ...{ sign: true, derive: true, sensitive: false, extractable: true },
  })) as PrivateKey;
}

async function importPublic(session: Session, parameterSet: number, value: Buffer): Promise<PublicKey> {
  return (await session.createObject({
    ...{ class: 'PUBLIC_KEY', keyType: 'ML_DSA', parameterSet, value, private: false, verify: true },
  })) as PublicKey;
}

onEachModule((target) => {
  for (const { name, parameterSet, accumulated } of VECTORS) {
    test(`${name}: keys of seeds, their signatures, accumulated (C2SP CCTV)`, async (context) => {
      if (target.description.publicFromPrivate === undefined)
        context.skip(`${target.description.name} does not tell the public key of a seed`);
      await target.run(context, ['ML_DSA'], async (session) => {
        const seeds = createHash('shake128', { outputLength: 32 * CASES }).digest();
        const all = createHash('shake128', { outputLength: 32 });
        for (let i = 0; i < CASES; i++) {
          const privateKey = await importSeed(session, parameterSet, seeds.subarray(32 * i, 32 * (i + 1)));
          const value = (await publicValue(session, target, privateKey.handle)) ?? EMPTY;
          const signature = await privateKey.sign(deterministic, EMPTY);
          all.update(value).update(signature);
          const judge = nodeKey(parameterSet, value);
          if (judge !== undefined) expect(verify(null, EMPTY, judge, signature)).toBe(true);
          const publicKey = await importPublic(session, parameterSet, value);
          expect(await publicKey.verify({ mechanism: 'ML_DSA' }, EMPTY, signature)).toBe(true);
          await publicKey.destroy();
          await privateKey.destroy();
        }
        expect(all.digest('hex')).toBe(accumulated);
      });
    });

    test(`${name}: generates, signs and verifies, with a context`, async (context) => {
      await target.run(context, ['ML_DSA_KEY_PAIR_GEN', 'ML_DSA'], async (session) => {
        const { raw } = session.token.slot.module;
        const made = await raw.C_GenerateKeyPair(
          session.handle,
          { mechanism: CKM.ML_DSA_KEY_PAIR_GEN },
          [
            { type: CKA.PARAMETER_SET, value: parameterSet },
            { type: CKA.VERIFY, value: true },
          ],
          [
            { type: CKA.SIGN, value: true },
            { type: CKA.SENSITIVE, value: false },
            { type: CKA.EXTRACTABLE, value: true },
          ],
        );
        const [read] = await raw.C_GetAttributeValue(session.handle, made.publicKey, [CKA.VALUE]);
        const publicKey = await importPublic(session, parameterSet, read?.value as Buffer);
        const parameter = { hedgeVariant: CKH.HEDGE_PREFERRED, context: text('a context') };
        const message = text('a message');
        await raw.C_SignInit(session.handle, { mechanism: CKM.ML_DSA, parameter }, made.privateKey);
        const signature = await raw.C_Sign(session.handle, message);
        const how = { mechanism: 'ML_DSA', parameter } as const;
        expect(await publicKey.verify(how, message, signature)).toBe(true);
        await target.expectWrong(publicKey.verify(how, message, flip(signature, 100)));
        await target.expectWrong(publicKey.verify(how, flip(message), signature));
        await target.expectWrong(publicKey.verify({ mechanism: 'ML_DSA' }, message, signature));
        // The generated key is the one of its seed if its deterministic signatures are equal.
        const [seed] = await raw.C_GetAttributeValue(session.handle, made.privateKey, [CKA.SEED]);
        const again = await importSeed(session, parameterSet, seed?.value as Buffer);
        await raw.C_SignInit(session.handle, { ...deterministic, mechanism: CKM.ML_DSA }, made.privateKey);
        expect(await raw.C_Sign(session.handle, message)).toEqual(await again.sign(deterministic, message));
        await publicKey.destroy();
        await again.destroy();
      });
    });
  }
});
