// The sessions of native keys: their mode, a token with one session, and a busy token.
import crypto from 'node:crypto';
import { check, hasKeyObjects, Module, prepare } from './ground.mjs';

const [library] = process.argv.slice(2);
const message = Buffer.from('a message');
const OPEN = 'C_OpenSession';

function signerFor(key, publicKey) {
  const verified = (signature) => crypto.verify('sha256', message, publicKey, signature);
  return {
    sign: () => verified(crypto.sign('sha256', message, key)),
    signAsync: () =>
      new Promise((resolve, reject) =>
        crypto.sign('sha256', message, key, (error, made) =>
          error ? reject(error) : resolve(verified(made)),
        ),
      ),
  };
}

/** The sessions are opened in the mode of the client, and in the other mode if the module refuses that. */
async function opening(name, options) {
  const ground = await prepare(library);
  const { hsm } = ground;
  const { publicKey } = await ground.make('p256');
  await ground.client.close();
  for (const code of [
    'CKR_FUNCTION_FAILED',
    'CKR_SESSION_READ_WRITE_SO_EXISTS',
    'CKR_TOKEN_WRITE_PROTECTED',
  ]) {
    const client = await ground.open(options); // its native keys have no sessions yet
    const key = await (await client.privateKey({ label: 'p256' })).tlsKey();
    hsm.plan([{ function: OPEN, nth: 1, return: code }]);
    await check(`${name}: ${code}`, signerFor(key, publicKey).signAsync);
    await check(`${name}: ${code}, sessions opened`, () => hsm.counters().rules[0].matches);
    hsm.clear();
    await client.close();
  }
  await check(`${name}: violations`, () => hsm.violations);
  await ground.end();
}

/** While the security officer is logged in, a token refuses read-only sessions. */
async function readOnlyRefused() {
  const ground = await prepare(library);
  const pair = await ground.client.generateKeyPair('EC', {
    ...{ curve: 'P-256', token: true, label: 'public', privateKey: { private: false } },
  });
  const publicKey = await pair.publicKey.toKeyObject();
  await ground.client.close();
  const client = await ground.open({ user: 'SO', pin: ground.token.soPin });
  const key = await (await client.privateKey({ label: 'public' })).tlsKey();
  await check('read-only sessions are refused', signerFor(key, publicKey).sign);
  await client.close();
  await ground.end();
}

/** A token that allows no session beside the one that is open. */
async function oneSession(code) {
  const ground = await prepare(library, { sessions: { max: 1 } });
  const { hsm, client } = ground;
  const { privateKey, publicKey } = await ground.make('p256');
  const { privateKey: rsa, publicKey: rsaPublic } = await ground.make('rsa');
  const [key, rsaKey] = [await privateKey.tlsKey(), await rsa.tlsKey()];
  const { sign, signAsync } = signerFor(key, publicKey);
  await client.random(1);
  hsm.plan([{ function: OPEN, return: code }]);
  const sessions = hsm.counters().openSessions;
  await check(`${code}: signs`, sign);
  await check(`${code}: decrypts`, () =>
    crypto.privateDecrypt(rsaKey, crypto.publicEncrypt(rsaPublic, message)).equals(message),
  );
  await check(`${code}: many at once, beside the client`, async () => {
    hsm.plan([
      { function: OPEN, return: code },
      { function: 'C_Sign', delay: 1 },
    ]);
    const all = [];
    for (let i = 0; i < 30; i += 1) {
      all.push(signAsync());
      all.push(privateKey.sign('ECDSA-SHA256', message).then((made) => made.length === 64));
      if (i % 10 === 0) all.push(sign()); // this thread waits until the session is free
    }
    return (await Promise.all(all)).every(Boolean);
  });
  await check(`${code}: no session more`, () => hsm.counters().openSessions === sessions);
  await check(`${code}: violations`, () => hsm.violations);
  await ground.end();
}

