// Session keys of a client that the program drops: they must live exactly as long as a native key needs them.
import crypto from 'node:crypto';
import { check, collectUntil, hasKeyObjects, prepare } from './ground.mjs';

const [library, count = '900'] = process.argv.slice(2);
const ground = await prepare(library);
const { client } = ground;
const message = Buffer.from('a message');
const modern = hasKeyObjects();

/** Creates a session key and a native key of it, and drops the session key. */
async function make() {
  const { privateKey, publicKey } = await client.generateKeyPair('EC', { curve: 'P-256' });
  const its = await publicKey.toKeyObject();
  const pem = modern ? undefined : await privateKey.tlsKey({ publicKey: its });
  const key = modern ? await privateKey.toKeyObject({ publicKey: its }) : crypto.createPrivateKey(pem);
  const sign = () => crypto.verify('sha256', message, its, crypto.sign('sha256', message, key));
  return { sign, pem };
}

const privateKeys = async () => (await client.find({ token: false, class: 'PRIVATE_KEY' })).length;

const kept = { one: await make() };
await check('all sign', async () => {
  for (let i = 0; i < Number(count); i += 1) if (!(await make()).sign()) return false;
  return true;
});
await check('left', async () => {
  await collectUntil(async () => (await privateKeys()) === 1);
  return privateKeys();
});
await check('the one that is kept', () => kept.one.sign());
kept.one = undefined;
await check('left at last', async () => {
  await collectUntil(async () => (await privateKeys()) === 0);
  return privateKeys();
});
await check('pinned', async () => {
  await collectUntil(() => client.statistics().pinned === 0);
  return client.statistics().pinned;
});
// A reference without a KeyObject does not keep the key: it ends with the key of the program.
const named = await (async () => {
  const { privateKey, publicKey } = await client.generateKeyPair('EC', { curve: 'P-256' });
  return privateKey.tlsKey({ publicKey: await publicKey.toKeyObject() });
})();
await check('a name that is left alone', async () => {
  await collectUntil(async () => (await privateKeys()) === 0);
  return crypto.sign('sha256', message, named);
});
await check('a token key stays', async () => {
  const { publicKey } = await ground.make('p256');
  const pem = await (await client.privateKey({ label: 'p256' })).tlsKey();
  for (let i = 0; i < 5; i += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return crypto.verify('sha256', message, publicKey, crypto.sign('sha256', message, pem));
});
await check('violations', () => ground.hsm.violations);
await ground.end();
