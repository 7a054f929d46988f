// RSA keys in tokens with few mechanisms: the provider makes the padding, and TLS options leave out unsupported algorithms.
import crypto from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import tls from 'node:tls';
import { check, hasKeyObjects, prepare, tlsOptions } from './ground.mjs';

const [library] = process.argv.slice(2);
const message = Buffer.from('a message');
const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_MAX_SIGN } = crypto.constants;

const warnings = [];
process.on('warning', ({ code, message: text }) => {
  // Public keys of pairs are not disposed of here, so the garbage collector may cause other warnings.
  if (code === 'CRYPTOKI_TLS_SIGALGS') warnings.push({ code, text });
});

/** A handshake: the results of both sides, and the algorithm that the peer of `local` used. */
async function handshake(server, client) {
  const listening = tls.createServer(server, (socket) => socket.end('hello'));
  const failed = once(listening, 'tlsClientError').then(([error]) => error.code);
  failed.catch(() => {});
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address();
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ...client });
  const said = await new Promise((resolve) => {
    let protocol = '';
    socket.once('secureConnect', () => (protocol = socket.getProtocol()));
    let text = '';
    socket.on('data', (part) => (text += part));
    socket.once('error', () => failed.then(resolve, resolve));
    socket.once('end', () => resolve(text === 'hello' ? protocol : `closed after ${protocol}`));
  });
  socket.destroy();
  listening.close();
  return said;
}

