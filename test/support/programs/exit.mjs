// A process that ends while calls are in flight. Arguments: module, label, PIN, how to end.
import { Module } from 'cryptoki';

const [path, label, pin, ending] = process.argv.slice(2);
const module = await Module.open(path);
const token = await module.token({ label });
const sessions = await Promise.all(Array.from({ length: 8 }, () => token.openSession({ readWrite: true })));
await sessions[0].login(pin);
const { privateKey } = await sessions[0].generateKeyPair('RSA', { modulusBits: 2048 });
let done = 0;
for (const session of sessions) {
  const key = privateKey.on(session);
  for (let i = 0; i < 20; i++) key.sign('RSA-PKCS1-SHA256', Buffer.from('in flight')).then(() => (done += 1));
}
if (ending === 'exit') process.exit(0);
if (ending === 'throw') throw new Error('on purpose');
// 'return': the process stays alive until the promises are settled, although nothing was closed.
process.on('exit', () => console.log(`done ${done}`));
