// Session objects that are never disposed of (node --expose-gc). Arguments: module, label, PIN. Prints the state afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'cryptoki';

const [module, label, pin] = process.argv.slice(2);
const warnings = [];
process.on('warning', (warning) => warnings.push(warning));
const open = () => connect({ module, token: { label } }, { pin });
const forget = async (client) => {
  const keys = [];
  for (let i = 0; i < 3; i++)
    keys.push(await client.generateKey('AES', { valueLen: 32, label: 'forgotten' }));
  return keys;
};
const state = async (client) => ({
  pinned: client.statistics().pinned,
  found: (await client.find({ label: 'forgotten' })).length,
});
async function collect(isDone) {
  for (let i = 0; i < 200 && !isDone(); i++) {
    globalThis.gc();
    await sleep(10);
  }
}

const client = await open();
await forget(client);
const disposed = await client.generateKey('AES', { valueLen: 16 });
await disposed.destroy();
const before = await state(client);
await collect(() => warnings.length >= 3 && client.statistics().pinned === 0);
const after = await state(client);

// These objects ended with a closed client, so they are not leaks.
const closed = await open();
let keys = await forget(closed);
await closed.close();
const kept = keys.length;
keys = undefined;
await collect(() => warnings.length > 3);
await client.close();
console.log(
  JSON.stringify({
    before,
    after,
    warnings: warnings.slice(0, 3).map(({ code }) => code),
    message: warnings[0]?.message,
    kept,
    afterClose: warnings.length,
  }),
);
