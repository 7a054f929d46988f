import { createDecipheriv } from 'node:crypto';
import { type Client, connect, type SecretKey } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../../support/fault';
import { failure } from '../../support/open';

const VALUE = Buffer.alloc(32, 'value');
const MESSAGE = Buffer.from('a message');
const GIVEN = Buffer.alloc(12, 7);

type Gcm = { name: string; iv: Buffer };
const gcm = (): Gcm => ({ name: 'AES-GCM', iv: Buffer.from(GIVEN) });

function decrypted(ciphertext: Buffer, iv: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', VALUE, iv);
  decipher.setAuthTag(ciphertext.subarray(-16));
  return Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()]);
}

let faulty: Faulty;
let key: SecretKey;
let client: Client;
beforeAll(async () => {
  faulty = await openFaulty();
  key = (await faulty.session.createObject({
    ...{ class: 'SECRET_KEY', keyType: 'AES', value: VALUE, token: true, label: 'aes' },
    ...{ encrypt: true, decrypt: true },
  })) as SecretKey;
  client = await connect(
    { module: faulty.hsm.path, token: { label: faulty.soft.label } },
    { pin: faulty.soft.pin },
  );
});
afterAll(async () => {
  await client.close();
  await faulty.close();
});

describe.each([
  ['at the end of an encryption', 'gcm-iv-from-module'],
  ['at its beginning', 'gcm-iv-in-init'],
] as const)('with a module that makes the IVs of AES-GCM %s', (_when, oddity) => {
  beforeEach(() => faulty.hsm.plan([{ function: '*', oddity }]));
  afterEach(() => faulty.hsm.clear());

  /** The IV that was used is in both places, and decrypts. */
  function expectUsed(ciphertext: Buffer & { readonly iv?: Buffer }, algorithm: Gcm): void {
    expect(algorithm.iv).not.toEqual(GIVEN);
    expect(ciphertext.iv).toEqual(algorithm.iv);
    expect(decrypted(ciphertext, ciphertext.iv as Buffer)).toEqual(MESSAGE);
  }

  test('encrypt() sets the IV in the algorithm and returns it with the ciphertext', async () => {
    const algorithm = gcm();
    expectUsed(await key.encrypt(algorithm, MESSAGE), algorithm);
  });

  test('encryptSync() does the same', () => {
    const algorithm = gcm();
    expectUsed(key.encryptSync(algorithm, MESSAGE), algorithm);
  });

  test('a client does the same', async () => {
    const algorithm = gcm();
    expectUsed(await (await client.secretKey({ label: 'aes' })).encrypt(algorithm, MESSAGE), algorithm);
  });

  test('simultaneous operations with one algorithm return their own IVs', async () => {
    const algorithm = gcm();
    const all = await Promise.all(Array.from({ length: 8 }, () => key.encrypt(algorithm, MESSAGE)));
    expect(new Set(all.map(({ iv }) => iv?.toString('hex'))).size).toBe(8);
    for (const ciphertext of all) expect(decrypted(ciphertext, ciphertext.iv as Buffer)).toEqual(MESSAGE);
  });

  test.each([
    ['the model', () => key],
    ['a client', () => client.secretKey({ label: 'aes' })],
  ])('encryptMany() of %s does the same for each message', async (_, find) => {
    const its = await find();
    const algorithms = Array.from({ length: 20 }, gcm);
    const results = await its.encryptMany((index) => algorithms[index] as Gcm, new Array(20).fill(MESSAGE));
    for (const [index, ciphertext] of results.toArray().entries()) {
      expectUsed(ciphertext, algorithms[index] as Gcm);
    }
    for await (const { index, value } of its.encryptMany(
      (at) => algorithms[at] as Gcm,
      new Array(20).fill(MESSAGE).values(),
    )) {
      expectUsed(value as Buffer, algorithms[index] as Gcm);
    }
  });

  test.each([
    ['the model', () => key],
    ['a client', () => client.secretKey({ label: 'aes' })],
  ])('createEncrypt() of %s has the IV at its end, and sets it in the algorithm', async (_, find) => {
    const algorithm = gcm();
    const stream = (await find()).createEncrypt(algorithm);
    stream.end(MESSAGE);
    const ciphertext = Buffer.concat(await stream.toArray());
    expect(stream.iv).toEqual(algorithm.iv);
    expect(algorithm.iv).not.toEqual(GIVEN);
    expect(decrypted(ciphertext, stream.iv as Buffer)).toEqual(MESSAGE);
  });

  test('a mechanism gets the IV in its parameter, and the ciphertext has it too', async () => {
    const mechanism = { mechanism: 'AES_GCM', parameter: { iv: Buffer.from(GIVEN), tagBits: 128 } } as const;
    const ciphertext = await key.encrypt(mechanism, MESSAGE);
    expect(ciphertext.iv).toEqual(mechanism.parameter.iv);
    expect(decrypted(ciphertext, ciphertext.iv as Buffer)).toEqual(MESSAGE);
  });

  test('an algorithm object that cannot store the IV is an error', async () => {
    const frozen = Object.freeze(gcm());
    const wanted = { code: 'ERR_CRYPTOKI_UNSUPPORTED', message: expect.stringContaining('frozen') };
    expect(await failure(key.encrypt(frozen, MESSAGE))).toMatchObject(wanted);
    expect(await failure(() => key.encryptSync(frozen, MESSAGE))).toMatchObject(wanted);
    const theirs = await client.secretKey({ label: 'aes' });
    expect(await failure(theirs.encrypt(frozen, MESSAGE))).toMatchObject(wanted);
    const stream = key.createEncrypt(frozen);
    stream.end(MESSAGE);
    expect(await failure(stream.toArray())).toMatchObject(wanted);
    expect(await failure(key.encryptMany(() => frozen, [MESSAGE]))).toMatchObject(wanted);
  });
});

test('a module that uses the IV of the caller returns no IV', async () => {
  const algorithm = Object.freeze(gcm());
  const ciphertext = await key.encrypt(algorithm, MESSAGE);
  expect('iv' in ciphertext).toBe(false);
  expect(decrypted(ciphertext, GIVEN)).toEqual(MESSAGE);
  expect('iv' in key.encryptSync(algorithm, MESSAGE)).toBe(false);
  const stream = key.createEncrypt(algorithm);
  stream.end(MESSAGE);
  await stream.toArray();
  expect(stream.iv).toBeUndefined();
});

test('an empty IV is refused', async () => {
  const empty = { name: 'AES-GCM', iv: Buffer.alloc(0) };
  const wanted = { code: 'ERR_INVALID_ARG_VALUE', message: expect.stringContaining('must not be empty') };
  expect(await failure(key.encrypt(empty, MESSAGE))).toMatchObject(wanted);
  expect(await failure(() => key.encryptSync(empty, MESSAGE))).toMatchObject(wanted);
  expect(await failure(key.decrypt(empty, Buffer.alloc(16)))).toMatchObject(wanted);
  expect(await failure(key.encryptMany(() => empty, [MESSAGE]))).toMatchObject(wanted);
  expect(await failure(() => key.createEncrypt(empty))).toMatchObject(wanted);
});

test('one AES-GCM mechanism for many messages is refused', async () => {
  const mechanism = { mechanism: 'AES_GCM', parameter: { iv: GIVEN, tagBits: 128 } } as const;
  expect(await failure(async () => key.encryptMany(mechanism, [MESSAGE]))).toMatchObject({
    code: 'ERR_CRYPTOKI_UNSUPPORTED',
  });
});
