// The public half of a native key must be proved to belong to it, regardless of its source.
import crypto from 'node:crypto';
import { check, prepare } from './ground.mjs';

const [library] = process.argv.slice(2);
const ground = await prepare(library);
const { client, hsm } = ground;
const message = Buffer.from('a message');

/** Returns true if a signature made with the PEM verifies with this public key. */
const signsFor = (pem, publicKey) =>
  crypto.verify('sha256', message, publicKey, crypto.sign('sha256', message, pem));

const id = Buffer.from('one id for all');
async function pair(type, label, options = {}) {
  const made = await client.generateKeyPair(type, { token: true, label, id, ...options });
  return { ...made, its: await made.publicKey.toKeyObject() };
}
const der = (pem) =>
  Buffer.from(
    pem
      .split('\n')
      .filter((line) => !line.startsWith('-'))
      .join(''),
    'base64',
  );
/** Stores a certificate of a public key in the token. */
const store = (label, pem) =>
  client.createObject({
    ...{ class: 'CERTIFICATE', certificateType: 'X_509', token: true, label, id },
    ...{ value: der(pem), subject: Buffer.from(new crypto.X509Certificate(pem).subject) },
  });

for (const type of ['EC', 'RSA']) {
  const options = type === 'EC' ? { curve: 'P-256' } : { modulusBits: 2048 };
  const one = await pair(type, `${type} one`, options);
  const two = await pair(type, `${type} two`, options);
  await check(`${type}: two keys with one id`, async () => [
    signsFor(await one.privateKey.tlsKey(), one.its),
    signsFor(await two.privateKey.tlsKey(), two.its),
  ]);
  await check(`${type}: given, right`, async () => {
    const same = await client.privateKey({ label: `${type} one` });
    const cert = ground.certify('one', one.its);
    const forms = [one.its, cert, Buffer.from(cert), new crypto.X509Certificate(cert)];
    for (const publicKey of forms) {
      if (!signsFor(await same.tlsKey({ publicKey }), one.its)) return false;
    }
    return true;
  });
  await check(`${type}: given, of another`, async () => {
    const again = await client.privateKey({ label: `${type} one` });
    await again.tlsKey({ publicKey: two.its });
  });
  await check(`${type}: given, of another, where the name is known`, () =>
    one.privateKey.tlsKey({ publicKey: two.its }),
  );
  await check(`${type}: given, of another type`, async () => {
    const { publicKey } = crypto.generateKeyPairSync(type === 'EC' ? 'rsa' : 'ec', {
      ...{ modulusLength: 2048, namedCurve: 'P-256' },
    });
    const again = await client.privateKey({ label: `${type} one` });
    await again.tlsKey({ publicKey });
  });
}

// K5: several keys share id and label, and only a certificate or public key of another key exists.
await check('EC: only the public key of another under its id and label', async () => {
  const three = await pair('EC', 'EC one', { curve: 'P-256' });
  await three.publicKey.destroy();
  await (await client.find({ label: 'EC two', class: 'PUBLIC_KEY' }))[0].destroy();
  await three.privateKey.tlsKey();
});
await check('EC: a certificate of another under its id', async () => {
  const alone = await pair('EC', 'EC alone', { curve: 'P-384' });
  await alone.publicKey.destroy();
  await store('of another', ground.certify('another', (await pair('EC', 'x', { curve: 'P-384' })).its));
  await alone.privateKey.tlsKey();
});
await check('EC: its certificate among others under its id', async () => {
  const alone = await pair('EC', 'EC certified', { curve: 'P-384' });
  await alone.publicKey.destroy();
  await store('its own', ground.certify('own', alone.its));
  return signsFor(await alone.privateKey.tlsKey(), alone.its);
});

// Keys that allow a single kind of operation.
await check('EC: derives only', async () => {
  const options = { curve: 'P-256', id: Buffer.from('derives'), privateKey: { sign: false, derive: true } };
  const { privateKey, its } = await pair('EC', 'derives', options);
  const wrong = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const refused = await privateKey.tlsKey({ publicKey: wrong }).catch((error) => error.code);
  return [refused, (await privateKey.tlsKey({ publicKey: its })).startsWith('-----BEGIN')];
});

// K6: a module that refuses all attributes because of one, or refuses every read.
async function unread(type, label, options, uses) {
  const made = await pair(type, label, { ...options, id: Buffer.from(label) });
  const wrong = crypto.generateKeyPairSync(type.toLowerCase(), { modulusLength: 2048, namedCurve: 'P-256' });
  const again = await client.privateKey({ label });
  hsm.plan([{ function: 'C_GetAttributeValue', return: 'CKR_GENERAL_ERROR' }]);
  try {
    const refused = await again.tlsKey({ publicKey: wrong.publicKey }).catch((error) => error.code);
    return [refused, uses(await again.tlsKey({ publicKey: made.its }), made.its)];
  } finally {
    hsm.clear();
  }
}
const decryptsFor = (key, publicKey) =>
  crypto.privateDecrypt(key, crypto.publicEncrypt(publicKey, message)).equals(message);

await check('EC: nothing can be read', () => unread('EC', 'unread EC', { curve: 'P-256' }, signsFor));
const bits = { modulusBits: 2048 };
await check('RSA: nothing can be read', () => unread('RSA', 'unread RSA', bits, signsFor));
await check('RSA: decrypts only, and nothing can be read', () =>
  unread('RSA', 'decrypts', { ...bits, privateKey: { sign: false, decrypt: true } }, decryptsFor),
);
await check('RSA: does nothing, and nothing can be read', () =>
  unread('RSA', 'nothing', { ...bits, privateKey: { sign: false, decrypt: false } }, signsFor),
);
// After a recovery, the object found in place of the key may be another key.
await check('a key that was exchanged', async () => {
  const label = 'exchanged';
  const options = { curve: 'P-256', id: Buffer.from(label) };
  const first = await pair('EC', label, options);
  const pem = await first.privateKey.tlsKey();
  if (!signsFor(pem, first.its)) return 'not right';
  await first.privateKey.destroy();
  await first.publicKey.destroy();
  await pair('EC', label, options);
  hsm.loseSessions();
  const codes = new Set();
  for (let tries = 0; tries < 20; tries += 1) {
    await client.random(1);
    const [error, signature] = await new Promise((resolve) =>
      crypto.sign('sha256', message, pem, (...outcome) => resolve(outcome)),
    );
    if (!error) return crypto.verify('sha256', message, first.its, signature) ? 'its own' : 'by another key';
    codes.add(error.code ?? error.message.replace(/.*::/, ''));
  }
  return [...codes];
});
await check('violations', () => hsm.violations);
await ground.end();
