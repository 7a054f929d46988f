import { verify as nodeVerify } from 'node:crypto';
import type { KeyPair, Mechanism } from 'cryptoki';
import { CKH, CKM, CKP } from 'cryptoki/raw';
import { expect } from 'vitest';
import { type Contract, MESSAGES } from './contract';
import { codeOf } from './outcome';
import { nodeKey } from './post-quantum';

/** Lengths of FIPS 204, table 2; the last two numbers of the object identifier. */
export const ML_DSA = [
  { name: 'ML-DSA-44', parameterSet: CKP.ML_DSA_44, publicKey: 1312, signature: 2420, oid: [3, 17] },
  { name: 'ML-DSA-65', parameterSet: CKP.ML_DSA_65, publicKey: 1952, signature: 3309, oid: [3, 18] },
  { name: 'ML-DSA-87', parameterSet: CKP.ML_DSA_87, publicKey: 2592, signature: 4627, oid: [3, 19] },
] as const;

export const ML_DSA_NEEDS = ['write', 'ML_DSA:SIGN', 'ML_DSA:VERIFY'];

/** A shared key pair; the model offers ML-DSA as a mechanism only. */
export function mlDsaPair(
  contract: Contract,
  { name, parameterSet }: (typeof ML_DSA)[number],
): Promise<KeyPair> {
  return contract.keyFor(name, () =>
    contract.session.generateKeyPair(
      { mechanism: 'ML_DSA_KEY_PAIR_GEN' },
      { usage: ['sign'], token: contract.facts.tokenKeys, publicKey: { parameterSet } },
    ),
  );
}

const PLAIN: Mechanism = { mechanism: 'ML_DSA' };
const using = (hedgeVariant: number, context?: Buffer): Mechanism => ({
  mechanism: 'ML_DSA',
  parameter: { hedgeVariant, context },
});

export function mlDsa(contract: Contract): void {
  const { test } = contract.chapter('ml-dsa');

  for (const its of ML_DSA) {
    test(`${its.name}: verifies its own signature, and no other`, ML_DSA_NEEDS, async () => {
      const { privateKey, publicKey } = await mlDsaPair(contract, its);
      expect(await publicKey.attribute('value')).toHaveLength(its.publicKey);
      for (const message of Object.values(MESSAGES)) {
        const signature = await privateKey.sign(PLAIN, message);
        expect(signature).toHaveLength(its.signature);
        expect(privateKey.signSync(PLAIN, message)).toHaveLength(its.signature);
        expect(await publicKey.verify(PLAIN, message, signature)).toBe(true);
        expect(publicKey.verifySync(PLAIN, message, signature)).toBe(true);
        const other = Buffer.concat([message, Buffer.from('.')]);
        expect(await publicKey.verify(PLAIN, other, signature)).toBe(false);
        const changed = Buffer.from(signature);
        changed.writeUInt8(changed.readUInt8(7) ^ 1, 7);
        expect(await publicKey.verify(PLAIN, message, changed)).toBe(false);
      }
    });

    test(`${its.name}, as node:crypto verifies`, [...ML_DSA_NEEDS, 'ML-DSA in Node'], async () => {
      const { privateKey, publicKey } = await mlDsaPair(contract, its);
      const judge = await nodeKey(publicKey, its.oid);
      for (const message of Object.values(MESSAGES)) {
        const signature = await privateKey.sign(PLAIN, message);
        expect(nodeVerify(null, message, judge, signature)).toBe(true);
        expect(nodeVerify(null, Buffer.concat([message, signature]), judge, signature)).toBe(false);
      }
    });

    test(`${its.name}: signatures are randomised or deterministic on request`, ML_DSA_NEEDS, async () => {
      const { privateKey, publicKey } = await mlDsaPair(contract, its);
      const message = Buffer.from('message');
      for (const [variant, distinct] of [
        [CKH.DETERMINISTIC_REQUIRED, 1],
        [CKH.HEDGE_REQUIRED, 3],
      ] as const) {
        const signatures = [];
        for (let i = 0; i < 3; i++) signatures.push(await privateKey.sign(using(variant), message));
        expect(new Set(signatures.map((each) => each.toString('hex'))).size).toBe(distinct);
        for (const each of signatures) expect(await publicKey.verify(PLAIN, message, each)).toBe(true);
      }
    });

    test(`${its.name}: a signature verifies only with its context`, ML_DSA_NEEDS, async () => {
      const { privateKey, publicKey } = await mlDsaPair(contract, its);
      const message = Buffer.from('message');
      for (const context of [Buffer.from('context'), Buffer.alloc(255, 7)]) {
        const its = using(CKH.HEDGE_PREFERRED, context);
        const other = using(CKH.HEDGE_PREFERRED, Buffer.from('another'));
        const signature = await privateKey.sign(its, message);
        expect(await publicKey.verify(its, message, signature)).toBe(true);
        for (const wrong of [other, PLAIN]) {
          expect(await publicKey.verify(wrong, message, signature)).toBe(false);
        }
      }
      const long = using(CKH.HEDGE_PREFERRED, Buffer.alloc(256));
      expect(await codeOf(privateKey.sign(long, message))).toEqual(contract.code('a context too long'));
    });

    test(`${its.name} in parts`, ML_DSA_NEEDS, async () => {
      const { raw, session } = contract;
      const { privateKey, publicKey } = await mlDsaPair(contract, its);
      const parts = [Buffer.from('one '), Buffer.alloc(0), Buffer.alloc(50_000, 3)];
      await raw.C_SignInit(session.handle, { mechanism: CKM.ML_DSA }, privateKey.handle);
      for (const part of parts) await raw.C_SignUpdate(session.handle, part);
      const signature = await raw.C_SignFinal(session.handle);
      expect(await publicKey.verify(PLAIN, Buffer.concat(parts), signature)).toBe(true);
      for (const [whole, outcome] of [
        [true, 'no error'],
        [false, 'CKR_SIGNATURE_INVALID'],
      ] as const) {
        await raw.C_VerifyInit(session.handle, { mechanism: CKM.ML_DSA }, publicKey.handle);
        for (const part of whole ? parts : parts.slice(1)) await raw.C_VerifyUpdate(session.handle, part);
        expect(await codeOf(raw.C_VerifyFinal(session.handle, signature))).toBe(outcome);
      }
    });

    test(`${its.name}: a signature of another length is wrong`, ML_DSA_NEEDS, async () => {
      const { privateKey, publicKey } = await mlDsaPair(contract, its);
      const message = Buffer.from('message');
      const signature = await privateKey.sign(PLAIN, message);
      for (const bytes of [
        signature.subarray(0, -1),
        Buffer.alloc(0),
        Buffer.concat([signature, Buffer.alloc(1)]),
      ]) {
        expect(await publicKey.verify(PLAIN, message, bytes), `${bytes.length} bytes`).toBe(false);
        expect(await publicKey.verify(PLAIN, message, signature)).toBe(true);
      }
    });
  }
}
