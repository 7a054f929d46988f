import { verify } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { KeyPair, SecretKey, Session } from 'cryptoki';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../../support/open';
import { bytes, sha256, source } from './stream-support';

let opened: Opened;
let session: Session;
let rsa: KeyPair;
let aes: SecretKey;
beforeAll(async () => {
  opened = await openToken('stream-login');
  session = opened.session;
  rsa = await session.generateKeyPair('RSA');
  aes = await session.generateKey('AES');
});
afterAll(() => opened.close());

const MESSAGE = bytes(1_000_000);

describe('a key with CKA_ALWAYS_AUTHENTICATE', () => {
  let strict: KeyPair;
  const isRight = async (signature: Buffer) =>
    verify('sha256', MESSAGE, await strict.publicKey.toKeyObject(), signature);
  beforeEach(async () => {
    strict = await session.generateKeyPair('RSA', { privateKey: { alwaysAuthenticate: true } });
  });

  test('signs with the PIN, and keeps a copy of it until it is sent', async () => {
    const pin = Buffer.from(opened.test.pin);
    const stream = strict.privateKey.createSign('RSA-PKCS1-SHA256', { pin });
    pin.fill(0);
    await pipeline(source(MESSAGE), stream);
    expect(await isRight(await stream.result())).toBe(true);
    await expectHealthy();
  });

  test('reports the missing option without a PIN', async () => {
    const stream = strict.privateKey.createSign('RSA-PKCS1-SHA256');
    const error = await failure(pipeline(source(MESSAGE), stream));
    expect(error).toMatchObject({ code: 'CKR_USER_NOT_LOGGED_IN' });
    expect(error.message).toContain('give this operation the PIN, as { pin }');
    await expectHealthy();
  });

  test('causes a wrong PIN to be refused, and sent once', async () => {
    const attempt = () =>
      failure(
        pipeline(source(MESSAGE), strict.privateKey.createSign('RSA-PKCS1-SHA256', { pin: 'wrong-one' })),
      );
    expect(await attempt()).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    expect(await attempt()).toMatchObject({ code: 'ERR_CRYPTOKI_PIN_REFUSED' });
    await expectHealthy();
  });

  /** Checks that session and key still work. */
  async function expectHealthy(): Promise<void> {
    expect((await session.find({ class: 'PRIVATE_KEY' })).length).toBeGreaterThan(0);
    expect(await session.digest('SHA-256', MESSAGE)).toEqual(sha256(MESSAGE));
    const stream = strict.privateKey.createSign('RSA-PKCS1-SHA256', { pin: opened.test.pin });
    await stream.update(MESSAGE);
    expect(await isRight(await stream.final())).toBe(true);
  }
});

test.each<[string, () => unknown, string]>([
  ['an unknown name', () => rsa.privateKey.createSign('RSA'), 'ERR_INVALID_ARG_VALUE'],
  ['EdDSA', () => rsa.privateKey.createSign('EdDSA'), 'ERR_CRYPTOKI_UNSUPPORTED'],
  ['no algorithm', () => rsa.publicKey.createVerify(wrong(undefined)), 'ERR_INVALID_ARG_TYPE'],
  ['an unknown option', () => session.createDigest('SHA-256', wrong({ pin: '1' })), 'ERR_INVALID_ARG_VALUE'],
  [
    'a signal that is none',
    () => session.createDigest('SHA-256', wrong({ signal: 1 })),
    'ERR_INVALID_ARG_TYPE',
  ],
  ['an IV that is none', () => aes.createEncrypt({ name: 'AES-CBC', iv: 'text' }), 'ERR_INVALID_ARG_TYPE'],
  [
    'a signature that is none',
    () => rsa.publicKey.createVerify('RSA-PSS-SHA256', wrong('x')),
    'ERR_INVALID_ARG_TYPE',
  ],
  [
    'a PIN that is none',
    () => rsa.privateKey.createSign('RSA-PSS-SHA256', wrong({ pin: 1 })),
    'ERR_INVALID_ARG_TYPE',
  ],
  [
    'a chunk that is none',
    () => session.createDigest('SHA-256').update(wrong('text')),
    'ERR_INVALID_ARG_TYPE',
  ],
])('%s is refused at once', (_, create, code) => {
  expect(create).toThrow(expect.objectContaining({ code }));
});
