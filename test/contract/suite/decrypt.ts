import { CKM } from 'cryptoki/raw';
import { expect } from 'vitest';
import { BLOCK, BLOCK_CIPHERS, CIPHERS, IV, RSA_CIPHERS, SIZES } from './ciphers';
import { type Contract, pairNeeds } from './contract';
import { codeOf } from './outcome';

export function decrypt(contract: Contract): void {
  const { test } = contract.chapter('decrypt');

  for (const its of [...CIPHERS, ...BLOCK_CIPHERS]) {
    const needs = ['write', 'import', `${its.mechanism}:DECRYPT`];
    test(`${its.title} of node:crypto`, needs, async () => {
      for (const bytes of [16, 24, 32]) {
        const { key, value } = await contract.aes(bytes);
        for (const size of BLOCK_CIPHERS.includes(its) ? [0, 16, 100_000] : SIZES) {
          const data = Buffer.alloc(size, 'plain');
          const encrypted = its.encrypt(value, data);
          const got = [
            await key.decrypt(its.algorithm, encrypted),
            key.decryptSync(its.algorithm, encrypted),
          ];
          for (const each of got) expect(each.equals(data), `${bytes}, ${size} bytes`).toBe(true);
        }
      }
    });
  }

  const GCM = ['write', 'import', 'AES_GCM:DECRYPT', 'AES_GCM:ENCRYPT'];
  const gcm = CIPHERS.find(({ title }) => title === 'AES-GCM with additional data');

  test('AES-GCM: a changed ciphertext is refused, and the original one is then decrypted', GCM, async () => {
    const { key } = await contract.aes();
    if (gcm === undefined) throw new Error('no such case');
    const data = Buffer.from('plain text');
    const encrypted = await key.encrypt(gcm.algorithm, data);
    const flip = (position: number): Buffer => {
      const changed = Buffer.from(encrypted);
      changed.writeUInt8(changed.readUInt8(position) ^ 1, position);
      return changed;
    };
    for (const [algorithm, bytes] of [
      [gcm.algorithm, flip(0)],
      [gcm.algorithm, flip(encrypted.length - 1)],
      [gcm.algorithm, encrypted.subarray(0, -1)],
      [{ name: 'AES-GCM', iv: IV }, encrypted],
      [{ ...(gcm.algorithm as object), iv: Buffer.alloc(12) } as never, encrypted],
    ] as const) {
      for (const attempt of [() => key.decrypt(algorithm, bytes), () => key.decryptSync(algorithm, bytes)]) {
        expect(await codeOf(attempt)).toEqual(contract.code('a wrong GCM tag'));
        expect(await key.decrypt(gcm.algorithm, encrypted)).toEqual(data);
      }
    }
  });

  test('AES-GCM: a ciphertext shorter than a tag is refused', GCM, async () => {
    const { key } = await contract.aes();
    if (gcm === undefined) throw new Error('no such case');
    const encrypted = await key.encrypt(gcm.algorithm, Buffer.from('plain text'));
    for (const [bytes, situation] of [
      [encrypted.subarray(0, 3), 'a GCM ciphertext without a tag'],
      [Buffer.alloc(0), 'an empty GCM ciphertext'],
    ] as const) {
      expect(await codeOf(key.decrypt(gcm.algorithm, bytes)), situation).toEqual(contract.code(situation));
      expect((await key.decrypt(gcm.algorithm, encrypted)).toString()).toBe('plain text');
    }
  });

  const CBC = ['write', 'import', 'AES_CBC_PAD:DECRYPT', 'AES_CBC_PAD:ENCRYPT'];
  const cbc = { name: 'AES-CBC', iv: BLOCK };

  test('AES-CBC: broken padding is refused', CBC, async () => {
    const { key } = await contract.aes();
    // The last block decrypts to 16 zeros, which is not a valid padding.
    const encrypted = await key.encrypt(cbc, Buffer.alloc(32));
    expect(await codeOf(key.decrypt(cbc, encrypted.subarray(0, 32)))).toEqual(
      contract.code('CBC with broken padding'),
    );
    expect(await key.decrypt(cbc, encrypted)).toHaveLength(32);
  });

  test('AES-CBC: half a block is refused', CBC, async () => {
    const { key } = await contract.aes();
    const encrypted = await key.encrypt(cbc, Buffer.alloc(20));
    expect(await codeOf(key.decrypt(cbc, encrypted.subarray(0, 20)))).toEqual(
      contract.code('CBC of half a block'),
    );
    expect(await key.decrypt(cbc, encrypted)).toHaveLength(20);
  });

  for (const [title, size] of [
    ['of whole blocks', 1008],
    ['that end within a block', 1000],
  ] as const) {
    test(`AES-CBC in parts ${title}`, CBC, async () => {
      const { raw, session } = contract;
      const { key } = await contract.aes();
      const data = Buffer.alloc(5_000, 'pieces');
      const encrypted = await key.encrypt(cbc, data);
      const mechanism = { mechanism: CKM.AES_CBC_PAD, parameter: BLOCK };
      await raw.C_DecryptInit(session.handle, mechanism, key.handle);
      const pieces = [
        await raw.C_DecryptUpdate(session.handle, encrypted.subarray(0, size)),
        await raw.C_DecryptUpdate(session.handle, encrypted.subarray(size)),
        await raw.C_DecryptFinal(session.handle),
      ];
      expect(Buffer.concat(pieces)).toEqual(data);
    });
  }

  for (const its of RSA_CIPHERS) {
    const needs = [...pairNeeds('RSA'), `${its.mechanism}:DECRYPT`];
    const expectDecrypted = async (size: number): Promise<void> => {
      const { publicKey, privateKey } = await contract.pair('RSA', 'decrypt');
      const encrypted = its.encrypt(await publicKey.toKeyObject(), Buffer.alloc(size, 'x'));
      const got = [
        await privateKey.decrypt(its.algorithm, encrypted),
        privateKey.decryptSync(its.algorithm, encrypted),
      ];
      for (const each of got) expect(each, `${size} bytes`).toEqual(Buffer.alloc(size, 'x'));
    };
    test(`${its.title} of node:crypto`, needs, async () => {
      for (const size of [1, 32, its.longest]) await expectDecrypted(size);
    });
    test(`${its.title} of an empty message`, needs, () => expectDecrypted(0));
  }

  const OAEP = [...pairNeeds('RSA'), 'RSA_PKCS_OAEP:DECRYPT'];
  test('RSA-OAEP: a broken ciphertext is refused, and a valid one is then decrypted', OAEP, async () => {
    const { publicKey, privateKey } = await contract.pair('RSA', 'decrypt');
    const oaep = RSA_CIPHERS.find(({ title }) => title === 'RSA-OAEP-SHA1');
    if (oaep === undefined) throw new Error('no such case');
    const good = oaep.encrypt(await publicKey.toKeyObject(), Buffer.from('good'));
    for (const [bytes, situation] of [
      [Buffer.alloc(256, 1), 'a wrong OAEP padding'],
      [Buffer.alloc(10), 'an RSA ciphertext of the wrong length'],
      [Buffer.alloc(0), 'an empty RSA ciphertext'],
    ] as const) {
      expect(await codeOf(privateKey.decrypt('RSA-OAEP-SHA1', bytes)), `${bytes.length} bytes`).toEqual(
        contract.code(situation),
      );
      expect((await privateKey.decrypt('RSA-OAEP-SHA1', good)).toString()).toBe('good');
    }
  });
}
