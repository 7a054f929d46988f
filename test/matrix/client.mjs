// @ts-check
// Checks of the client, the model and the fault module on SoftHSM2, for runtimes and machines on which the test suite itself
// cannot run: emulated machines, Bun, Deno. node:crypto checks every signature and every ciphertext.
//
//   node test/matrix/client.mjs SOFTHSM2

import assert from 'node:assert/strict';
import { createDecipheriv, createHash, randomBytes, verify } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { check, finish } from './checks.mjs';

const { connect, Module, CryptokiError } = await import('cryptoki');
const { createSoftToken, FaultModule } = await import('cryptoki/testing');

const [softhsm] = process.argv.slice(2);
const soft = await createSoftToken({ module: softhsm, label: 'matrix' });
const fault = await FaultModule.create({ module: soft.module });
const client = await connect(
  { module: fault.path, token: { label: 'matrix' } },
  { pin: soft.pin, sessions: { max: 4 } },
);
const message = Buffer.from('message');
const ieee = /** @type {const} */ ('ieee-p1363');

await check('the token is in its own folder', () => {
  assert.equal(process.env.SOFTHSM2_CONF, soft.config);
  assert.equal(client.user, 'USER');
});

const { privateKey, publicKey } = await client.generateKeyPair('EC', {
  curve: 'P-256',
  label: 'ec',
  token: true,
});
const pem = (await publicKey.toKeyObject()).export({ type: 'spki', format: 'pem' });

await check('an EC key signs and verifies', async () => {
  const signature = await privateKey.sign('ECDSA-SHA256', message);
  assert.ok(verify('sha256', message, { key: pem, dsaEncoding: ieee }, signature));
  assert.equal(await publicKey.verify('ECDSA-SHA256', message, signature), true);
  assert.equal(await publicKey.verify('ECDSA-SHA256', randomBytes(9), signature), false);
});

await check('an RSA key signs (PKCS #1, PSS) and decrypts (OAEP)', async () => {
  const pair = await client.generateKeyPair('RSA', { modulusBits: 2048 });
  const key = await pair.publicKey.toKeyObject();
  assert.ok(verify('sha256', message, key, await pair.privateKey.sign('RSA-PKCS1-SHA256', message)));
  const pss = await pair.privateKey.sign('RSA-PSS-SHA256', message);
  assert.ok(verify('sha256', message, { key, padding: 6, saltLength: 32 }, pss));
  const sealed = await pair.publicKey.encrypt('RSA-OAEP-SHA1', message);
  assert.deepEqual(await pair.privateKey.decrypt('RSA-OAEP-SHA1', sealed), message);
});

await check('an AES key encrypts with GCM', async () => {
  const value = randomBytes(32);
  const key = await client.createObject({
    class: 'SECRET_KEY',
    keyType: 'AES',
    value,
    encrypt: true,
    decrypt: true,
  });
  const iv = randomBytes(12);
  const algorithm = { name: /** @type {const} */ ('AES-GCM'), iv, additionalData: Buffer.from('aad') };
  const sealed = Buffer.from(await /** @type {any} */ (key).encrypt(algorithm, message));
  const decipher = createDecipheriv('aes-256-gcm', value, iv).setAAD(Buffer.from('aad'));
  decipher.setAuthTag(sealed.subarray(-16));
  const opened = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  assert.ok(opened.equals(message));
});

await check('a digest in one call, of a stream, and many at once agree with node:crypto', async () => {
  const data = randomBytes(700_000);
  const wanted = createHash('sha256').update(data).digest();
  assert.ok((await client.digest('SHA-256', data)).equals(wanted));
  const stream = client.createDigest('SHA-256');
  await pipeline(Readable.from([data.subarray(0, 300_001), data.subarray(300_001)]), stream);
  assert.ok((await stream.result()).equals(wanted));
  const parts = Array.from({ length: 100 }, (_, index) => data.subarray(index * 7, index * 9));
  const digests = (await client.digestMany('SHA-256', parts)).toArray();
  parts.forEach((part, index) => {
    assert.ok(digests[index]?.equals(createHash('sha256').update(part).digest()));
  });
});

