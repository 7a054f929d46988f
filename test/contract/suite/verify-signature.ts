import type { KeyPair } from 'cryptoki';
import { CKM } from 'cryptoki/raw';
import { expect } from 'vitest';
import { type Contract, type Needs, pairNeeds } from './contract';
import { ML_DSA, ML_DSA_NEEDS, mlDsaPair } from './ml-dsa';
import { codeOf } from './outcome';

const PARTS = [Buffer.from('one '), Buffer.alloc(50_000, 3)];
const MESSAGE = Buffer.concat(PARTS);

/** Mechanisms that hash the message themselves, so that it can be passed in parts. */
interface Case {
  readonly title: string;
  readonly mechanism: keyof typeof CKM;
  readonly needs: Needs;
  pair(contract: Contract): Promise<KeyPair>;
}

function classic(title: string, name: string, mechanism: keyof typeof CKM): Case {
  const needs = [...pairNeeds(name), `${mechanism}:SIGN`, `${mechanism}:VERIFY`];
  return { title, mechanism, needs, pair: (contract) => contract.pair(name) };
}

const CASES: readonly Case[] = [
  classic('RSA-PKCS1', 'RSA', 'SHA256_RSA_PKCS'),
  classic('ECDSA on P-256', 'P-256', 'ECDSA_SHA256'),
  classic('ECDSA on P-521', 'P-521', 'ECDSA_SHA512'),
  ...ML_DSA.map(
    (its): Case => ({
      ...{ title: its.name, mechanism: 'ML_DSA', needs: ML_DSA_NEEDS },
      pair: (contract) => mlDsaPair(contract, its),
    }),
  ),
];

/** The functions that take the signature before the data: C_VerifySignatureInit and its successors. */
export function verifySignature(contract: Contract): void {
  const { test } = contract.chapter('verify signature');

  for (const its of CASES) {
    const needs = ['3.2', ...its.needs];
    const mechanism = { mechanism: CKM[its.mechanism] };
    const signed = async () => {
      const { privateKey, publicKey } = await its.pair(contract);
      const signature = await privateKey.sign({ mechanism: its.mechanism }, MESSAGE);
      const changed = Buffer.from(signature);
      changed.writeUInt8(changed.readUInt8(20) ^ 1, 20);
      return { key: publicKey.handle, signature, changed };
    };

    test(`${its.title}: verifies the signature, and no other`, needs, async () => {
      const { raw, session } = contract;
      const { key, signature, changed } = await signed();
      const check = async (bytes: Buffer, data: Buffer) => {
        await raw.C_VerifySignatureInit(session.handle, mechanism, key, bytes);
        await raw.C_VerifySignature(session.handle, data);
      };
      const checkSync = (bytes: Buffer, data: Buffer) => {
        raw.C_VerifySignatureInitSync(session.handle, mechanism, key, bytes);
        raw.C_VerifySignatureSync(session.handle, data);
      };
      for (const verify of [check, checkSync]) {
        expect(await codeOf(() => verify(signature, MESSAGE))).toBe('no error');
        for (const attempt of [() => verify(changed, MESSAGE), () => verify(signature, PARTS[0] as Buffer)]) {
          expect(await codeOf(attempt)).toBe('CKR_SIGNATURE_INVALID');
        }
        expect(await codeOf(() => verify(signature, MESSAGE))).toBe('no error');
      }
    });

    test(`${its.title} in parts`, needs, async () => {
      const { raw, session } = contract;
      const { key, signature, changed } = await signed();
      const inPieces = async (bytes: Buffer, parts: readonly Buffer[]) => {
        await raw.C_VerifySignatureInit(session.handle, mechanism, key, bytes);
        for (const part of parts) await raw.C_VerifySignatureUpdate(session.handle, part);
        await raw.C_VerifySignatureFinal(session.handle);
      };
      expect(await codeOf(inPieces(signature, PARTS))).toBe('no error');
      expect(await codeOf(inPieces(changed, PARTS))).toBe('CKR_SIGNATURE_INVALID');
      expect(await codeOf(inPieces(signature, PARTS.slice(1)))).toBe('CKR_SIGNATURE_INVALID');
      expect(await codeOf(inPieces(signature, PARTS))).toBe('no error');
    });

    test(`${its.title}: a signature of another length is wrong`, needs, async () => {
      const { raw, session } = contract;
      const { key, signature } = await signed();
      for (const bytes of [signature.subarray(1), Buffer.concat([signature, Buffer.alloc(1)])]) {
        const attempt = async () => {
          await raw.C_VerifySignatureInit(session.handle, mechanism, key, bytes);
          await raw.C_VerifySignature(session.handle, MESSAGE);
        };
        expect(await codeOf(attempt), `${bytes.length} bytes`).toEqual(
          contract.code('a signature of another length, given first'),
        );
      }
    });
  }

  test('data without a signature is refused', ['3.2'], async () => {
    const { raw, session } = contract;
    for (const attempt of [
      () => raw.C_VerifySignature(session.handle, MESSAGE),
      () => raw.C_VerifySignatureUpdate(session.handle, MESSAGE),
      () => raw.C_VerifySignatureFinal(session.handle),
    ]) {
      expect(await codeOf(attempt)).toEqual(contract.code('an operation without a beginning'));
    }
  });
}
