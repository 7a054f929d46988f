// A key in a token as a KeyObject, with node:crypto and WebCrypto. Before Node 24.21 the PEM is used in calls that allow it.
import crypto from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { check, hasKeyObjects, prepare } from './ground.mjs';

const [library] = process.argv.slice(2);
const ground = await prepare(library);
const message = Buffer.from('a message');
const modern = hasKeyObjects();

/** Returns the number of signatures that the token makes during `work`; throws when the result is wrong. */
async function counted(work) {
  const before = ground.signs();
  if (!(await work())) throw new Error('not right');
  return ground.signs() - before;
}

const verified = (hash, publicKey, options, signature) =>
  crypto.verify(hash, message, { key: publicKey, ...options }, signature);

async function signatures(name, key, publicKey) {
  const hash = name.startsWith('ed') ? null : 'sha256';
  const sign = (options = {}, its = hash) => crypto.sign(its, message, { key, ...options });
  await check(`${name} sign`, () => counted(() => verified(hash, publicKey, {}, sign())));
  await check(`${name} sign on libuv's threads`, () =>
    counted(async () => {
      const many = Array.from(
        { length: 20 },
        () =>
          new Promise((resolve, reject) => {
            crypto.sign(hash, message, key, (error, made) => (error ? reject(error) : resolve(made)));
          }),
      );
      return (await Promise.all(many)).every((signature) => verified(hash, publicKey, {}, signature));
    }),
  );
  if (hash === null) return;
  for (const digest of ['sha1', 'sha384', 'sha512', 'sha3-256']) {
    await check(`${name} sign ${digest}`, () =>
      counted(() => verified(digest, publicKey, {}, sign({}, digest))),
    );
  }
  await check(`${name} stream`, () =>
    counted(() => {
      const signature = crypto.createSign('sha256').update('a ').update('message').sign(key);
      return crypto.createVerify('sha256').update(message).verify(publicKey, signature);
    }),
  );
  if (name === 'rsa') return;
  if (!modern) return;
  const p1363 = { dsaEncoding: 'ieee-p1363' };
  await check(`${name} p1363`, () => counted(() => verified(hash, publicKey, p1363, sign(p1363))));
}

async function rsa(key, publicKey) {
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PKCS1_PADDING } = crypto.constants;
  for (const saltLength of [0, 32, -1, -2]) {
    const options = { padding, saltLength };
    await check(`rsa pss ${saltLength}`, () =>
      counted(() =>
        verified('sha256', publicKey, options, crypto.sign('sha256', message, { key, ...options })),
      ),
    );
  }
  await check('rsa oaep', () =>
    crypto.privateDecrypt({ key }, crypto.publicEncrypt(publicKey, message)).equals(message),
  );
  const pkcs1 = { padding: RSA_PKCS1_PADDING };
  await check('rsa pkcs1', () =>
    crypto
      .privateDecrypt({ key, ...pkcs1 }, crypto.publicEncrypt({ key: publicKey, ...pkcs1 }, message))
      .equals(message),
  );
  await check('rsa pkcs1 rejected', () => {
    const wrong = Buffer.alloc(256, 7);
    const [first, second] = [0, 1].map(() => crypto.privateDecrypt({ key, ...pkcs1 }, wrong));
    return first.equals(second) && !first.equals(message);
  });
  await check('rsa after the rejection', () =>
    counted(() => verified('sha256', publicKey, {}, crypto.sign('sha256', message, key))),
  );
}

const ALGORITHMS = {
  rsa: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  p256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  p384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  ed25519: { name: 'Ed25519' },
};

async function asKeyObject(name, key, publicKey, cert) {
  await check(`${name} type`, () => [key.type, key.asymmetricKeyType]);
  await check(`${name} details`, () => {
    const own = JSON.stringify(key.asymmetricKeyDetails, (_, value) => String(value));
    return own === JSON.stringify(publicKey.asymmetricKeyDetails, (_, value) => String(value));
  });
  for (const format of ['pem', 'der', 'jwk']) {
    await check(`${name} export ${format}`, () => key.export({ format, type: 'pkcs8' }));
  }
  const spki = { format: 'der', type: 'spki' };
  await check(`${name} public`, () => {
    const its = crypto.createPublicKey(key);
    const signature = crypto.sign(name.startsWith('ed') ? null : 'sha256', message, key);
    return (
      its.export(spki).equals(publicKey.export(spki)) &&
      its.equals(publicKey) &&
      verified(name.startsWith('ed') ? null : 'sha256', its, {}, signature)
    );
  });
  await check(`${name} certificate`, () => new crypto.X509Certificate(cert).checkPrivateKey(key));
  await check(`${name} clone`, () =>
    counted(() => {
      const hash = name.startsWith('ed') ? null : 'sha256';
      return verified(hash, publicKey, {}, crypto.sign(hash, message, structuredClone(key)));
    }),
  );
  const algorithm = ALGORITHMS[name];
  if (algorithm === undefined) return;
  await check(`${name} webcrypto`, () =>
    counted(async () => {
      const own = key.toCryptoKey(algorithm, false, ['sign']);
      const its = publicKey.toCryptoKey(algorithm, true, ['verify']);
      const signature = await crypto.subtle.sign(algorithm, own, message);
      return crypto.subtle.verify(algorithm, its, signature, message);
    }),
  );
}

