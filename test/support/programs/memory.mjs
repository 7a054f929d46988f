// 100,000 calls of all kinds, successful and failed (node --expose-gc). Arguments: module, label, PIN. Prints the growth of the
// process in bytes since the first fifth of them.
import { Module } from 'cryptoki';
import { CKM } from 'cryptoki/raw';

const [path, label, pin] = process.argv.slice(2);
const module = await Module.open(path);
const session = await (await module.token({ label })).openSession({ readWrite: true });
await session.login(pin);
const { privateKey } = await session.generateKeyPair('EC', { curve: 'P-256', label: 'memory' });
const aes = await session.generateKey('AES', { label: 'memory' });
const message = Buffer.alloc(1000, 1);
const { raw } = module;
const { handle } = session;

const CALLS = [
  () => privateKey.sign('ECDSA-SHA256', message),
  () => session.digest('SHA-256', message),
  () => aes.encrypt({ name: 'AES-GCM', iv: Buffer.alloc(12), additionalData: message }, message),
  () => privateKey.attributes('label', 'ecParams', 'value', 'startDate', 'modulus'),
  () => session.find({ label: 'memory' }),
  () => session.random(100),
  () => raw.C_GetSessionInfo(handle),
  () => raw.digestSync(handle, { mechanism: CKM.SHA256 }, message),
  // Refused: by the binding before and after it has read its arguments, and by the module.
  () => raw.sign(handle, { mechanism: CKM.AES_GCM, parameter: { iv: message, tagBits: 128 } }, 1n, 'text'),
  () => raw.sign(handle, { mechanism: CKM.AES_GCM, parameter: { iv: message, tagBits: -1 } }, 1n, message),
  () => raw.C_DecryptInit(handle, { mechanism: CKM.AES_GCM, parameter: { iv: message, tagBits: 128 } }, 99n),
  () => raw.C_CreateObject(handle, [{ type: 3, value: 'x' }]),
];
const ROUNDS = Math.ceil(100_000 / CALLS.length);

function settledSize() {
  for (let i = 0; i < 3; i++) globalThis.gc();
  return process.memoryUsage().rss;
}

let before = 0;
for (let round = 0; round < ROUNDS; round++) {
  if (round === Math.floor(ROUNDS / 5)) before = settledSize();
  await Promise.allSettled(CALLS.map(async (call) => call()));
}
console.log(settledSize() - before);
await module.close();
