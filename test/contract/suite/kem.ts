import type { Attributes, KeyPair, StorageObject } from 'cryptoki';
import { CKA, CKK, CKM, CKO, CKP, type RawAttribute } from 'cryptoki/raw';
import { expect } from 'vitest';
import { type Contract, pairNeeds } from './contract';
import { codeOf } from './outcome';
import { nodeEncapsulate, nodeKey } from './post-quantum';

/** Lengths of FIPS 203, table 3; the last two numbers of the object identifier. */
const SETS = [
  { name: 'ML-KEM-512', parameterSet: CKP.ML_KEM_512, publicKey: 800, ciphertext: 768, oid: [4, 1] },
  { name: 'ML-KEM-768', parameterSet: CKP.ML_KEM_768, publicKey: 1184, ciphertext: 1088, oid: [4, 2] },
  { name: 'ML-KEM-1024', parameterSet: CKP.ML_KEM_1024, publicKey: 1568, ciphertext: 1568, oid: [4, 3] },
] as const;

const NEEDS = ['write', 'readable keys', 'ML_KEM:ENCAPSULATE', 'ML_KEM:DECAPSULATE'];
const MECHANISM = { mechanism: CKM.ML_KEM };

export function kem(contract: Contract): void {
  const { test } = contract.chapter('kem');

  const secret: RawAttribute[] = [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
    { type: CKA.TOKEN, value: contract.facts.tokenKeys },
    { type: CKA.SENSITIVE, value: false },
    { type: CKA.EXTRACTABLE, value: true },
  ];

  /** The model offers ML-KEM as a mechanism only. */
  const pair = ({ name, parameterSet }: (typeof SETS)[number]): Promise<KeyPair> =>
    contract.keyFor(name, () =>
      contract.session.generateKeyPair(
        { mechanism: 'ML_KEM_KEY_PAIR_GEN' },
        {
          ...{ usage: [], token: contract.facts.tokenKeys },
          publicKey: { parameterSet, encapsulate: true },
          privateKey: { decapsulate: true },
        },
      ),
    );

  async function secretOf(key: bigint): Promise<Buffer> {
    const { raw, session } = contract;
    const [read] = await raw.C_GetAttributeValue(session.handle, key, [CKA.VALUE]);
    await raw.C_DestroyObject(session.handle, key);
    return read?.value as Buffer;
  }

  const encapsulate = (key: StorageObject) =>
    contract.raw.C_EncapsulateKey(contract.session.handle, MECHANISM, key.handle, secret);
  const decapsulate = (key: StorageObject, ciphertext: Buffer) =>
    contract.raw.C_DecapsulateKey(contract.session.handle, MECHANISM, key.handle, secret, ciphertext);

  for (const its of SETS) {
    test(`${its.name}: both sides agree on the secret`, NEEDS, async () => {
      const { raw, session } = contract;
      const { publicKey, privateKey } = await pair(its);
      const seen = new Set<string>();
      for (const sync of [false, true]) {
        const made = sync
          ? raw.C_EncapsulateKeySync(session.handle, MECHANISM, publicKey.handle, secret)
          : await encapsulate(publicKey);
        expect(made.ciphertext).toHaveLength(its.ciphertext);
        const { ciphertext } = made;
        const back = sync
          ? raw.C_DecapsulateKeySync(session.handle, MECHANISM, privateKey.handle, secret, ciphertext)
          : await decapsulate(privateKey, ciphertext);
        const value = await secretOf(made.key);
        expect(value).toHaveLength(32);
        expect(await secretOf(back)).toEqual(value);
        seen.add(value.toString('hex'));
      }
      expect(seen.size).toBe(2);
    });

    test(`${its.name}: decapsulates a ciphertext of node:crypto`, [...NEEDS, 'ML-KEM in Node'], async () => {
      const { publicKey, privateKey } = await pair(its);
      const { sharedKey, ciphertext } = nodeEncapsulate(await nodeKey(publicKey, its.oid));
      expect(await secretOf(await decapsulate(privateKey, ciphertext))).toEqual(sharedKey);
    });

    test(`${its.name}: a changed ciphertext gives another secret`, NEEDS, async () => {
      const { publicKey, privateKey } = await pair(its);
      const { ciphertext, key } = await encapsulate(publicKey);
      const value = await secretOf(key);
      ciphertext.writeUInt8(ciphertext.readUInt8(9) ^ 1, 9);
      const other = await secretOf(await decapsulate(privateKey, ciphertext));
      expect(other).toHaveLength(32);
      expect(other).not.toEqual(value);
      // Implicit rejection: the same wrong ciphertext always gives the same wrong secret.
      expect(await secretOf(await decapsulate(privateKey, ciphertext))).toEqual(other);
    });

    test(`${its.name}: a ciphertext of another length is refused`, NEEDS, async () => {
      const { publicKey, privateKey } = await pair(its);
      const { ciphertext, key } = await encapsulate(publicKey);
      for (const bytes of [
        ciphertext.subarray(1),
        Buffer.alloc(0),
        Buffer.concat([ciphertext, Buffer.alloc(1)]),
      ]) {
        expect(await codeOf(decapsulate(privateKey, bytes)), `${bytes.length} bytes`).toEqual(
          contract.code('a KEM ciphertext of another length'),
        );
      }
      expect(await secretOf(await decapsulate(privateKey, ciphertext))).toEqual(await secretOf(key));
    });

    test(`${its.name}: encapsulates for an imported public key`, [...NEEDS, 'import public'], async () => {
      const { publicKey, privateKey } = await pair(its);
      const value = await publicKey.attribute('value');
      expect(value).toHaveLength(its.publicKey);
      expect(await publicKey.attribute('parameterSet')).toBe(its.parameterSet);
      const attributes: Attributes = {
        ...{ class: 'PUBLIC_KEY', keyType: 'ML_KEM', token: contract.facts.tokenKeys, private: false },
        ...{ parameterSet: its.parameterSet, value, encapsulate: true },
      };
      const imported = await contract.session.createObject(attributes);
      const { ciphertext, key } = await encapsulate(imported);
      expect(await secretOf(await decapsulate(privateKey, ciphertext))).toEqual(await secretOf(key));
      await imported.destroy();
    });
  }

  test('the wrong half of a pair is refused', NEEDS, async () => {
    const { publicKey, privateKey } = await pair(SETS[1]);
    const { ciphertext, key } = await encapsulate(publicKey);
    await contract.raw.C_DestroyObject(contract.session.handle, key);
    for (const attempt of [() => encapsulate(privateKey), () => decapsulate(publicKey, ciphertext)]) {
      expect(await codeOf(attempt)).toEqual(contract.code('the wrong half of a KEM pair'));
    }
  });

  test('a key of another type is refused', [...NEEDS, ...pairNeeds('P-256')], async () => {
    const { publicKey, privateKey } = await contract.pair('P-256');
    expect(await codeOf(encapsulate(publicKey))).toEqual(
      contract.code('encapsulating for a key of another type'),
    );
    expect(await codeOf(decapsulate(privateKey, Buffer.alloc(1088)))).toEqual(
      contract.code('decapsulating with a key of another type'),
    );
  });
}
