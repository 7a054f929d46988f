// Native keys of modules that deviate from PKCS#11 from the first call on, as real modules do.
import crypto from 'node:crypto';
import { once } from 'node:events';
import tls from 'node:tls';
import { check, prepare } from './ground.mjs';

const [library] = process.argv.slice(2);
const message = Buffer.from('a message');

const signAsync = (key) =>
  new Promise((resolve, reject) =>
    crypto.sign('sha256', message, key, (error, made) => (error ? reject(error) : resolve(made))),
  );

async function handshake(key, cert, ca) {
  const server = tls.createServer({ key, cert }, (socket) => socket.end('hello'));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = tls.connect({ port: server.address().port, host: '127.0.0.1', servername: 'localhost', ca });
  const text = await socket.toArray().then(String, (error) => error.code);
  server.close();
  return text;
}

/** Forms of CKA_EC_POINT and CKA_EC_PARAMS. */
const ELLIPTIC = [
  ...['ec-point-raw', 'ec-point-bit-string', 'ec-point-coordinates', 'ec-point-compressed'],
  ...['ec-params-name', 'ec-params-explicit', 'ec-params-missing'],
];
const CODES = [0x6, 0x30, 0x54, 0x80000042];

for (const [name, rule] of Object.entries({
  'read-only-refused': { function: 'C_OpenSession', oddity: 'read-only-refused' },
  'one-session': { function: 'C_OpenSession', oddity: 'one-session' },
  'refuses-all': { function: 'C_GetAttributeValue', oddity: 'refuses-all' },
  'refuses-unknown': {
    function: 'C_GetAttributeValue',
    oddity: 'refuses-unknown',
  },
  'refuses-key-type': { function: 'C_FindObjectsInit', oddity: 'refuses-key-type' },
  'ecdsa-der': { function: 'C_Sign', oddity: 'ecdsa-der' },
  ...Object.fromEntries(
    ELLIPTIC.map((oddity) => [oddity, { function: 'C_GetAttributeValue', oddity, types: ['p256'] }]),
  ),
  ...Object.fromEntries(
    CODES.map((code) => {
      const name = `refuses-unknown ${code}`;
      const rule = { function: 'C_GetAttributeValue', oddity: 'refuses-unknown', return: code };
      return [name, { ...rule, types: ['p256'] }];
    }),
  ),
})) {
  const { types = ['p256', 'rsa'], ...plan } = rule;
  const ground = await prepare(library, { plan: [plan] });
  await check(name, async () => {
    const outcome = {};
    for (const type of types) {
      const { privateKey, publicKey, cert } = await ground.make(type);
      const key = await privateKey.tlsKey();
      const verified = (signature) => crypto.verify('sha256', message, publicKey, signature);
      const many = await Promise.all(Array.from({ length: 10 }, () => signAsync(key)));
      const sync = verified(crypto.sign('sha256', message, key));
      outcome[type] = [sync, many.every(verified), await handshake(key, cert, ground.ca)];
    }
    return outcome;
  });
  await check(`${name}: violations`, () => ground.hsm.violations);
  await ground.end();
}

// Forms of signatures that depend on the signature: of P-521 three in four lack a zero.
for (const name of ['ecdsa-der', 'ecdsa-short', 'ecdsa-strict']) {
  const ground = await prepare(library, { plan: [{ function: 'C_Sign', oddity: name }] });
  await check(`${name}: forms`, async () => {
    const outcome = {};
    for (const type of ['p256', 'p521']) {
      const { privateKey, publicKey } = await ground.make(type);
      const key = crypto.createPrivateKey(await privateKey.tlsKey());
      const results = Array.from({ length: 40 }, (_, i) => {
        const data = Buffer.from(`message ${i}`);
        return crypto.verify('sha512', data, publicKey, crypto.sign('sha512', data, key));
      });
      outcome[type] = results.filter((isRight) => isRight).length;
    }
    return outcome;
  });
  await ground.end();
}