await check('a batch signs every message', async () => {
  const messages = Array.from({ length: 200 }, (_, index) => Buffer.from(`message ${index}`));
  const signatures = (await privateKey.signMany('ECDSA-SHA256', messages)).toArray();
  messages.forEach((text, index) => {
    const signature = signatures[index];
    assert.ok(signature && verify('sha256', text, { key: pem, dsaEncoding: ieee }, signature));
  });
});

await check('a client recovers from a lost session and a lost login', async () => {
  for (const loss of [{ loseSession: true }, { logout: true }]) {
    fault.plan([{ function: 'C_SignInit', nth: 1, ...loss }]);
    const signature = await privateKey.sign('ECDSA-SHA256', message);
    assert.ok(verify('sha256', message, { key: pem, dsaEncoding: ieee }, signature));
    fault.clear();
  }
});

await check('a wrong PIN is an error with its name and number', async () => {
  const module = await Module.open(fault.path);
  const token = await module.token({ label: 'matrix' });
  const session = await token.openSession();
  await session.logout().catch(() => {});
  const error = await session.login('wrong PIN').catch((/** @type {unknown} */ thrown) => thrown);
  assert.ok(error instanceof CryptokiError, String(error));
  assert.deepEqual([error.code, error.rv, error.function], ['CKR_PIN_INCORRECT', 0xa0, 'C_Login']);
  await module.close();
});

await check('arguments of a wrong type are refused before a call', async () => {
  await assert.rejects(async () => privateKey.sign('ECDSA-SHA256', /** @type {any} */ (5)), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
  await assert.rejects(async () => privateKey.sign(/** @type {any} */ ('ECDSA-SHA255'), message), {
    code: /^ERR_/,
  });
});

await check('the event loop turns while the token works', async () => {
  fault.plan([{ function: 'C_Sign', delay: 400 }]);
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 10);
  await privateKey.sign('ECDSA-SHA256', message);
  clearInterval(timer);
  fault.clear();
  assert.ok(turns >= 5, `${turns} turns`);
});

await check('a native key signs, or the error names the reason', async () => {
  const key = await privateKey.toKeyObject().catch((/** @type {unknown} */ error) => error);
  if (key instanceof Error) {
    assert.ok(key instanceof CryptokiError, String(key));
    assert.equal(key.code, 'ERR_CRYPTOKI_UNSUPPORTED');
    assert.ok(key.message.length > 20);
    return;
  }
  const { createSign } = await import('node:crypto');
  const signature = createSign('sha256')
    .update(message)
    .sign(/** @type {any} */ (key));
  assert.ok(verify('sha256', message, pem, signature));
});

await check('worker threads use the token, and end with calls in flight', async () => {
  const program = fileURLToPath(new URL('../support/programs/worker.mjs', import.meta.url));
  for (const ending of ['close', 'exit', 'terminate']) {
    const workerData = { module: fault.path, label: 'matrix', pin: soft.pin, count: 5, ending };
    const worker = new Worker(program, { workerData });
    const ended = new Promise((done) => worker.once('exit', done));
    const result = await new Promise((done, fail) => worker.once('message', done).once('error', fail));
    assert.equal(/** @type {any} */ (result).valid, 5, ending);
    if (ending === 'terminate') await worker.terminate();
    await ended;
  }
});

await check('the client closes, and nothing stays open', async () => {
  await client.close();
  // Deno does not run the cleanup hooks of Node-API when a worker ends, so the sessions of the worker stay open there.
  const left = () => fault.counters().openSessions;
  for (let i = 0; i < 50 && left() > 0; i += 1) await new Promise((done) => setTimeout(done, 100));
  if (process.versions.deno === undefined) assert.equal(left(), 0);
  assert.deepEqual(fault.violations, []);
});

soft.remove();
finish();
