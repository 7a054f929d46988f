import { generateKeyPairSync } from 'node:crypto';
import type { Session } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { issue } from '../../support/certificate';
import { failure } from '../../support/open';
import { GROUNDS } from '../import/grounds';

const pairs = {
  EC: [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ],
  RSA: [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ],
} as const;
const id = Buffer.from('the id of both');

describe.each(GROUNDS)('the objects that belong to a key on $name', ({ name, whyNot, open }) => {
  let session: Session;
  let close: () => Promise<void>;
  beforeAll(async () => {
    if (whyNot === undefined) ({ session, close } = await open());
  });
  afterAll(() => close?.());
  afterEach(async () => {
    if (whyNot !== undefined) return;
    for (const object of await session.find('all')) await object.destroy().catch(() => {});
  });
  const testOn = test.runIf(whyNot === undefined);

  testOn.each(['EC', 'RSA'] as const)('another %s key with the same id is not returned', async (type) => {
    const [mine, another] = pairs[type];
    const key = await session.importKey(mine.privateKey, { class: 'PRIVATE_KEY', id });
    await session.importKey(another.publicKey, { id });
    const foreign = issue({ subject: 'foreign', key: another.publicKey, signer: another.privateKey });
    await session.importCertificate(foreign, { id });
    const error = await failure(key.publicKey());
    expect(error.code).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
    expect(error.message).toContain('1 with its id or label belong to another key');
    expect((await failure(key.certificate())).code).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
    const half = await session.importKey(mine.publicKey, { class: 'PUBLIC_KEY', id });
    expect((await key.publicKey()).handle).toBe(half.handle);
    expect((await half.privateKey()).handle).toBe(key.handle);
    expect((await failure(half.certificate())).code).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
  });

  testOn('a public key of another type with the same id is not returned', async () => {
    const key = await session.importKey(pairs.EC[0].privateKey, { class: 'PRIVATE_KEY', id });
    await session.importKey(pairs.RSA[0].publicKey, { id });
    expect((await failure(key.publicKey())).code).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
  });

  // SoftHSM2 has keys on both kinds of curves as CKK_EC_EDWARDS.
  test.runIf(name === 'SoftHSM2')(
    'a Montgomery key with the id of an Edwards key is passed over',
    async () => {
      const edwards = generateKeyPairSync('ed25519');
      const key = await session.importKey(edwards.privateKey, { class: 'PRIVATE_KEY', id });
      await session.importKey(generateKeyPairSync('x25519').publicKey, { id });
      const error = await failure(key.publicKey());
      expect(error.message).toContain('1 with its id or label belong to another key');
      const half = await session.importKey(edwards.publicKey, { class: 'PUBLIC_KEY', id });
      expect((await key.publicKey()).handle).toBe(half.handle);
      expect(await key.tlsKey()).toContain('KEY REFERENCE');
    },
  );

  testOn('a public key with another id is found by its label', async () => {
    const key = await session.importKey(pairs.EC[0].privateKey, { class: 'PRIVATE_KEY', label: 'both', id });
    const half = await session.importKey(pairs.EC[0].publicKey, {
      ...{ class: 'PUBLIC_KEY', label: 'both', id: Buffer.from([1]) },
    });
    expect((await key.publicKey()).handle).toBe(half.handle);
  });

  // NSS derives with a key that has CKA_DERIVE = false.
  test.runIf(name === 'SoftHSM2')(
    'a key that cannot be tried reports that nothing proves the public key',
    async () => {
      const key = await session.importKey(pairs.EC[0].privateKey, {
        class: 'PRIVATE_KEY',
        usage: ['unwrap'],
      });
      await session.importKey(pairs.EC[0].publicKey);
      const error = await failure(key.publicKey());
      expect(error.code).toBe('ERR_CRYPTOKI_OBJECT_NOT_FOUND');
      expect(error.message).toContain('nothing proves');
    },
  );

  testOn('two different certificates of one key are ambiguous, copies are not', async () => {
    const [{ publicKey, privateKey }] = pairs.EC;
    const first = issue({ subject: 'first', key: publicKey, signer: privateKey });
    const key = await session.importKey(privateKey, { class: 'PRIVATE_KEY' });
    await session.importCertificate(first);
    await session.importCertificate(first).catch(() => {}); // a module may refuse the copy
    expect((await (await key.certificate()).toX509()).subject).toBe('CN=first');
    await session.importCertificate(
      issue({ subject: 'second', key: publicKey, signer: privateKey, serialNumber: 2n }),
    );
    expect((await failure(key.certificate())).code).toBe('ERR_CRYPTOKI_OBJECT_AMBIGUOUS');
  });

  testOn('a chain follows the signatures, not the names, and ends at the root', async () => {
    const [root, intermediate, impostor] = Array.from({ length: 3 }, () =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ) as [(typeof pairs)['EC'][0], (typeof pairs)['EC'][0], (typeof pairs)['EC'][0]];
    const [leafKey] = pairs.EC;
    const chain = [
      issue({ subject: 'leaf', issuer: 'ca', key: leafKey.publicKey, signer: intermediate.privateKey }),
      issue({
        subject: 'ca',
        issuer: 'root',
        key: intermediate.publicKey,
        signer: root.privateKey,
        serialNumber: 2n,
      }),
      issue({ subject: 'root', key: root.publicKey, signer: root.privateKey, serialNumber: 3n }),
    ];
    // The impostors have the names of the issuers; one has expired.
    await session.importCertificate(
      issue({
        subject: 'ca',
        issuer: 'root',
        key: impostor.publicKey,
        signer: root.privateKey,
        serialNumber: 4n,
      }),
    );
    await session.importCertificate(
      issue({
        ...{ subject: 'ca', issuer: 'root', key: intermediate.publicKey, signer: root.privateKey },
        ...{ serialNumber: 5n, years: [2001, 2002] },
      }),
    );
    await session.importCertificates([...chain].reverse());
    const key = await session.importKey(leafKey.privateKey, { class: 'PRIVATE_KEY' });
    const found = await Promise.all((await key.certificateChain()).map((each) => each.toX509()));
    expect(found.map(({ fingerprint256 }) => fingerprint256)).toEqual(
      chain.map(({ fingerprint256 }) => fingerprint256),
    );
  });

  testOn('a chain whose root is not on the token ends before it', async () => {
    const [{ publicKey }] = pairs.EC;
    const leaf = issue({ subject: 'leaf', issuer: 'far', key: publicKey, signer: pairs.RSA[0].privateKey });
    const imported = await session.importCertificate(leaf);
    expect(await imported.certificateChain()).toHaveLength(1);
  });

  testOn('a self-signed certificate is its own chain', async () => {
    const [{ publicKey, privateKey }] = pairs.RSA;
    const imported = await session.importCertificate(
      issue({ subject: 'self', key: publicKey, signer: privateKey }),
    );
    expect((await imported.certificateChain()).map(({ handle }) => handle)).toEqual([imported.handle]);
  });
});
