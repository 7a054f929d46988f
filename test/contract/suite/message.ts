import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { SecretKey } from 'cryptoki';
import { CKF, CKG, CKM, type RawMechanism, type RawParameter } from 'cryptoki/raw';
import { expect } from 'vitest';
import type { Contract } from './contract';
import { codeOf } from './outcome';

const AAD = Buffer.from('associated data');
const SIZES = [0, 7, 16, 100_000];

/** Parameters for one message: the module writes the tag, and the IV if it generates it. */
interface MessageParameter {
  iv: Buffer;
  tag: Buffer;
  readonly raw: RawParameter;
}

/** A message-based cipher, for the module and for node:crypto. */
interface MessageCipher {
  readonly title: string;
  readonly mechanism: 'AES_GCM' | 'CHACHA20_POLY1305';
  readonly node: 'aes-256-gcm' | 'chacha20-poly1305';
  readonly keyType: 'AES' | 'CHACHA20';
  parameter(iv: Buffer, tag?: Buffer): MessageParameter;
}

const gcm = (iv: Buffer, tag: Buffer, ivGenerator: number, ivFixedBits: number) => ({
  structure: 'CK_GCM_MESSAGE_PARAMS' as const,
  ...{ iv, ivFixedBits, ivGenerator, tag },
});

/** Reads the fields of the object into which the module wrote. */
function written<T extends { tag: Buffer }>(raw: T & RawParameter, iv: (raw: T) => Buffer): MessageParameter {
  return {
    raw,
    get iv() {
      return iv(raw);
    },
    get tag() {
      return raw.tag;
    },
  };
}

const GCM: MessageCipher = {
  ...{ title: 'AES-GCM', mechanism: 'AES_GCM', node: 'aes-256-gcm', keyType: 'AES' },
  parameter: (iv, tag = Buffer.alloc(16)) => written(gcm(iv, tag, CKG.NO_GENERATE, 0), (raw) => raw.iv),
};

const CHACHA: MessageCipher = {
  title: 'ChaCha20-Poly1305',
  ...{ mechanism: 'CHACHA20_POLY1305', node: 'chacha20-poly1305', keyType: 'CHACHA20' },
  parameter: (nonce, tag = Buffer.alloc(16)) => {
    const structure = 'CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS' as const;
    return written({ structure, nonce, tag }, (raw) => raw.nonce);
  },
};

