import { createHash, generateKeyPairSync, type X509Certificate } from 'node:crypto';
import { Certificate, type Session } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { tlv } from '../../support/card/tlv.mjs';
import { issue } from '../../support/certificate';
import { GROUNDS } from './grounds';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const root = issue({ subject: 'the root', key: rsa.privateKey, signer: rsa.privateKey, serialNumber: 0xf0n });
const leaf = issue({
  ...{ subject: 'the leaf', issuer: 'the root', key: ec.publicKey, signer: rsa.privateKey },
  serialNumber: 0x0102030405060708n,
});
const named = (text: string) =>
  tlv(0x30, tlv(0x31, tlv(0x30, tlv(0x06, Buffer.from('550403', 'hex')), tlv(0x0c, Buffer.from(text)))));
const keyId = (certificate: X509Certificate): Buffer => {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  const isRsa = certificate.publicKey.asymmetricKeyType === 'rsa';
  const content = isRsa ? certificate.publicKey.export({ type: 'pkcs1', format: 'der' }) : spki.subarray(-65);
  return createHash('sha1').update(content).digest();
};

describe.each(GROUNDS)('importCertificate() on $name', ({ whyNot, open }) => {
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

  testOn.each([
    ['PEM', leaf.toString()],
    ['PEM as bytes', Buffer.from(leaf.toString())],
    ['DER', leaf.raw],
    ['an X509Certificate', leaf],
  ])('imports a certificate from %s with subject, issuer, serial number and id', async (_form, input) => {
    const imported = await session.importCertificate(input, { label: 'leaf', token: true });
    expect(imported).toBeInstanceOf(Certificate);
    expect([imported.label, imported.isTokenObject, imported.isPrivate]).toEqual(['leaf', true, false]);
    expect(imported.id).toEqual(keyId(leaf));
    expect((await imported.toX509()).raw).toEqual(leaf.raw);
    expect(
      await imported.attributes('certificateType', 'subject', 'issuer', 'serialNumber', 'value'),
    ).toEqual({
      certificateType: 'X_509',
      subject: named('the leaf'),
      issuer: named('the root'),
      serialNumber: Buffer.from('02080102030405060708', 'hex'),
      value: leaf.raw,
    });
  });

  testOn('reads certificates of version 1, which have no field for the version', async () => {
    const old = issue({ subject: 'old', key: ec.publicKey, signer: rsa.privateKey, issuer: 'x', version: 1 });
    const imported = await session.importCertificate(old);
    expect(await imported.attributes('subject', 'issuer', 'serialNumber')).toEqual({
      subject: named('old'),
      issuer: named('x'),
      serialNumber: Buffer.from('020101', 'hex'),
    });
  });

  testOn('gets the id of the private key on the token that has the same public key', async () => {
    const id = Buffer.from('my id');
    const key = await session.importKey(rsa.privateKey, { class: 'PRIVATE_KEY', id });
    const imported = await session.importCertificate(root);
    expect(imported.id).toEqual(id);
    expect((await key.certificate()).handle).toBe(imported.handle);
    expect((await imported.privateKey()).handle).toBe(key.handle);
  });

  testOn('gets the id of the public key on the token that is the same', async () => {
    const id = Buffer.from('my id');
    const pair = await session.generateKeyPair('EC', { curve: 'P-256', id });
    const publicKey = await pair.publicKey.toKeyObject();
    const certificate = issue({
      subject: 'generated',
      issuer: 'the root',
      key: publicKey,
      signer: rsa.privateKey,
    });
    const imported = await session.importCertificate(certificate);
    expect(imported.id).toEqual(id);
    expect((await pair.privateKey.certificate()).handle).toBe(imported.handle);
    expect((await imported.publicKey()).handle).toBe(pair.publicKey.handle);
  });

  testOn('has the same id as a key that is imported later', async () => {
    const imported = await session.importCertificate(leaf);
    const key = await session.importKey(ec.privateKey, { class: 'PRIVATE_KEY' });
    expect(key.id).toEqual(imported.id);
    expect((await (await key.certificate()).toX509()).fingerprint256).toBe(leaf.fingerprint256);
  });

  testOn('an id of the options replaces that of the key', async () => {
    await session.importKey(ec.privateKey);
    const imported = await session.importCertificate(leaf, { id: Buffer.from([1]) });
    expect(imported.id).toEqual(Buffer.from([1]));
  });

  testOn('importCertificates() imports a chain in PEM, with label and id for the first', async () => {
    const chain = await session.importCertificates(`# leaf\n${leaf}\n# root\n${root}`, {
      ...{ label: 'mine', id: Buffer.from([5]) },
    });
    expect(chain.map(({ label }) => label || undefined)).toEqual(['mine', undefined]);
    expect(chain.map(({ id }) => id)).toEqual([Buffer.from([5]), keyId(root)]);
    const found = await (chain[0] as Certificate).certificateChain();
    expect(found.map(({ handle }) => handle)).toEqual(chain.map(({ handle }) => handle));
  });

  testOn('importCertificates() imports an array of different forms', async () => {
    const chain = await session.importCertificates([leaf, root.raw]);
    const texts = await Promise.all(chain.map(async (each) => (await each.toX509()).subject));
    expect(texts).toEqual(['CN=the leaf', 'CN=the root']);
  });
});
