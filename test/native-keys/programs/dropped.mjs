// A server continues after the program has dropped module, session and key. A collected KeyObject releases its resources.
import crypto from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import { check, collectUntil, hasKeyObjects, Module, prepare } from './ground.mjs';

const [library] = process.argv.slice(2);
const ground = await prepare(library);
const { hsm, ca, token } = ground;
const message = Buffer.from('a message');
const { cert } = await ground.make('p256');
const { publicKey } = await ground.make('p384');
await ground.client.close();

/** Everything that the program holds of a key in the token, all of which can be collected. */
async function found(label) {
  const module = await Module.open(hsm.path);
  const session = await (await module.token({ label: token.label })).openSession();
  await session.login(token.pin);
  return { module: new WeakRef(module), key: await session.privateKey({ label }) };
}

async function startServer() {
  const { module, key } = await found('p256');
  const server = https.createServer({ key: await key.tlsKey(), cert }, (_, response) =>
    response.end('hello'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { module, server };
}

async function get(port) {
  const options = { host: '127.0.0.1', servername: 'localhost', port, ca, agent: false };
  const [response] = await once(https.get(options), 'response');
  return (await response.toArray()).join('');
}

const { module, server } = await startServer();
await check('the module is collected', () => collectUntil(() => module.deref() === undefined));
await check('the server goes on', async () => {
  const { port } = server.address();
  const said = [];
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
    said.push(await get(port));
  }
  return said;
});
server.close();

if (hasKeyObjects()) {
  const before = hsm.counters().openSessions;
  const signing = await (async () => {
    const { module: weak, key } = await found('p384');
    return { module: weak, key: await key.toKeyObject() };
  })();
  await check('the module of a KeyObject is collected', () =>
    collectUntil(() => signing.module.deref() === undefined),
  );
  await check('the KeyObject goes on', () => {
    const { key } = signing;
    return crypto.verify('sha256', message, publicKey, crypto.sign('sha256', message, key));
  });
  await check('it has sessions', () => hsm.counters().openSessions > before);
  signing.key = undefined;
  await check('its sessions go with it', () => collectUntil(() => hsm.counters().openSessions === before));
}
await check('violations', () => hsm.violations);
await ground.end();
