// Many full handshakes with keys in the token on both sides: memory must not grow.
import { once } from 'node:events';
import tls from 'node:tls';
import { check, prepare } from './ground.mjs';

const [library, count = '1000'] = process.argv.slice(2);
const ground = await prepare(library);
const { ca } = ground;
const ends = {};
for (const name of ['p256', 'rsa']) {
  const { privateKey, cert } = await ground.make(name);
  ends[name] = { key: await privateKey.tlsKey(), cert, ca };
}
const server = tls.createServer({ ...ends.p256, requestCert: true, rejectUnauthorized: true }, (socket) => {
  socket.on('error', () => {});
  socket.end('hello');
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

async function handshake() {
  // A new context for each handshake, like a program that creates an agent for each request.
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ...ends.rsa });
  socket.resume();
  await once(socket, 'close');
  if (!socket.authorized) throw new Error('not authorised');
}

async function many(number) {
  for (let i = 0; i < number; i += 8) await Promise.all(Array.from({ length: 8 }, handshake));
  globalThis.gc();
  return process.memoryUsage().rss / 2 ** 20;
}

await check('handshakes', async () => {
  await many(400);
  const first = await many(Number(count) / 2);
  const before = ground.signs();
  const begun = performance.now();
  const second = await many(Number(count) / 2);
  const perSecond = Math.round((Number(count) * 500) / (performance.now() - begun));
  return { grown: Math.round(second - first), signs: ground.signs() - before, perSecond };
});
server.close();
await check('violations', () => ground.hsm.violations);
await ground.end();
