import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { PublicKey } from 'cryptoki';
import { CKM } from 'cryptoki/raw';
import { expect } from 'vitest';
import { BLOCK, BLOCK_CIPHERS, CHACHA, CIPHERS, RSA_CIPHERS, SIZES } from './ciphers';
import { type Contract, pairNeeds } from './contract';
import { codeOf } from './outcome';

export function encrypt(contract: Contract): void {
  const { test } = contract.chapter('encrypt');

  for (const its of CIPHERS) {
    const needs = ['write', 'import', `${its.mechanism}:ENCRYPT`];
    test(`${its.title}, as node:crypto does`, needs, async () => {
      for (const bytes of [16, 24, 32]) {
        const { key, value } = await contract.aes(bytes);
        for (const size of SIZES) {
          const data = Buffer.alloc(size, 'plain');
          const expected = its.encrypt(value, data);
          const got = [await key.encrypt(its.algorithm, data), key.encryptSync(its.algorithm, data)];
          for (const each of got) expect(each.equals(expected), `${bytes}, ${size} bytes`).toBe(true);
        }
      }
    });
  }

  for (const its of BLOCK_CIPHERS) {
    const needs = ['write', 'import', `${its.mechanism}:ENCRYPT`];
    test(`${its.title}, as node:crypto does`, needs, async () => {
      const { key, value } = await contract.aes();
      for (const size of [0, 16, 64, 100_000]) {
        const data = Buffer.alloc(size, 'plain');
        expect((await key.encrypt(its.algorithm, data)).equals(its.encrypt(value, data)), `${size}`).toBe(
          true,
        );
      }
    });

    test(`${its.title} refuses half a block`, needs, async () => {
      const { key } = await contract.aes();
      expect(await codeOf(key.encrypt(its.algorithm, Buffer.alloc(17)))).toEqual(
        contract.code('whole blocks wanted'),
      );
      expect(await key.encrypt(its.algorithm, BLOCK)).toHaveLength(16);
    });
  }

  test(
    `${CHACHA.title}, as node:crypto does`,
    ['write', 'import', `${CHACHA.mechanism}:ENCRYPT`],
    async () => {
      const value = randomBytes(32);
      const key = await contract.secret('CHACHA20', value, { encrypt: true, decrypt: true });
      for (const size of SIZES) {
        const data = Buffer.alloc(size, 'plain');
        const encrypted = await key.encrypt(CHACHA.algorithm, data);
        expect(encrypted.equals(CHACHA.encrypt(value, data)), `${size} bytes`).toBe(true);
        expect((await key.decrypt(CHACHA.algorithm, encrypted)).equals(data), `${size} bytes`).toBe(true);
      }
      await key.destroy();
    },
  );

  test('AES-CBC in parts', ['write', 'import', 'AES_CBC_PAD:ENCRYPT'], async () => {
    const { raw, session } = contract;
    const { key, value } = await contract.aes();
    const data = Buffer.alloc(10_005, 'pieces');
    const mechanism = { mechanism: CKM.AES_CBC_PAD, parameter: BLOCK };
    const cbc = CIPHERS.find(({ title }) => title === 'AES-CBC');
    const pieces: Buffer[] = [];
    await raw.C_EncryptInit(session.handle, mechanism, key.handle);
    for (const part of [data.subarray(0, 5), data.subarray(5, 40), data.subarray(40)]) {
      pieces.push(await raw.C_EncryptUpdate(session.handle, part));
    }
    pieces.push(await raw.C_EncryptFinal(session.handle));
    expect(Buffer.concat(pieces)).toEqual(cbc?.encrypt(value, data));
  });

  test('AES-CBC of no part, and of an empty part', ['write', 'import', 'AES_CBC_PAD:ENCRYPT'], async () => {
    const { raw, session } = contract;
    const { key, value } = await contract.aes();
    const mechanism = { mechanism: CKM.AES_CBC_PAD, parameter: BLOCK };
    const cbc = CIPHERS.find(({ title }) => title === 'AES-CBC');
    raw.C_EncryptInitSync(session.handle, mechanism, key.handle);
    expect(raw.C_EncryptFinalSync(session.handle)).toEqual(cbc?.encrypt(value, Buffer.alloc(0)));
    await raw.C_EncryptInit(session.handle, mechanism, key.handle);
    expect(await raw.C_EncryptUpdate(session.handle, Buffer.alloc(0))).toHaveLength(0);
    expect(raw.C_EncryptFinalSync(session.handle)).toEqual(cbc?.encrypt(value, Buffer.alloc(0)));
  });

  for (const [its, title, empty] of RSA_CIPHERS.flatMap(
    (each) =>
      [
        [each, `${each.title}, as node:crypto decrypts`, false],
        [each, `${each.title} of an empty message`, true],
      ] as const,
  )) {
    test(title, ['write', 'import public', `${its.mechanism}:ENCRYPT`], async () => {
      const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const { n = '', e = '' } = pair.publicKey.export({ format: 'jwk' });
      const key = (await contract.session.createObject({
        class: 'PUBLIC_KEY',
        keyType: 'RSA',
        token: contract.facts.tokenKeys,
        private: false,
        encrypt: true,
        modulus: Buffer.from(n, 'base64url'),
        publicExponent: Buffer.from(e, 'base64url'),
      })) as PublicKey;
      try {
        for (const size of empty ? [0] : [1, 32, its.longest]) {
          const data = Buffer.alloc(size, 'x');
          const encrypted = await key.encrypt(its.algorithm, data);
          // node:crypto refuses to decrypt PKCS#1 v1.5; the chapter on decryption tests it on the token.
          if (its.title === 'RSA-PKCS1') expect(encrypted).toHaveLength(256);
          else expect(its.decrypt(pair.privateKey, encrypted)).toEqual(data);
        }
        if (empty) return;
        expect(await codeOf(key.encrypt(its.algorithm, Buffer.alloc(its.longest + 1)))).toEqual(
          contract.code(
            its.mechanism === 'RSA_PKCS' ? 'data too long for RSA-PKCS1' : 'data too long for RSA-OAEP',
          ),
        );
        expect(await key.encrypt(its.algorithm, Buffer.alloc(1))).toHaveLength(256);
      } finally {
        await key.destroy();
      }
    });
  }

  test('a key of another type is refused', [...pairNeeds('P-256'), 'AES_CBC_PAD:ENCRYPT'], async () => {
    const { publicKey } = await contract.pair('P-256');
    const attempt = publicKey.encrypt({ name: 'AES-CBC', iv: BLOCK }, Buffer.alloc(1));
    expect(await codeOf(attempt)).toEqual(contract.code('a cipher for a key of another type'));
  });
}
