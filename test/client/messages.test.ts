import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Client } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyMechanism } from '../../dist/model/mechanisms/caller-copies';
import { type Ground, hold, prepare, signer } from './support/ground';

let ground: Ground;
let client: Client;
beforeAll(async () => {
  ground = await prepare('messages');
});
beforeEach(async () => {
  client = await ground.connect({ sessions: { max: 1 } });
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

const text = (): Buffer => Buffer.from('what was meant at the call');

/** Starts an operation while it has to wait, changes its arguments, and lets it continue. */
async function spoil<T>(begin: () => Promise<T>, ...given: (Buffer | Uint8Array)[]): Promise<T> {
  const one = await hold(client);
  const result = begin();
  await expect.poll(() => client.statistics().waiting).toBe(1);
  for (const bytes of given) bytes.fill(0xee);
  await one.back();
  return result;
}

describe('a change by the caller while an operation waits does not affect', () => {
  test('the message of a signature, in every type of bytes', async () => {
    const { privateKey, isRight } = await signer(client);
    const sign = (data: Buffer | Uint8Array | ArrayBuffer | DataView) =>
      privateKey.sign('ECDSA-SHA256', data);
    await sign(text()); // the client now has CKA_ALWAYS_AUTHENTICATE of this key and does not read it again
    const whole = text();
    expect(isRight(await spoil(() => sign(whole), whole), text())).toBe(true);
    const array = new Uint8Array(text());
    expect(isRight(await spoil(() => sign(array.buffer), array), text())).toBe(true);
    const part = Buffer.concat([Buffer.from('before'), text(), Buffer.from('after')]);
    const view = new DataView(part.buffer, part.byteOffset + 6, text().length);
    expect(isRight(await spoil(() => sign(view), part), text())).toBe(true);
  });

  test('message and signature of a verification', async () => {
    const { privateKey, publicKey } = await signer(client);
    const [message, signature] = [text(), await privateKey.sign('ECDSA-SHA256', text())];
    const verified = spoil(() => publicKey.verify('ECDSA-SHA256', message, signature), message, signature);
    expect(await verified).toBe(true);
  });

  test('the message of a digest', async () => {
    const message = text();
    const digest = await spoil(() => client.digest('SHA-256', message), message);
    expect(digest).toEqual(createHash('sha256').update(text()).digest());
  });

  test('text, IV and additional data of a cipher, by algorithm and by mechanism', async () => {
    const value = Buffer.alloc(32, 7);
    const template = {
      class: 'SECRET_KEY',
      keyType: 'AES',
      label: 'aes',
      encrypt: true,
      decrypt: true,
    } as const;
    await using made = await client.createObject({ ...template, value });
    expect(made.label).toBe('aes');
    const key = await client.secretKey({ label: 'aes' });
    const expected = (iv: Buffer, aad: Buffer): Buffer => {
      const cipher = createCipheriv('aes-256-gcm', value, iv).setAAD(aad);
      return Buffer.concat([cipher.update(text()), cipher.final(), cipher.getAuthTag()]);
    };
    const [iv, aad] = [Buffer.alloc(12, 1), Buffer.from('additional')];
    for (const kind of ['algorithm', 'mechanism']) {
      const [message, its, more] = [text(), Buffer.from(iv), Buffer.from(aad)];
      const algorithm =
        kind === 'algorithm'
          ? { name: 'AES-GCM', iv: its, additionalData: more }
          : { mechanism: 'AES_GCM' as const, parameter: { iv: its, aad: more, tagBits: 128 } };
      const encrypted = await spoil(() => key.encrypt(algorithm, message), message, its, more);
      expect(encrypted).toEqual(expected(iv, aad));
      const [again, last] = [Buffer.from(encrypted), Buffer.from(iv)];
      const decrypted = await spoil(
        () => key.decrypt({ name: 'AES-GCM', iv: last, additionalData: aad }, again),
        again,
        last,
      );
      expect(decrypted).toEqual(text());
    }
    const cbc = Buffer.alloc(16, 9);
    const [message, its] = [text(), Buffer.from(cbc)];
    const padded = await spoil(
      () => key.encrypt({ mechanism: 'AES_CBC_PAD', parameter: its }, message),
      message,
      its,
    );
    const decipher = createDecipheriv('aes-256-cbc', value, cbc);
    expect(Buffer.concat([decipher.update(padded), decipher.final()])).toEqual(text());
  });

  test('the attributes of an object to create or to search for', async () => {
    const [value, id] = [text(), Buffer.from('its id')];
    const object = await spoil(
      () => client.createObject({ class: 'DATA', private: false, label: 'data', value }),
      value,
    );
    expect((await object.attributes('value')).value).toEqual(text());
    await object.destroy();
    const key = await spoil(() => client.generateKey('AES', { valueLen: 16, id }), id);
    expect(key.id).toEqual(Buffer.from('its id'));
    const search = Buffer.from('its id');
    const found = await spoil(() => client.find({ id: search }), search);
    expect(found).toHaveLength(1);
    await key.destroy();
  });
});

test('the client copies output fields of a mechanism parameter back into the object of the caller', async () => {
  const parameter = { iv: Buffer.alloc(12), aad: Buffer.alloc(3), tagBits: 128 };
  const { iv, aad } = parameter;
  const { input, handBack } = copyMechanism({ mechanism: 'AES_GCM', parameter });
  const made = Buffer.alloc(12, 5);
  Object.assign((input as { parameter: object }).parameter, { iv: made }); // as the native code does
  expect(parameter.iv).toBe(iv);
  handBack?.();
  expect(parameter).toEqual({ iv: made, aad, tagBits: 128 });
  expect(parameter.aad).toBe(aad);
});
