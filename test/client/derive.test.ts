import {
  createDecipheriv,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { type Client, ClientSecretKey, connect } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure, wrong } from '../support/open';
import { type Ground, hold, prepare } from './support/ground';

let ground: Ground;
let client: Client;
beforeAll(async () => {
  ground = await prepare('derive', ['derive-2']);
});
beforeEach(async () => {
  client = await ground.connect({ sessions: { max: 2 } });
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

const peerKeys = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' });

async function agreement(token: boolean) {
  const pair = await client.generateKeyPair('EC', {
    ...{ curve: 'P-256', usage: ['derive'], token, label: `agreement ${Math.random()}` },
  });
  const peer = peerKeys();
  const publicObject = await pair.publicKey.toKeyObject();
  const secret = diffieHellman({ privateKey: peer.privateKey, publicKey: publicObject });
  return { ...pair, publicKeyOfPeer: peer.publicKey, secret };
}

test('deriveBits() agrees with node:crypto, and leaves no session object', async () => {
  const { privateKey, publicKeyOfPeer, secret } = await agreement(true);
  const before = (await client.find()).length;
  const algorithm = { name: 'ECDH', publicKey: publicKeyOfPeer };
  const all = await Promise.all(Array.from({ length: 20 }, () => privateKey.deriveBits(algorithm, 256)));
  for (const bits of all) expect(bits).toEqual(secret);
  expect((await client.find()).length).toBe(before);
  expect(client.statistics().pinned).toBe(0);
});

test('deriveBits() accepts a public key of the client', async () => {
  const [one, two] = [await agreement(true), await agreement(false)];
  const bits = await one.privateKey.deriveBits({ name: 'ECDH', publicKey: two.publicKey }, 256);
  expect(await two.privateKey.deriveBits({ name: 'ECDH', publicKey: one.publicKey }, 256)).toEqual(bits);
});

test('deriveBits() is repeated after a lost session and a lost login', async () => {
  const { privateKey, publicKeyOfPeer, secret } = await agreement(true);
  const algorithm = { name: 'ECDH', publicKey: publicKeyOfPeer };
  ground.fault.plan([{ function: 'C_DeriveKey', nth: 1, loseSession: true }]);
  expect(await privateKey.deriveBits(algorithm, 256)).toEqual(secret);
  ground.fault.clear();
  await ground.logOutElsewhere();
  expect(await privateKey.deriveBits(algorithm, 256)).toEqual(secret);
});

test('a change of the algorithm while the operation waits has no effect', async () => {
  await client.close();
  client = await ground.connect({ sessions: { max: 1 } });
  const { privateKey, publicKeyOfPeer, secret } = await agreement(true);
  const jwk = publicKeyOfPeer.export({ format: 'jwk' });
  const point = Buffer.concat([
    ...[Buffer.of(4), Buffer.from(String(jwk.x), 'base64url'), Buffer.from(String(jwk.y), 'base64url')],
  ]);
  const held = await hold(client);
  const bits = privateKey.deriveBits({ name: 'ECDH', publicKey: point }, 256);
  await expect.poll(() => client.statistics().waiting).toBe(1);
  point.fill(0);
  await held.back();
  expect(await bits).toEqual(secret);
});

test('deriveKey() returns a key that keeps its session until it is disposed of', async () => {
  const { privateKey, publicKeyOfPeer, secret } = await agreement(true);
  const algorithm = { name: 'ECDH', publicKey: publicKeyOfPeer };
  {
    await using key = await privateKey.deriveKey(algorithm, { keyType: 'AES', usage: ['encrypt'] });
    expect(key).toBeInstanceOf(ClientSecretKey);
    expect(key.isTokenObject).toBe(false);
    expect(client.statistics().pinned).toBe(1);
    const iv = randomBytes(16);
    const decipher = createDecipheriv('aes-256-cbc', secret, iv);
    const ciphertext = await key.encrypt({ name: 'AES-CBC', iv }, Buffer.from('m'));
    expect(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString()).toBe('m');
  }
  expect(client.statistics().pinned).toBe(0);
  const kept = await privateKey.deriveKey(algorithm, { keyType: 'AES', token: true, label: 'kept' });
  expect(kept.isTokenObject).toBe(true);
  expect((await client.secretKey({ label: 'kept' })).keyType).toBe('AES');
});

test('deriveKey() leaves nothing if its caller has stopped waiting', async () => {
  const { privateKey, publicKeyOfPeer } = await agreement(true);
  const before = (await client.find()).length;
  const stop = new AbortController();
  ground.fault.plan([{ function: 'C_DeriveKey', delay: 300 }]);
  const making = privateKey.deriveKey(
    { name: 'ECDH', publicKey: publicKeyOfPeer },
    { usage: ['derive'], signal: stop.signal },
  );
  setTimeout(() => stop.abort(new Error('enough')), 100);
  expect((await failure(making)).message).toBe('enough');
  await expect.poll(() => client.statistics().idle).toBeGreaterThan(0);
  await expect.poll(async () => (await client.find()).length).toBe(before);
});

describe('wrong arguments', () => {
  test('are refused before a call', async () => {
    const { privateKey, publicKeyOfPeer } = await agreement(true);
    const algorithm = { name: 'ECDH', publicKey: publicKeyOfPeer };
    expect(await failure(privateKey.deriveKey(algorithm, wrong({ lable: 'x' })))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    expect(await failure(privateKey.deriveKey(algorithm, wrong(7)))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
    expect(await failure(privateKey.deriveBits(algorithm, 257))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    expect(await failure(privateKey.deriveBits(algorithm, 256, wrong({ sginal: 1 })))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
});

test('a key of a group derives the same bits on each member', async () => {
  const id = randomBytes(8);
  const value = randomBytes(16);
  const { module, label, pin } = ground.test;
  for (const name of [label, 'derive-2']) {
    await using one = await connect({ module, token: { label: name } }, { pin });
    await one.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'AES', value, id, label: 'base', token: true },
      ...{ derive: true, encrypt: true, decrypt: true },
    });
  }
  await using group = await connect(
    [label, 'derive-2'].map((name) => ({ module, token: { label: name } })),
    { pin },
  );
  const key = await group.secretKey({ id });
  expect(key.members).toHaveLength(2);
  const algorithm = { mechanism: 'AES_ECB_ENCRYPT_DATA', parameter: { data: Buffer.alloc(32, 1) } } as const;
  const seen = await Promise.all(Array.from({ length: 6 }, () => key.deriveBits(algorithm, 256)));
  expect(new Set(seen.map((bits) => bits.toString('hex'))).size).toBe(1);
});