export function message(contract: Contract): void {
  const { test } = contract.chapter('message');
  const needs = (its: MessageCipher, way: 'ENCRYPT' | 'DECRYPT') => [
    ...['write', 'import', `${its.mechanism}:MESSAGE_${way}`],
  ];
  const mechanismOf = (its: MessageCipher): RawMechanism => ({ mechanism: CKM[its.mechanism] });

  const keyOf = (its: MessageCipher): Promise<{ key: SecretKey; value: Buffer }> =>
    contract.keyFor(`message ${its.title}`, async () => {
      const value = randomBytes(32);
      return { value, key: await contract.secret(its.keyType, value, { encrypt: true, decrypt: true }) };
    });

  const seal = (its: MessageCipher, value: Buffer, iv: Buffer, data: Buffer) => {
    const cipher = createCipheriv(its.node as 'aes-256-gcm', value, iv, { authTagLength: 16 });
    cipher.setAAD(AAD, { plaintextLength: data.length });
    const ciphertext = Buffer.concat([cipher.update(data), cipher.final()]);
    return { ciphertext, tag: cipher.getAuthTag() };
  };

  const open = (
    its: MessageCipher,
    value: Buffer,
    { iv, tag }: MessageParameter,
    ciphertext: Buffer,
  ): Buffer => {
    const decipher = createDecipheriv(its.node as 'aes-256-gcm', value, iv, { authTagLength: 16 });
    decipher.setAAD(AAD, { plaintextLength: ciphertext.length }).setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  };

  for (const its of [GCM, CHACHA]) {
    test(`${its.title}: one message after another, as node:crypto does`, needs(its, 'ENCRYPT'), async () => {
      const { raw, session } = contract;
      const { key, value } = await keyOf(its);
      await raw.C_MessageEncryptInit(session.handle, mechanismOf(its), key.handle);
      for (const size of SIZES) {
        const data = Buffer.alloc(size, 'plain');
        const iv = randomBytes(12);
        const expected = seal(its, value, iv, data);
        const first = its.parameter(iv);
        const ciphertext = await raw.C_EncryptMessage(session.handle, first.raw, AAD, data);
        expect(ciphertext.equals(expected.ciphertext), `${size} bytes`).toBe(true);
        expect(first.tag).toEqual(expected.tag);
        const second = its.parameter(iv);
        const again = raw.C_EncryptMessageSync(session.handle, second.raw, AAD, data);
        expect(again.equals(expected.ciphertext), `${size} bytes`).toBe(true);
        expect(second.tag).toEqual(expected.tag);
      }
      await raw.C_MessageEncryptFinal(session.handle);
    });

    test(`${its.title}: decrypts messages of node:crypto, and no others`, needs(its, 'DECRYPT'), async () => {
      const { raw, session } = contract;
      const { key, value } = await keyOf(its);
      await raw.C_MessageDecryptInit(session.handle, mechanismOf(its), key.handle);
      for (const size of SIZES) {
        const data = Buffer.alloc(size, 'plain');
        const iv = randomBytes(12);
        const { ciphertext, tag } = seal(its, value, iv, data);
        const decrypt = (bytes: Buffer, itsTag: Buffer, aad = AAD) =>
          raw.C_DecryptMessage(session.handle, its.parameter(iv, itsTag).raw, aad, bytes);
        expect((await decrypt(ciphertext, tag)).equals(data), `${size} bytes`).toBe(true);
        const longer = Buffer.concat([ciphertext, Buffer.alloc(1)]);
        for (const attempt of [
          () => decrypt(ciphertext, Buffer.alloc(16)),
          () => decrypt(ciphertext, tag, Buffer.from('other data')),
          () => decrypt(longer, tag),
        ]) {
          expect(await codeOf(attempt)).toEqual(contract.code('a wrong tag of a message'));
        }
        expect((await decrypt(ciphertext, tag)).equals(data), 'after errors').toBe(true);
      }
      await raw.C_MessageDecryptFinal(session.handle);
    });
  }

  for (const [name, ivGenerator, ivFixedBits] of [
    ['counted', CKG.GENERATE_COUNTER, 32],
    ['as it likes', CKG.GENERATE, 32],
    ['at random', CKG.GENERATE_RANDOM, 0],
  ] as const) {
    test(`AES-GCM: the module generates the IV: ${name}`, needs(GCM, 'ENCRYPT'), async () => {
      const { raw, session } = contract;
      const { key, value } = await keyOf(GCM);
      await raw.C_MessageEncryptInit(session.handle, mechanismOf(GCM), key.handle);
      const seen = new Set<string>();
      for (let i = 0; i < 5; i++) {
        const parameter = gcm(Buffer.alloc(12, 1), Buffer.alloc(16), ivGenerator, ivFixedBits);
        const data = Buffer.from(`message ${i}`);
        const ciphertext = await raw.C_EncryptMessage(session.handle, parameter, AAD, data);
        const its = written(parameter, (each) => each.iv);
        expect(open(GCM, value, its, ciphertext)).toEqual(data);
        seen.add(its.iv.toString('hex'));
        if (ivFixedBits > 0) expect(its.iv.subarray(0, 4)).toEqual(Buffer.alloc(4, 1));
      }
      expect(seen.size).toBe(5);
      await raw.C_MessageEncryptFinal(session.handle);
    });
  }

  test('AES-GCM: a message in parts', needs(GCM, 'ENCRYPT'), async () => {
    const { raw, session } = contract;
    const { key, value } = await keyOf(GCM);
    await raw.C_MessageEncryptInit(session.handle, mechanismOf(GCM), key.handle);
    const its = GCM.parameter(randomBytes(12));
    await raw.C_EncryptMessageBegin(session.handle, its.raw, AAD);
    const [first, second] = [Buffer.from('one '), Buffer.alloc(5_000, 3)];
    const ciphertext = [
      await raw.C_EncryptMessageNext(session.handle, its.raw, first, 0),
      await raw.C_EncryptMessageNext(session.handle, its.raw, second, CKF.END_OF_MESSAGE),
    ];
    expect(open(GCM, value, its, Buffer.concat(ciphertext))).toEqual(Buffer.concat([first, second]));
    await raw.C_MessageEncryptFinal(session.handle);
  });

  test('a message without an Init call is refused', needs(GCM, 'ENCRYPT'), async () => {
    const { raw, session } = contract;
    const parameter = GCM.parameter(randomBytes(12)).raw;
    for (const attempt of [
      () => raw.C_EncryptMessage(session.handle, parameter, AAD, AAD),
      () => raw.C_DecryptMessage(session.handle, parameter, AAD, AAD),
      () => raw.C_MessageEncryptFinal(session.handle),
      () => raw.C_MessageDecryptFinal(session.handle),
    ]) {
      expect(await codeOf(attempt)).toEqual(contract.code('an operation without a beginning'));
    }
  });

  test('a second Init call is refused', needs(GCM, 'ENCRYPT'), async () => {
    const { raw, session } = contract;
    const { key } = await keyOf(GCM);
    const begin = () => raw.C_MessageEncryptInit(session.handle, mechanismOf(GCM), key.handle);
    await begin();
    expect(await codeOf(begin)).toEqual(contract.code('a second operation'));
    await raw.C_MessageEncryptFinal(session.handle);
  });

  test('a cipher without messages is refused', [...needs(GCM, 'ENCRYPT'), 'AES_CBC:ENCRYPT'], async () => {
    const { raw, session } = contract;
    const { key } = await keyOf(GCM);
    const begin = raw.C_MessageEncryptInit(session.handle, { mechanism: CKM.AES_CBC }, key.handle);
    expect(await codeOf(begin)).toEqual(contract.code('a mechanism it does not have'));
  });
}
