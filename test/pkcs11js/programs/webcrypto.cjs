// A program on node-webcrypto-p11: node webcrypto.cjs FOLDER MODULE, with PIN in the environment. Prints one JSON object
// with the result of each step.

const assert = require('node:assert/strict');
const nodeCrypto = require('node:crypto');
const { createRequire } = require('node:module');
const { join } = require('node:path');

const [, , folder, library] = process.argv;
const require_ = createRequire(join(folder, 'program.js'));
const { Crypto } = require_('node-webcrypto-p11');
const { X509CertificateGenerator } = require_('@peculiar/x509');

const done = {};
const message = Buffer.from('what is signed and encrypted');
const crypto = new Crypto({ library, name: 'SoftHSM', slot: 0, readWrite: true, pin: process.env.PIN });
const { subtle } = crypto;

async function signs(algorithm, options, usages = ['sign', 'verify']) {
  const { publicKey, privateKey } = await subtle.generateKey(algorithm, false, usages);
  const signature = Buffer.from(await subtle.sign(options, privateKey, message));
  const isValid = await subtle.verify(options, publicKey, signature, message);
  const isOther = await subtle.verify(options, publicKey, signature, Buffer.from('other'));
  const spki = await subtle.exportKey('spki', publicKey);
  const key = await nodeCrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
  return [isValid, isOther, await nodeCrypto.subtle.verify(options, key, signature, message)];
}

async function encrypts(algorithm, options) {
  const key = await subtle.generateKey(algorithm, true, ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']);
  const encrypted = await subtle.encrypt(options, key, message);
  const plain = Buffer.from(await subtle.decrypt(options, key, encrypted));
  const raw = await subtle.exportKey('raw', key);
  const same = await nodeCrypto.subtle.importKey('raw', raw, algorithm.name, true, ['decrypt']);
  const there = Buffer.from(await nodeCrypto.subtle.decrypt(options, same, encrypted));
  const wrapped = await subtle.wrapKey('raw', key, key, options);
  const usages = ['encrypt', 'decrypt'];
  const unwrapped = await subtle.unwrapKey('raw', wrapped, key, options, algorithm, true, usages);
  const back = Buffer.from(await subtle.exportKey('raw', unwrapped));
  return [plain.equals(message), there.equals(message), back.equals(Buffer.from(raw))];
}

async function oaep() {
  const algorithm = {
    name: 'RSA-OAEP',
    hash: 'SHA-1',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  };
  const { publicKey, privateKey } = await subtle.generateKey(algorithm, false, ['encrypt', 'decrypt']);
  const encrypted = await subtle.encrypt({ name: 'RSA-OAEP' }, publicKey, message);
  return Buffer.from(await subtle.decrypt({ name: 'RSA-OAEP' }, privateKey, encrypted)).equals(message);
}

async function derives() {
  const algorithm = { name: 'ECDH', namedCurve: 'P-256' };
  const [one, two] = [
    await subtle.generateKey(algorithm, false, ['deriveKey', 'deriveBits']),
    await subtle.generateKey(algorithm, false, ['deriveKey', 'deriveBits']),
  ];
  const derive = (mine, theirs) =>
    subtle.deriveBits({ name: 'ECDH', public: theirs.publicKey }, mine.privateKey, 256);
  const [there, back] = [await derive(one, two), await derive(two, one)];
  return Buffer.from(there).equals(Buffer.from(back));
}

async function stores() {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const options = { name: 'ECDSA', hash: 'SHA-256' };
  const full = { ...algorithm, hash: 'SHA-256' };
  const keys = await subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const id = await crypto.keyStorage.setItem(keys.privateKey);
  await crypto.keyStorage.setItem(keys.publicKey);
  const found = await crypto.keyStorage.getItem(id);
  const signature = await subtle.sign(options, found, message);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { serialNumber: '01', name: 'CN=test', keys, signingAlgorithm: options },
    crypto,
  );
  const imported = await crypto.certStorage.importCert('raw', certificate.rawData, full, ['verify']);
  const index = await crypto.certStorage.setItem(imported);
  const stored = await crypto.certStorage.getItem(index, full, ['verify']);
  const raw = Buffer.from(await crypto.certStorage.exportCert('raw', stored));
  return {
    keys: (await crypto.keyStorage.keys()).length,
    signature: await subtle.verify(options, keys.publicKey, signature, message),
    certificates: (await crypto.certStorage.keys()).length,
    subject: stored.subjectName,
    certificate: new nodeCrypto.X509Certificate(raw).checkIssued(new nodeCrypto.X509Certificate(raw)),
    verified: await subtle.verify(options, stored.publicKey, signature, message),
  };
}

async function main() {
  done.digest = Buffer.from(await subtle.digest('SHA-256', message)).equals(
    nodeCrypto.createHash('sha256').update(message).digest(),
  );
  done.ecdsa = await signs({ name: 'ECDSA', namedCurve: 'P-256' }, { name: 'ECDSA', hash: 'SHA-256' });
  const rsa = { hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 };
  done.rsa = await signs({ ...rsa, name: 'RSASSA-PKCS1-v1_5' }, { name: 'RSASSA-PKCS1-v1_5' });
  done.pss = await signs({ ...rsa, name: 'RSA-PSS' }, { name: 'RSA-PSS', saltLength: 32 });
  done.cbc = await encrypts({ name: 'AES-CBC', length: 256 }, { name: 'AES-CBC', iv: Buffer.alloc(16, 4) });
  done.gcm = await encrypts({ name: 'AES-GCM', length: 128 }, { name: 'AES-GCM', iv: Buffer.alloc(12, 4) });
  done.oaep = await oaep();
  done.derives = await derives();
  done.stores = await stores();
  done.random = crypto.getRandomValues(new Uint8Array(16)).some((byte) => byte !== 0);
  // A second instance in the same process, as in web servers: it gets CKR_CRYPTOKI_ALREADY_INITIALIZED.
  const second = new Crypto({ library, name: 'SoftHSM', slot: 0, readWrite: true, pin: process.env.PIN });
  done.second = (await second.keyStorage.keys()).length === done.stores.keys;
  crypto.close();
  assert.throws(() => second.session.generateRandom(4), { message: /CKR_CRYPTOKI_NOT_INITIALIZED/ });
  console.log(JSON.stringify(done));
}

main();
