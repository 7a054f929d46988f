/**
 * ML-KEM (FIPS 203). With PKCS#11 a caller cannot choose the random message of an encapsulation, so ciphertexts with known keys
 * come from an implementation of the tests. Accumulated vectors check that one: one SHAKE128 stream provides seeds, messages and
 * wrong ciphertexts; encapsulation keys, ciphertexts and shared keys are written into another one, of which 32 bytes are known.
 * The keys of the token are written into such a stream, too.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { PrivateKey, Session } from 'cryptoki';
import { CKA, CKK, CKO, CKP } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { mechanismNumber, publicValue, takeValue } from './support/keys';
import { decapsulate, encapsulate, keyPair, ML_KEM, type MlKemKey } from './support/ml-kem';
import { onEachModule } from './support/modules';
import { NSS } from './support/nss';

const CASES = 100;

/**
 * The values for ML-KEM-768 are those of Go's crypto/mlkem (TestAccumulated). For the others no value is published, but
 * several implementations agree.
 */
const VECTORS = [
  {
    ...{ name: 'ML-KEM-512', parameterSet: CKP.ML_KEM_512, parameters: ML_KEM['ML-KEM-512'] },
    accumulated: '86b1b4703b8ffef6f7f3290c6dbce4ad954498a0673ded401a94828e8c519a59',
  },
  {
    ...{ name: 'ML-KEM-768', parameterSet: CKP.ML_KEM_768, parameters: ML_KEM['ML-KEM-768'] },
    accumulated: '1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415',
  },
  {
    ...{ name: 'ML-KEM-1024', parameterSet: CKP.ML_KEM_1024, parameters: ML_KEM['ML-KEM-1024'] },
    accumulated: '800018fec3e2723f73f1d657fe239b4d5d8782efaade297e8cd448e54cc2ac00',
  },
] as const;

interface Case {
  readonly seed: Buffer;
  readonly key: MlKemKey;
  readonly ciphertext: Buffer;
  readonly shared: Buffer;
  /** A ciphertext that no message produces. */
  readonly wrong: Buffer;
}

function* cases({ parameters }: (typeof VECTORS)[number]): Generator<Case> {
  const { k, du, dv } = parameters;
  const length = 32 * (du * k + dv);
  const stream = createHash('shake128', { outputLength: CASES * (96 + length) }).digest();
  let position = 0;
  const take = (size: number): Buffer => {
    position += size;
    return stream.subarray(position - size, position);
  };
  for (let i = 0; i < CASES; i++) {
    const [seed, message, wrong] = [take(64), take(32), take(length)];
    const key = keyPair(parameters, seed.subarray(0, 32), seed.subarray(32));
    yield { seed, key, wrong, ...encapsulate(key, message) };
  }
}

/** Computed when the first module needs them, because they take a second. */
const made = new Map<string, Case[]>();
function casesOf(vector: (typeof VECTORS)[number]): Case[] {
  const known = made.get(vector.name) ?? [...cases(vector)];
  made.set(vector.name, known);
  return known;
}

const secret = [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
  { type: CKA.VALUE_LEN, value: 32 },
  { type: CKA.SENSITIVE, value: false },
  { type: CKA.EXTRACTABLE, value: true },
];

async function importSeed(session: Session, parameterSet: number, seed: Buffer): Promise<PrivateKey> {
  return (await session.createObject({
    ...{ class: 'PRIVATE_KEY', keyType: 'ML_KEM', parameterSet, seed, id: Buffer.from('ml-kem') },
    ...{ decapsulate: true, derive: true, sensitive: false, extractable: true },
  })) as PrivateKey;
}

describe("the test's own ML-KEM agrees with", () => {
  for (const vector of VECTORS) {
    test(`${vector.name}: accumulated`, () => {
      const all = createHash('shake128', { outputLength: 32 });
      for (const { key, ciphertext, shared, wrong } of casesOf(vector)) {
        expect(decapsulate(key, ciphertext)).toEqual(shared);
        all.update(key.encapsulationKey).update(ciphertext).update(shared).update(decapsulate(key, wrong));
      }
      expect(all.digest('hex')).toBe(vector.accumulated);
    });
  }
});

