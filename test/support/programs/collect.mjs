// Garbage collection under calls in flight (node --expose-gc). Arguments: module, label, PIN.
import { Module } from 'cryptoki';

const [path, label, pin] = process.argv.slice(2);
const message = () => Buffer.alloc(100_000, 7); // only the call refers to it
const churn = () => {
  globalThis.gc();
  return Array.from({ length: 50 }, () => Buffer.alloc(100_000, 255)).length;
};

let module = await Module.open(path);
let session = await (await module.token({ label })).openSession({ readWrite: true });
await session.login(pin);
const expected = (await session.digest('SHA-256', message())).toString('hex');
for (let round = 0; round < 50; round++) {
  const results = Array.from({ length: 20 }, () => session.digest('SHA-256', message()));
  churn();
  for (const result of await Promise.all(results)) {
    if (result.toString('hex') !== expected) throw new Error('a message was changed under its call');
  }
}

// The caller changes its buffer while the call runs; the call must use a copy.
const shared = message();
const before = session.digest('SHA-256', shared);
shared.fill(0);
if ((await before).toString('hex') !== expected) throw new Error('the call saw a later change');

// Nothing refers to module and session any more, but calls are in flight: they must finish before the module is freed.
const last = Array.from({ length: 200 }, () => session.digest('SHA-256', message()));
session = undefined;
module = undefined;
churn();
for (const result of await Promise.all(last))
  if (result.toString('hex') !== expected) throw new Error('wrong digest');
churn();
await new Promise((resolve) => setTimeout(resolve, 100));

const again = await Module.open(path);
await again.tokens();
await again.close();
console.log('collected');