/** RSA without padding only: the provider makes the padding of PSS and PKCS #1 v1.5. */
async function raw() {
  const ground = await prepare(library, { mechanisms: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_X_509'] });
  const { ca } = ground;
  const { privateKey, publicKey, cert } = await ground.make('rsa');
  const pem = await privateKey.tlsKey();
  const before = ground.signs();
  const right = (key, its, hash, options) =>
    crypto.verify(hash, message, { key: its, ...options }, crypto.sign(hash, message, { key, ...options }));
  for (const saltLength of [
    0,
    1,
    32,
    64,
    crypto.constants.RSA_PSS_SALTLEN_DIGEST,
    RSA_PSS_SALTLEN_MAX_SIGN,
  ]) {
    await check(`raw: PSS, salt ${saltLength}`, () =>
      right(pem, publicKey, 'sha256', { padding, saltLength }),
    );
  }
  for (const hash of ['sha1', 'sha224', 'sha384', 'sha512', 'sha3-256']) {
    await check(`raw: PSS ${hash}`, () => right(pem, publicKey, hash, { padding }));
    await check(`raw: PKCS #1 ${hash}`, () => right(pem, publicKey, hash, {}));
  }
  await check('raw: two signatures by PSS differ', () => {
    const [one, other] = [0, 1].map(() => crypto.sign('sha256', message, { key: pem, padding }));
    return !one.equals(other);
  });
  // With these sizes the encoded message is a bit, or a byte, shorter than the modulus.
  for (const modulusBits of [1024, 1025, 1026, 1031, 1033]) {
    const options = { modulusBits, id: Buffer.from(String(modulusBits)) };
    const pair = await ground.client.generateKeyPair('RSA', options);
    const its = await pair.publicKey.toKeyObject();
    const key = await pair.privateKey.tlsKey();
    await check(`raw: PSS with ${modulusBits} bits`, () => {
      for (let i = 0; i < 20; i += 1) if (!right(key, its, 'sha256', { padding })) return false;
      return right(key, its, 'sha256', {});
    });
  }
  await check('raw: the salt does not fit', () =>
    crypto.sign('sha512', message, { key: pem, padding, saltLength: 250 }),
  );
  await check('raw: the token signs', () => ground.signs() - before > 20);
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const versions = { minVersion: version, maxVersion: version };
    const options = await tlsOptions(privateKey, { cert, ca, ...versions });
    await check(`raw: server ${version}`, () => handshake(options, { ca }));
    const server = { cert, key: pem, requestCert: true, rejectUnauthorized: true, ca };
    await check(`raw: client ${version}`, () => handshake(server, options));
    await check(`raw: options ${version}`, () => Object.keys(options).sort());
  }
  if (hasKeyObjects()) {
    await check('raw: WebCrypto', async () => {
      const algorithm = { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 };
      const native = (await privateKey.toKeyObject()).toCryptoKey(algorithm, false, ['sign']);
      const its = publicKey.toCryptoKey(algorithm, true, ['verify']);
      return crypto.subtle.verify(
        algorithm,
        its,
        await crypto.subtle.sign(algorithm, native, message),
        message,
      );
    });
  }
  await check('raw: warnings', () => warnings.length);
  await ground.end();
}

/** PKCS #1 v1.5 only, as on many cards. */
async function pkcs1() {
  const ground = await prepare(library, { mechanisms: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS'] });
  const { ca } = ground;
  const { privateKey, cert } = await ground.make('rsa');
  const options = await tlsOptions(privateKey, { cert, ca });
  await check('pkcs1: no warning by tlsOptions', () => warnings.length);
  await check('pkcs1: options', () => ({ ...options, key: undefined, cert: undefined, ca: undefined }));
  await check('pkcs1: server', () => handshake(options, { ca }));
  const peers = { requestCert: true, rejectUnauthorized: true, ca };
  await check('pkcs1: client', () => handshake({ ...options, ...peers }, options));
  // A peer with a key of another type.
  const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = ec.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const other = { key, cert: ground.certify('ec', ec.publicKey), ...peers };
  await check('pkcs1: client of a server with an EC key', () => handshake(other, options));
  await check('pkcs1: server of a client with an EC key', () => handshake({ ...options, ...peers }, other));
  await check('pkcs1: sigalgs that are given stay', async () => {
    const { sigalgs, maxVersion } = await tlsOptions(privateKey, { cert, sigalgs: 'rsa_pkcs1_sha256' });
    return [sigalgs, maxVersion ?? null];
  });
  await check('pkcs1: TLS 1.3 is asked for', () => tlsOptions(privateKey, { cert, minVersion: 'TLSv1.3' }));
  await check('pkcs1: no warning so far', () => warnings.length);
  const pem = await privateKey.tlsKey();
  await (await ground.client.privateKey({ label: 'rsa' })).tlsKey();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await check('pkcs1: the warning', () => warnings.map(({ code, text }) => `${code} ${text}`));
  await check('pkcs1: without the options', () => handshake({ key: pem, cert }, { ca }));
  const server = https.createServer(await tlsOptions(privateKey, { cert }), (_, response) =>
    response.end('hello'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await check('pkcs1: https', async () => {
    const { port } = server.address();
    const [response] = await once(https.get({ port, host: '127.0.0.1', ca, agent: false }), 'response');
    return (await response.toArray()).join('');
  });
  server.close();
  await ground.end();
}

/** One digest only. */
async function oneDigest() {
  const mechanisms = [
    'EC_KEY_PAIR_GEN',
    'ECDSA',
    'RSA_PKCS_KEY_PAIR_GEN',
    'SHA256_RSA_PKCS_PSS',
    'SHA256_RSA_PKCS',
  ];
  const ground = await prepare(library, { mechanisms });
  const { ca } = ground;
  const { privateKey, cert } = await ground.make('rsa');
  const options = await tlsOptions(privateKey, { cert, ca });
  await check('one digest: options', () => [options.sigalgs, options.maxVersion ?? null]);
  await check('one digest: server', () => handshake(options, { ca }));
  const { privateKey: ec, cert: its } = await ground.make('p384');
  const ecOptions = await tlsOptions(ec, { cert: its, ca });
  await check('every digest: options', () => Object.keys(ecOptions).sort());
  await ground.end();
}

/** No mechanism that signs. */
async function nothing() {
  const ground = await prepare(library, { mechanisms: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS_OAEP'] });
  const { privateKey, cert } = await ground.make('rsa');
  await check('nothing: tlsOptions', () => tlsOptions(privateKey, { cert }));
  await ground.end();
}

await raw();
await pkcs1();
await oneDigest();
await nothing();
