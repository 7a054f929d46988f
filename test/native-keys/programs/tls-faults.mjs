// Faults of the token while TLS uses its key: each must cause an error without a crash, and the key must work again afterwards.
import crypto from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { check, prepare } from './ground.mjs';

const [library] = process.argv.slice(2);
const ground = await prepare(library);
const { hsm, client, ca } = ground;
const { privateKey, publicKey, cert } = await ground.make('p256');
const wrong = ground.certify('wrong', crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
const key = await privateKey.tlsKey();
const message = Buffer.from('a message');

/** One full handshake with the server: 'ok', or the errors of both sides. */
async function handshake(server) {
  const served = new Promise((resolve) => {
    const told = (error) => {
      server.off('secureConnection', told).off('tlsClientError', told);
      resolve(error?.code);
    };
    server.on('secureConnection', told).on('tlsClientError', told);
  });
  const { port } = server.address();
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca });
  const end = await new Promise((resolve) => {
    socket.once('secureConnect', () => resolve('ok'));
    socket.once('error', (error) => resolve(error.code));
  });
  const said = await served; // awaited before the client ends, which would cause a second error
  socket.destroy();
  return end === 'ok' ? 'ok' : said;
}

async function serverWith(options) {
  const server = tls.createServer(options, (socket) => socket.on('error', () => {}));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const asyncSign = () =>
  new Promise((resolve, reject) => {
    crypto.sign('sha256', message, key, (error, signature) =>
      error ? reject(error) : resolve(crypto.verify('sha256', message, publicKey, signature)),
    );
  });

const server = await serverWith({ key, cert });

/** The result of the first handshake after a fault, and of the first one that succeeds again. */
async function after(fault, repair = () => {}) {
  await fault();
  const first = await handshake(server);
  await repair();
  for (let tries = 1; tries <= 100; tries += 1) {
    if ((await handshake(server)) === 'ok') return { first, back: true };
    await sleep(50);
  }
  return { first, back: false };
}

await check('at first', () => handshake(server));
await check('wrong certificate', () => tls.createSecureContext({ key, cert: wrong }));

await check('device error', () =>
  after(() => hsm.plan([{ function: 'C_Sign', nth: 1, return: 'CKR_DEVICE_ERROR' }])),
);
hsm.clear();
await check('own session lost', () =>
  after(() => hsm.plan([{ function: 'C_Sign', nth: 1, loseSession: true }])),
);
hsm.clear();
await check('sessions lost', () => after(() => hsm.loseSessions()));
await check('logged out behind its back', () => after(() => hsm.logout()));
await check('token removed', () =>
  after(
    () => hsm.removeToken(),
    () => hsm.insertToken(),
  ),
);
await check('token removed in the handshake', () =>
  after(
    () => {
      hsm.plan([{ function: 'C_Sign', nth: 1, delay: 300 }]);
      // The handshake blocks this thread, so the module itself removes the token, at once and for 100 ms.
      hsm.removeToken({ for: 100 });
    },
    () => hsm.clear(),
  ),
);
await check('device lost', () => after(() => hsm.loseDevice()));

// On a thread of libuv an operation waits until the client has recovered.
await check('async, sessions lost', () => {
  hsm.loseSessions();
  return asyncSign();
});
await check('async, logged out', () => {
  hsm.logout();
  return asyncSign();
});
await check('async, token out for a moment', () => {
  hsm.removeToken({ for: 200 });
  return asyncSign();
});
await check('async, device lost', () => {
  hsm.loseDevice();
  return asyncSign();
});

await check('logged out', async () => {
  await client.logout();
  return after(
    () => {},
    () => client.login(ground.token.pin),
  );
});
await check('many at once', async () =>
  (await Promise.all(Array.from({ length: 50 }, asyncSign))).every(Boolean),
);
await check('at most eight sessions more', () => hsm.counters().openSessions <= 20);
await check('closed in the middle', async () => {
  hsm.plan([{ function: 'C_Sign', delay: 50 }]);
  const signing = Array.from({ length: 50 }, () => asyncSign().catch((error) => error.message));
  await client.close();
  const ends = new Set(await Promise.all(signing));
  ends.delete(true);
  return [...ends];
});
await check('closed', () => handshake(server));
await check('closed, async', asyncSign);
server.close();
await check('violations', () => hsm.violations);
await ground.end();
