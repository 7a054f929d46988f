// A process that ends while calls run that take much longer than it waits. Arguments: module, label, PIN, way to end.
import { Module } from 'cryptoki';

const [path, label, pin, ending] = process.argv.slice(2);
const module = await Module.open(path);
const token = await module.token({ label });
const sessions = await Promise.all([0, 1, 2].map(() => token.openSession({ readWrite: true })));
await sessions[0].login(pin);
for (const session of sessions) {
  session.generateKeyPair('RSA', { modulusBits: 8192 }).catch(() => {});
}
await new Promise((resolve) => setTimeout(resolve, 200));
process.on('exit', (code) => console.log(`exit ${code}`));
if (ending === 'exit') process.exit(3);
if (ending === 'reject') Promise.reject(new Error('on purpose'));
if (ending === 'throw') throw new Error('on purpose');
