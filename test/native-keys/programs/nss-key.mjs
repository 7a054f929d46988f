// A key in NSS's token, opened by the model: operations that SoftHSM2 lacks, such as OAEP with SHA-2.
import crypto from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, Module } from './ground.mjs';

const [, library] = process.argv.slice(2);
const message = Buffer.from('a message');
const folder = mkdtempSync(join(tmpdir(), 'cryptoki-nss-'));
const libraryParameters = `configdir='sql:${folder}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`;
const module = await Module.open(library, { libraryParameters });
const token = await module.token({ slot: 2 });
const session = await token.openSession({ readWrite: true });
await session.login(null, { user: 'SO' });
await module.raw.C_InitPIN(session.handle, '1234');
await session.logout();
await session.login('1234');

async function make(keyType, options) {
  const id = Buffer.from(keyType);
  const pair = await session.generateKeyPair(keyType, { ...options, token: true, label: keyType, id });
  return { key: await pair.privateKey.toKeyObject(), publicKey: await pair.publicKey.toKeyObject() };
}

const rsa = await make('RSA', { modulusBits: 2048, usage: ['sign', 'decrypt'] });
const ec = await make('EC', { curve: 'P-256', usage: ['sign', 'derive'] });
for (const [name, { key, publicKey }] of Object.entries({ rsa, ec })) {
  await check(`${name} sign`, () =>
    crypto.verify('sha256', message, publicKey, crypto.sign('sha256', message, key)),
  );
}
await check('pss', () => {
  const options = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const signature = crypto.sign('sha256', message, { key: rsa.key, ...options });
  return crypto.verify('sha256', message, { key: rsa.publicKey, ...options }, signature);
});
for (const oaepHash of ['sha1', 'sha256', 'sha512']) {
  await check(`oaep ${oaepHash}`, () => {
    const options = { oaepHash, oaepLabel: Buffer.from('label') };
    const encrypted = crypto.publicEncrypt({ key: rsa.publicKey, ...options }, message);
    return crypto.privateDecrypt({ key: rsa.key, ...options }, encrypted).equals(message);
  });
}
await check('derive', () => {
  const peer = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ours = crypto.diffieHellman({ privateKey: ec.key, publicKey: peer.publicKey });
  return ours.equals(crypto.diffieHellman({ privateKey: peer.privateKey, publicKey: ec.publicKey }));
});
await session.logout();
await check('logged out', () => crypto.sign('sha256', message, ec.key));
await module.close();
await check('closed', () => crypto.sign('sha256', message, ec.key));
rmSync(folder, { recursive: true, force: true });
