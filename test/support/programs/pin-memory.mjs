// Sends a PIN and then searches its own memory for it (Linux). Arguments: way to send it ('model', 'raw', 'token', 'setPin',
// 'context', 'none'), module, label, and the PIN with each byte inverted, in hexadecimal digits, so that no string of this
// process contains it. Prints the number of copies of the PIN, after a check that the search finds a PIN that is present.
import { openSync, readFileSync, readSync } from 'node:fs';
import { Module } from 'cryptoki';

const [how, path, label, inverted] = process.argv.slice(2);
const needle = Buffer.from(inverted, 'hex');

/** Memory outside the heap, which the collector does not move, so that this program makes no copies itself. */
function outside(length) {
  return Buffer.from(new ArrayBuffer(length));
}
function makePin() {
  const pin = outside(needle.length);
  for (let i = 0; i < pin.length; i++) pin[i] = needle[i] ^ 0xff;
  return pin;
}

const chunk = outside(1 << 20);

/** Number of copies of the PIN in the memory of this process. */
function count() {
  const memory = openSync('/proc/self/mem', 'r');
  const first = needle[0] ^ 0xff;
  const own = needle.length - 1;
  let found = 0;
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line) ?? [];
    if (from === undefined || /\[v(var|syscall)|\[vvar_/.test(line)) continue;
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += chunk.length - own) {
      let size = 0;
      try {
        size = readSync(memory, chunk, 0, Math.min(chunk.length, end - at), at);
      } catch {
        break; // a mapping of a device, which cannot be read
      }
      for (let i = chunk.indexOf(first); i >= 0 && i + own < size; i = chunk.indexOf(first, i + 1)) {
        let same = 0;
        while (same <= own && chunk[i + same] === (needle[same] ^ 0xff)) same += 1;
        if (same > own) found += 1;
      }
      chunk.fill(0);
    }
  }
  return found;
}

const module = await Module.open(path);
const token = await module.token({ label });
const session = await token.openSession({ readWrite: true });

const pin = makePin();
const control = count();
/** @type {Record<string, () => unknown>} */
const WAYS = {
  none: () => {},
  raw: () => module.raw.C_LoginSync(session.handle, 1, pin),
  model: () => session.login(pin),
  token: () => token.login(pin),
  setPin: async () => {
    await session.setPin(pin, pin);
    await session.login(pin);
  },
  context: async () => {
    await session.login(pin);
    const privateKey = { alwaysAuthenticate: true };
    const pair = await session.generateKeyPair('EC', { curve: 'P-256', privateKey });
    const message = Buffer.from('message');
    await pair.privateKey.sign('ECDSA-SHA256', message, { pin });
    pair.privateKey.signSync('ECDSA-SHA256', message, { pin });
  },
};
await WAYS[how]();
pin.fill(0);
console.log(JSON.stringify({ control, left: count(), state: session.state }));
await module.close();