/** Waits until the key signs. */
async function healthy(sign) {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      if (sign()) return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The same with a key of the model, on whose session an operation is active. */
async function modelSession() {
  const ground = await prepare(library);
  const { hsm, token } = ground;
  const { publicKey } = await ground.make('rsa');
  await ground.client.close();
  const module = await Module.open(hsm.path);
  const session = await (await module.token({ label: token.label })).openSession();
  await session.login(token.pin);
  const key = await session.privateKey({ label: 'rsa' });
  const { sign } = signerFor(await key.tlsKey(), publicKey);
  hsm.plan([{ function: OPEN, return: 'CKR_SESSION_COUNT' }]);
  await check('model: signs by the session of the key', sign);
  const stream = session.createDigest('SHA-256');
  stream.write(message);
  await hsm.until(({ calls }) => (calls.C_DigestUpdate ?? 0) > 0);
  await check('model: an operation is under way', sign);
  stream.end();
  await check('model: the operation goes on', async () => (await stream.result()).length);
  await check('model: the operation has ended', sign);
  hsm.clear();
  const others = await (await module.token({ label: token.label })).openSession(); // keeps the login
  hsm.plan([{ function: OPEN, return: 'CKR_SESSION_COUNT' }]);
  await session.close();
  await check('model: the session of the key is closed', sign);
  hsm.clear();
  await others.close();
  await module.close();
  await check('model: violations', () => hsm.violations);
  await ground.end();
}

async function busy() {
  const ground = await prepare(library);
  const { hsm } = ground;
  const { privateKey, publicKey } = await ground.make('p256');
  const { privateKey: rsa, publicKey: rsaPublic } = await ground.make('rsa');
  const { sign } = signerFor(await privateKey.tlsKey(), publicKey);
  sign();
  const calls = (name) => hsm.counters().calls[name] ?? 0;
  const planned = async (name, rules, work) => {
    hsm.plan(rules);
    await check(name, work);
    hsm.clear();
  };
  if (hasKeyObjects()) {
    const native = await privateKey.toKeyObject();
    const peer = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await planned(
      'busy: C_DeriveKey',
      [{ function: 'C_DeriveKey', nth: 1, return: 'CKR_FUNCTION_FAILED' }],
      () =>
        crypto
          .diffieHellman({ privateKey: native, publicKey: peer.publicKey })
          .equals(crypto.diffieHellman({ privateKey: peer.privateKey, publicKey })),
    );
  }
  for (const [name, code] of [
    ['C_SignInit', 'CKR_OPERATION_ACTIVE'],
    ['C_Sign', 'CKR_FUNCTION_FAILED'],
    ['C_SignInit', 'CKR_DEVICE_MEMORY'],
    ['C_Sign', 'CKR_HOST_MEMORY'],
  ]) {
    await planned(`busy: ${name} ${code}`, [{ function: name, nth: 1, return: code }], sign);
    await planned(`always busy: ${name} ${code}`, [{ function: name, return: code }], sign);
    await healthy(sign); // the session on which the operation remained active must not affect the next check
  }
  const rsaKey = await rsa.tlsKey();
  const encrypted = crypto.publicEncrypt(rsaPublic, message);
  const decrypt = () => crypto.privateDecrypt(rsaKey, encrypted).equals(message);
  decrypt();
  await planned(
    'busy: C_DecryptInit',
    [{ function: 'C_DecryptInit', nth: 1, return: 'CKR_OPERATION_ACTIVE' }],
    decrypt,
  );
  for (const code of ['CKR_FUNCTION_FAILED', 'CKR_DEVICE_MEMORY', 'CKR_HOST_MEMORY']) {
    const before = calls('C_DecryptInit');
    await planned(`data: ${code}`, [{ function: 'C_Decrypt', nth: 1, return: code }], decrypt);
    await check(`data: ${code}, operations`, () => calls('C_DecryptInit') - before);
  }
  await check('busy: violations', () => hsm.violations);
  await ground.end();
}

await opening('read/write', {});
await opening('read-only', { readOnly: true });
await readOnlyRefused();
for (const code of ['CKR_SESSION_COUNT', 'CKR_HOST_MEMORY', 'CKR_DEVICE_MEMORY']) await oneSession(code);
await modelSession();
await busy();
