// TLS with keys in a token on either side, and the program openssl on the other side.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { check, prepare } from './ground.mjs';

const [library] = process.argv.slice(2);
const ground = await prepare(library);
const { ca, directory, make, certify } = ground;
const GROUPS = 'P-256:P-384:X25519:secp256k1';
const versions = { 'TLSv1.2': '-tls1_2', 'TLSv1.3': '-tls1_3' };

/** Collects the output of a process until it ends. */
async function output(child) {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part));
  const [code] = await once(child, 'close');
  return { code, text };
}

async function asServer(key, cert, version) {
  const before = ground.signs();
  const options = { minVersion: version, maxVersion: version, ecdhCurve: GROUPS, ca };
  const server = tls.createServer({ key, cert, ...options }, (socket) =>
    socket.end('hello from the token\n'),
  );
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = spawn('openssl', [
    ...['s_client', '-connect', `127.0.0.1:${server.address().port}`, versions[version], '-groups', GROUPS],
    ...[
      '-CAfile',
      join(directory, 'ca.pem'),
      '-verify_return_error',
      '-verify_hostname',
      'localhost',
      '-quiet',
    ],
  ]);
  const { text } = await output(client);
  server.close();
  return { spoke: text.includes('hello from the token'), signed: ground.signs() - before };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Connects as soon as the port is open. */
async function connected(port) {
  for (let left = 200; ; left -= 1) {
    const socket = connect({ port, host: '127.0.0.1' });
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (error.code !== 'ECONNREFUSED' || left === 0) throw error;
      await sleep(10);
    }
  }
}

async function asClient(name, key, cert, version) {
  const before = ground.signs();
  const port = await freePort();
  const server = spawn('openssl', [
    ...[
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      versions[version],
      '-groups',
      GROUPS,
      '-naccept',
      '1',
      '-www',
    ],
    ...['-cert', join(directory, 'server.pem'), '-key', join(directory, 'ca.key')],
    ...['-CAfile', join(directory, 'ca.pem'), '-Verify', '1', '-verify_return_error'],
  ]);
  const ended = output(server);
  const options = { minVersion: version, maxVersion: version, ecdhCurve: GROUPS, ca };
  const socket = tls.connect({
    ...{ servername: 'localhost', key, cert, ...options },
    socket: await connected(port),
  });
  let text = '';
  let error;
  socket.on('data', (part) => (text += part));
  socket.on('error', (its) => (error = its.code));
  socket.on('secureConnect', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
  await once(socket, 'close').catch(() => {});
  server.kill();
  await ended;
  return {
    error,
    spoke: new RegExp(`Subject: CN ?= ?${name}\\b`).test(text),
    signed: ground.signs() - before,
  };
}

// The peer of openssl has the key of the CA, with a second certificate for localhost.
const { createPublicKey } = await import('node:crypto');
certify('server', createPublicKey(ground.read('ca.key')));

for (const name of ['rsa', 'p256', 'p384', 'secp256k1', 'ed25519']) {
  const { privateKey, cert } = await make(name);
  const key = await privateKey.tlsKey();
  for (const version of Object.keys(versions)) {
    await check(`${name} ${version} server`, () => asServer(key, cert, version));
    await check(`${name} ${version} client`, () => asClient(name, key, cert, version));
  }
}
await check('violations', () => ground.hsm.violations);
await ground.end();
