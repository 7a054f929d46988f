// A worker thread that signs with its own sessions until it ends in the requested way.
import { parentPort, workerData } from 'node:worker_threads';
import { Module } from 'cryptoki';

const { module: path, label, pin, count, ending } = workerData;
const module = await Module.open(path);
const token = await module.token({ label });
const session = await token.openSession({ readWrite: true });
await session.login(pin);
const { privateKey, publicKey } = await session.generateKeyPair('EC', { curve: 'P-256' });

let valid = 0;
for (let i = 0; i < count; i++) {
  const message = Buffer.from(`message ${i}`);
  if (await publicKey.verify('ECDSA-SHA256', message, await privateKey.sign('ECDSA-SHA256', message)))
    valid += 1;
}
parentPort.postMessage({ valid, state: session.state });

// Calls in flight, and calls queued behind them, when the thread ends.
for (let i = 0; i < 200; i++) privateKey.sign('ECDSA-SHA256', Buffer.from('in flight')).catch(() => {});
for (let i = 0; i < 200; i++) module.raw.C_DestroyObject(session.handle, 999_999n).catch(() => {}); // failed calls, too
session.generateKeyPair('RSA', { modulusBits: 2048 }).catch(() => {});
if (ending === 'exit') process.exit(0);
if (ending === 'close') await module.close();
if (ending === 'terminate') setInterval(() => {}, 1000); // the parent terminates it
