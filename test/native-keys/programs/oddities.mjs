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
})) {
  const ground = await prepare(library, { plan: [rule] });
  await check(name, async () => {
    const outcome = {};
    for (const type of ['p256', 'rsa']) {
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