/** Uses the key in a worker thread. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { sign } = require('node:crypto');
  parentPort.postMessage(sign('sha256', workerData.message, workerData.key));`;

const made = {};
for (const name of ['rsa', 'p256', 'p384', 'secp256k1', 'ed25519', 'ed448']) {
  const { privateKey, publicKey, cert } = await ground.make(name);
  made[name] = { privateKey, publicKey };
  if (!modern) await check(`${name} refused`, () => privateKey.toKeyObject());
  const key = modern ? await privateKey.toKeyObject() : await privateKey.tlsKey();
  made[name].key = key;
  await signatures(name, key, publicKey);
  if (name === 'rsa') await rsa(key, publicKey);
  if (modern) await asKeyObject(name, key, publicKey, cert);
}

const { privateKey: p256, key, publicKey } = made.p256;
if (modern) {
  await check('p256 derive', () => {
    const peer = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const ours = crypto.diffieHellman({ privateKey: key, publicKey: peer.publicKey });
    return ours.equals(crypto.diffieHellman({ privateKey: peer.privateKey, publicKey }));
  });
  // Dropping the KeyObjects must release all their resources.
  await check('garbage', async () => {
    const make = async (count) => {
      for (let i = 0; i < count; i += 1) crypto.sign('sha256', message, await p256.toKeyObject());
      globalThis.gc();
      return process.memoryUsage().rss;
    };
    await make(300);
    const before = await make(300);
    return ((await make(1_500)) - before) / 2 ** 20 < 16;
  });
}
await check('worker', () =>
  counted(async () => {
    const worker = new Worker(WORKER, { eval: true, workerData: { message, key } });
    const [signature] = await once(worker, 'message');
    await once(worker, 'exit');
    return verified('sha256', publicKey, {}, Buffer.from(signature));
  }),
);
await check('one reference for one key', async () => {
  const again = await ground.client.privateKey({ label: 'p256' });
  return (await again.tlsKey()) === (await p256.tlsKey());
});
await check('a session key', async () => {
  const pair = await ground.client.generateKeyPair('EC', { curve: 'P-256' });
  const its = await pair.publicKey.toKeyObject();
  const pem = await pair.privateKey.tlsKey({ publicKey: its });
  const right = verified('sha256', its, {}, crypto.sign('sha256', message, pem));
  await pair.privateKey.destroy();
  return right;
});
await check('model', async () => {
  const session = await ground.client.token.openSession();
  const its = await session.privateKey({ label: 'p384' });
  const pem = await its.tlsKey();
  const right = verified('sha256', made.p384.publicKey, {}, crypto.sign('sha256', message, pem));
  await session.close();
  return right;
});
await check('keys of other origin', () => {
  const before = ground.signs();
  for (const [type, options] of [
    ['rsa', { modulusLength: 2048 }],
    ['ec', { namedCurve: 'P-256' }],
    ['ed25519', {}],
    ['x25519', {}],
  ]) {
    const pair = crypto.generateKeyPairSync(type, options);
    const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
    const again = crypto.createPrivateKey(pem);
    if (!again.export({ type: 'pkcs8', format: 'der' }).length) throw new Error('not exported');
    if (type === 'x25519') continue;
    const hash = type === 'ed25519' ? null : 'sha256';
    if (!verified(hash, pair.publicKey, {}, crypto.sign(hash, message, again))) throw new Error(type);
  }
  return ground.signs() - before;
});
// A file whose name is a reference, or a part of it, must not be read.
await check('substitution', () =>
  counted(async () => {
    const pem = await p256.tlsKey();
    const substitute = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const [begin, id, end] = pem.split('\n');
    process.chdir(ground.directory);
    for (const name of [id, `file:${id}`, begin, end]) {
      writeFileSync(name, substitute.export({ type: 'pkcs8', format: 'pem' }));
    }
    return verified('sha256', publicKey, {}, crypto.sign('sha256', message, pem));
  }),
);
await check('nobody knows a wrong reference', () => {
  const pem = '-----BEGIN CRYPTOKI KEY REFERENCE-----\nAAAA\n-----END CRYPTOKI KEY REFERENCE-----\n';
  crypto.createPrivateKey(pem);
});
await check('always authenticated', async () => {
  const pair = await ground.client.generateKeyPair('EC', {
    ...{ curve: 'P-256', label: 'always' },
    privateKey: { alwaysAuthenticate: true },
  });
  await pair.privateKey.tlsKey();
});
await check('no public half', async () => {
  const pair = await ground.client.generateKeyPair('EC', { curve: 'P-256', token: true, label: 'alone' });
  await pair.publicKey.destroy();
  await pair.privateKey.tlsKey();
});
await check('public half by label', async () => {
  const pair = await ground.client.generateKeyPair('EC', { curve: 'P-256', token: true, label: 'named' });
  const its = await pair.publicKey.toKeyObject();
  return verified('sha256', its, {}, crypto.sign('sha256', message, await pair.privateKey.tlsKey()));
});
await check('wrong options', () => p256.tlsKey({ public: publicKey }));
await check('violations', () => ground.hsm.violations);
await ground.end();
for (const [name, { key: its }] of Object.entries(made)) {
  await check(`${name} closed`, () => crypto.sign(name.startsWith('ed') ? null : 'sha256', message, its));
}
