import { createSecretKey, generateKeyPairSync, verify } from 'node:crypto';
import { type Client, ClientCertificate, ClientPrivateKey, ClientPublicKey, ClientSecretKey } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { issue } from '../support/certificate';
import { failure, wrong } from '../support/open';
import { type Ground, MESSAGE, prepare } from './support/ground';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ca = generateKeyPairSync('rsa', { modulusLength: 2048 });
const leaf = issue({ subject: 'leaf', issuer: 'ca', key: publicKey, signer: ca.privateKey });
const root = issue({ subject: 'ca', key: ca.publicKey, signer: ca.privateKey, serialNumber: 2n });
const P1363 = { dsaEncoding: 'ieee-p1363' } as const;

describe('imports of a client', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await prepare('imports');
  });
  afterEach(() => ground.clean());
  afterAll(() => ground.close());

  async function empty(client: Client): Promise<void> {
    for (const object of await client.find('all')) await object.destroy();
  }

  test('importKey() returns keys of the client that work', async () => {
    const client = await ground.connect();
    const key = await client.importKey(privateKey, {
      ...{ class: 'PRIVATE_KEY', extractable: true, sensitive: false, timeout: 20_000 },
    });
    expect(key).toBeInstanceOf(ClientPrivateKey);
    const signature = await key.sign('ECDSA-SHA256', MESSAGE);
    expect(verify('sha256', MESSAGE, { key: publicKey, ...P1363 }, signature)).toBe(true);
    expect((await key.exportKey()).equals(privateKey)).toBe(true);
    const half = await client.importKey(publicKey, { class: 'PUBLIC_KEY' });
    expect(half).toBeInstanceOf(ClientPublicKey);
    expect(await half.export('pem')).toBe(publicKey.export({ type: 'spki', format: 'pem' }));
    const value = Buffer.alloc(16, 7);
    const secret = await client.importKey(value, {
      ...{ class: 'SECRET_KEY', keyType: 'AES', extractable: true, sensitive: false },
    });
    expect(secret).toBeInstanceOf(ClientSecretKey);
    expect((await secret.exportKey()).equals(createSecretKey(value))).toBe(true);
    for (const object of [key, half, secret]) await object.destroy();
  });

  test('a key in the token and its certificates are found from each other', async () => {
    const client = await ground.connect();
    const key = await client.importKey(privateKey, { class: 'PRIVATE_KEY', token: true, label: 'tls' });
    const half = await client.importKey(publicKey, { class: 'PUBLIC_KEY', token: true });
    const chain = await client.importCertificates([leaf, root], { token: true, label: 'tls' });
    expect(chain.every((each) => each instanceof ClientCertificate)).toBe(true);
    const again = await ground.connect();
    const found = await again.privateKey({ label: 'tls' });
    expect((await found.publicKey()).id).toEqual(half.id);
    expect((await (await found.certificate()).toX509()).fingerprint256).toBe(leaf.fingerprint256);
    const subjects = await Promise.all(
      (await found.certificateChain()).map(async (each) => (await each.toX509()).subject),
    );
    expect(subjects).toEqual(['CN=leaf', 'CN=ca']);
    const certificate = await again.certificate({ label: 'tls' });
    expect((await certificate.privateKey()).label).toBe('tls');
    expect((await (await certificate.publicKey()).toKeyObject()).equals(publicKey)).toBe(true);
    expect(await certificate.certificateChain()).toHaveLength(2);
    expect((await (await half.certificate()).toX509()).fingerprint256).toBe(leaf.fingerprint256);
    expect((await half.privateKey()).label).toBe('tls');
    expect(key.isTokenObject).toBe(true);
    await empty(client);
  });

  test('an imported key is found again, and proved, after its sessions were lost', async () => {
    const client = await ground.connect();
    const key = await client.importKey(privateKey, { class: 'PRIVATE_KEY', token: true, label: 'kept' });
    await ground.logOutElsewhere();
    const signature = await key.sign('ECDSA-SHA256', MESSAGE);
    expect(verify('sha256', MESSAGE, { key: publicKey, ...P1363 }, signature)).toBe(true);
    await empty(client);
  });

  test('the import is repeated after an error that proves that nothing was created', async () => {
    const client = await ground.connect();
    ground.fault.plan([{ function: 'C_CreateObject', nth: 1, return: 'CKR_USER_NOT_LOGGED_IN' }]);
    const key = await client.importKey(privateKey, { class: 'PRIVATE_KEY' });
    ground.fault.clear();
    const signature = await key.sign('ECDSA-SHA256', MESSAGE);
    expect(verify('sha256', MESSAGE, { key: publicKey, ...P1363 }, signature)).toBe(true);
    await key.destroy();
  });

  test('the input may be changed after the call', async () => {
    const client = await ground.connect();
    const value = Buffer.alloc(16, 9);
    const id = Buffer.from([1, 2, 3]);
    const importing = client.importKey(value, {
      ...{ class: 'SECRET_KEY', keyType: 'AES', id, extractable: true, sensitive: false },
    });
    value.fill(0);
    id.fill(0);
    const key = await importing;
    expect((await key.exportKey()).export()).toEqual(Buffer.alloc(16, 9));
    expect(key.id).toEqual(Buffer.from([1, 2, 3]));
    await key.destroy();
  });

  test('bad input is refused before a session is lent', async () => {
    const client = await ground.connect();
    const { operations, errors } = client.statistics();
    expect((await failure(client.importKey('no key'))).code).toBe('ERR_INVALID_ARG_VALUE');
    expect((await failure(client.importKey(privateKey, wrong<object>({ lable: 'x' })))).code).toBe(
      'ERR_INVALID_ARG_VALUE',
    );
    expect((await failure(client.importCertificate('no certificate'))).code).toBe('ERR_INVALID_ARG_VALUE');
    expect((await failure(client.importCertificates([]))).code).toBe('ERR_INVALID_ARG_VALUE');
    expect((await failure(client.importKey(privateKey, wrong<object>(null)))).code).toBe(
      'ERR_INVALID_ARG_TYPE',
    );
    expect(client.statistics()).toMatchObject({ operations, errors });
  });

  test.each([false, true])('an aborted import with token: %s leaves no object', async (token) => {
    const client = await ground.connect();
    const controller = new AbortController();
    ground.fault.plan([{ function: 'C_CreateObject', delay: 200 }]);
    const importing = client.importKey(privateKey, { token, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 50);
    expect((await failure(importing)).message).toBe('enough');
    await expect.poll(() => ground.fault.counters().calls.C_DestroyObject).toBe(1);
    ground.fault.clear();
    expect(await client.find('all')).toEqual([]);
  });
});