/** NSS has two mechanisms of its own from before PKCS#11 3.2 with the same result. */
const MECHANISMS = [
  { prefix: '', kem: 'ML_KEM', generate: 'ML_KEM_KEY_PAIR_GEN' },
  { prefix: 'CKM_NSS_ML_KEM: ', kem: NSS.ML_KEM, generate: NSS.ML_KEM_KEY_PAIR_GEN },
] as const;

const ALL = VECTORS.flatMap((vector) => MECHANISMS.map((mechanisms) => ({ ...mechanisms, vector })));

onEachModule((target) => {
  for (const { prefix, kem, generate, vector } of ALL) {
    const { parameterSet, parameters, accumulated } = vector;
    const name = `${prefix}${vector.name}`;
    const mechanism = { mechanism: mechanismNumber(kem) };

    test(`${name}: keys of seeds, right and wrong ciphertexts, accumulated`, async (context) => {
      await target.run(context, [kem], async (session) => {
        const { raw } = session.token.slot.module;
        const all = createHash('shake128', { outputLength: 32 });
        for (const { seed, key, ciphertext, wrong } of casesOf(vector)) {
          const privateKey = await importSeed(session, parameterSet, seed);
          const open = async (text: Buffer): Promise<Buffer> => {
            const opened = await raw.C_DecapsulateKey(
              session.handle,
              mechanism,
              privateKey.handle,
              secret,
              text,
            );
            return Buffer.from(await takeValue(session, opened), 'hex');
          };
          const value = await publicValue(session, target, privateKey.handle);
          all.update(value ?? key.encapsulationKey).update(ciphertext);
          all.update(await open(ciphertext)).update(await open(wrong));
          await privateKey.destroy();
        }
        expect(all.digest('hex')).toBe(accumulated);
      });
    });

    test(`${name}: the test's own ML-KEM decapsulates a ciphertext of the token`, async (context) => {
      await target.run(context, [kem], async (session) => {
        const { raw } = session.token.slot.module;
        const key = keyPair(parameters, randomBytes(32), randomBytes(32));
        const publicKey = await session.createObject({
          ...{ class: 'PUBLIC_KEY', keyType: 'ML_KEM', parameterSet, value: key.encapsulationKey },
          ...{ private: false, encapsulate: true },
        });
        for (let i = 0; i < 10; i++) {
          const sealed = await raw.C_EncapsulateKey(session.handle, mechanism, publicKey.handle, secret);
          const shared = decapsulate(key, sealed.ciphertext).toString('hex');
          expect(await takeValue(session, sealed.key)).toBe(shared);
        }
        await publicKey.destroy();
      });
    });

    test(`${name}: a key pair that the token generates is that of its seed`, async (context) => {
      await target.run(context, [generate, kem], async (session) => {
        const { raw } = session.token.slot.module;
        const pair = await raw.C_GenerateKeyPair(
          session.handle,
          { mechanism: mechanismNumber(generate) },
          [
            { type: CKA.PARAMETER_SET, value: parameterSet },
            { type: CKA.ENCAPSULATE, value: true },
          ],
          [
            { type: CKA.DECAPSULATE, value: true },
            { type: CKA.SENSITIVE, value: false },
            { type: CKA.EXTRACTABLE, value: true },
          ],
        );
        const [value] = await raw.C_GetAttributeValue(session.handle, pair.publicKey, [CKA.VALUE]);
        const [read] = await raw.C_GetAttributeValue(session.handle, pair.privateKey, [CKA.SEED]);
        const seed = read?.value as Buffer;
        const key = keyPair(parameters, seed.subarray(0, 32), seed.subarray(32));
        expect(value?.value).toEqual(key.encapsulationKey);
        const { ciphertext, shared } = encapsulate(key, randomBytes(32));
        const opened = await raw.C_DecapsulateKey(
          ...([session.handle, mechanism, pair.privateKey, secret, ciphertext] as const),
        );
        expect(await takeValue(session, opened)).toBe(shared.toString('hex'));
        await raw.C_DestroyObject(session.handle, pair.publicKey);
        await raw.C_DestroyObject(session.handle, pair.privateKey);
      });
    });
  }
});
