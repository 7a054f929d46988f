import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Client,
  ClientSecretKey,
  connect,
  type KeyPair,
  Module,
  SecretKey,
  type Session,
} from 'cryptoki';
import { CKP } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeEncapsulate, nodeHasMlKem, nodeKey } from '../../contract/suite/post-quantum';
import { failure } from '../../support/open';

/** Set by scripts/newest-nss.mjs. */
const library = process.env.CRYPTOKI_NEWEST_NSS_MODULE;

const SETS = [
  ['ML-KEM-512', CKP.ML_KEM_512, 1],
  ['ML-KEM-768', CKP.ML_KEM_768, 2],
  ['ML-KEM-1024', CKP.ML_KEM_1024, 3],
] as const;
const READABLE = { sensitive: false, extractable: true } as const;

// Needs the newest NSS: npm run test:newest.
describe.skipIf(library === undefined)('encapsulate() and decapsulate() on the newest NSS', () => {
  let folder: string;
  let module: Module;
  let session: Session;
  let client: Client;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cryptoki-nss-'));
    const libraryParameters = `configdir='sql:${folder}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`;
    const path = library as string;
    module = await Module.open(path, { libraryParameters });
    session = await (await module.token({ slot: 2 })).openSession({ readWrite: true });
    await session.login(null, { user: 'SO' });
    await module.raw.C_InitPIN(session.handle, '1234');
    await session.logout();
    await session.login('1234');
    client = await connect({ module: path, token: { slot: 2 } }, { pin: '1234' });
  });
  afterAll(async () => {
    await client?.close();
    await module?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const pair = (parameterSet: number, token = false): Promise<KeyPair> =>
    session.generateKeyPair(
      { mechanism: 'ML_KEM_KEY_PAIR_GEN' },
      {
        ...{ usage: [], token, label: `kem ${parameterSet} ${token}` },
        publicKey: { parameterSet, encapsulate: true },
        privateKey: { decapsulate: true },
      },
    );

  test.each(SETS)('%s: both sides get the same key', async (_name, parameterSet) => {
    const { publicKey, privateKey } = await pair(parameterSet);
    const { ciphertext, key } = await publicKey.encapsulate('ML-KEM', READABLE);
    const back = await privateKey.decapsulate('ML-KEM', ciphertext, READABLE);
    expect([key, back].every((one) => one instanceof SecretKey)).toBe(true);
    const value = await key.attribute('value');
    expect(value).toHaveLength(32);
    expect(await back.attribute('value')).toEqual(value);
  });

  test.skipIf(!nodeHasMlKem).each(SETS)(
    '%s: a ciphertext of node:crypto gives its key',
    async (_name, set, oid) => {
      const { publicKey, privateKey } = await pair(set);
      const { sharedKey, ciphertext } = nodeEncapsulate(await nodeKey(publicKey, [4, oid]));
      const key = await privateKey.decapsulate('ML-KEM', ciphertext, READABLE);
      expect(await key.attribute('value')).toEqual(sharedKey);
    },
  );

  test('the keys can do what was asked for only, and cannot be read', async () => {
    const { publicKey, privateKey } = await pair(CKP.ML_KEM_768);
    const options = { keyType: 'AES', usage: ['encrypt'], label: 'agreed' } as const;
    const { ciphertext, key } = await publicKey.encapsulate('ML-KEM', options);
    const back = await privateKey.decapsulate('ML-KEM', ciphertext, options);
    for (const one of [key, back]) {
      expect(one).toMatchObject({ keyType: 'AES', label: 'agreed', isTokenObject: false });
      expect(await one.attributes('sensitive', 'extractable', 'encrypt', 'sign', 'wrap', 'derive')).toEqual({
        ...{ sensitive: true, extractable: false, encrypt: true, sign: false, wrap: false, derive: false },
      });
    }
    const iv = Buffer.alloc(12, 1);
    const secret = await key.encrypt({ name: 'AES-GCM', iv }, Buffer.from('m'));
    expect(await back.decrypt({ name: 'AES-GCM', iv }, secret)).toEqual(Buffer.from('m'));
  });

  test('a ciphertext of a wrong length is refused, and nothing is left', async () => {
    const { publicKey, privateKey } = await pair(CKP.ML_KEM_768);
    const before = (await session.find('all')).length;
    const error = await failure(privateKey.decapsulate('ML-KEM', Buffer.alloc(100)));
    expect(error).toMatchObject({ code: expect.stringMatching(/^CKR_/) });
    expect(await failure(publicKey.encapsulate('ML-KEM', { lable: 'x' } as never))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    expect((await session.find('all')).length).toBe(before);
  });

  test('the keys of a client agree', async () => {
    await pair(CKP.ML_KEM_768, true);
    const label = `kem ${CKP.ML_KEM_768} true`;
    const [publicKey, privateKey] = [await client.publicKey({ label }), await client.privateKey({ label })];
    const { ciphertext, key } = await publicKey.encapsulate('ML-KEM', READABLE);
    expect(key).toBeInstanceOf(ClientSecretKey);
    await using one = key;
    await using back = await privateKey.decapsulate('ML-KEM', ciphertext, READABLE);
    expect(await back.attributes('value')).toEqual(await one.attributes('value'));
  });
});
