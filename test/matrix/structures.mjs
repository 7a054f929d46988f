// @ts-check
// Checks every byte of every PKCS#11 structure that crosses the border between JavaScript and a module, with the module of
// recorder.c. It runs wherever the addon does.
//
//   node test/matrix/structures.mjs RECORDER

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { check, finish } from './checks.mjs';
import { ABI, Layout, programFor, recordOf } from './layout.mjs';
import { outputs, Source, structure } from './values.mjs';

const { load } = await import('cryptoki/raw');
const [path = ''] = process.argv.slice(2);
const layout = new Layout(fileURLToPath(new URL('../../spec', import.meta.url)), ABI);
const source = new Source();
const SERIAL = 4;
const OBJECT = 0x91929394n;
const SLOT = 3n;

const raw = await load(path);
await raw.C_Initialize();
const session = await raw.C_OpenSession(SLOT, SERIAL);

const send = (/** @type {string} */ command, /** @type {Buffer[]} */ ...parts) =>
  raw.C_SeedRandom(session, Buffer.concat([Buffer.from(command), ...parts]));
/** Fails unless the module has seen exactly this memory. @param {import('./layout.mjs').Block} block */
async function expectMemory(block) {
  const wanted = recordOf(block);
  const seen = await raw.C_GenerateRandom(session, wanted.length + 8);
  assert.equal(seen.toString('hex'), Buffer.concat([wanted, Buffer.alloc(8)]).toString('hex'));
}
const plain = (/** @type {Buffer} */ bytes) => ({ bytes, pointers: [] });
const uint32 = (/** @type {number} */ value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

await check('the function list of PKCS#11 3.2 is found by its interface', () => {
  const { version, fromInterface } = raw.description();
  assert.deepEqual([version, fromInterface], [{ major: 3, minor: 2 }, true]);
});

await check('handles and slot numbers are unsigned', async () => {
  assert.ok(session > 0x81020300n && session < 0x81020400n, String(session));
  assert.deepEqual(await raw.C_GetSlotList(true), [3n, 0x80000001n]);
  assert.deepEqual(await raw.C_GetSlotList(false), [3n, 0x80000001n, 0xfffffff0n]);
  assert.deepEqual(await raw.C_GetMechanismList(SLOT), [1, 0x80000001]);
});

await check('a number that does not fit into CK_ULONG is refused', async () => {
  await assert.rejects(async () => raw.C_GetSlotInfo(2n ** BigInt(ABI.ulong * 8)), { name: 'RangeError' });
});

/** Structures that the module fills, with the call that returns each. @type {Record<string, () => Promise<any>>} */
const filled = {
  CK_INFO: () => raw.C_GetInfo(),
  CK_SLOT_INFO: () => raw.C_GetSlotInfo(SLOT),
  CK_TOKEN_INFO: () => raw.C_GetTokenInfo(SLOT),
  CK_MECHANISM_INFO: () => raw.C_GetMechanismInfo(SLOT, 0x80000001),
  CK_SESSION_INFO: () => raw.C_GetSessionInfo(session),
};
for (const [name, call] of Object.entries(filled)) {
  await check(`${name} is read field by field`, async () => {
    const { offsets, size } = layout.of(name);
    const bytes = Buffer.alloc(size);
    /** @type {Record<string, unknown>} */
    const wanted = {};
    for (const field of layout.structures.get(name)?.fields ?? []) {
      const at = offsets.get(field.name) ?? 0;
      if (field.kind === 'Text') {
        wanted[field.js] = `text ${field.js}`.slice(0, field.count);
        bytes.write(String(wanted[field.js]).padEnd(field.count), at);
      } else if (field.kind === 'Version') {
        const [major = 0, minor = 0] = source.bytes(2);
        bytes.set([major, minor], at);
        wanted[field.js] = { major, minor };
      } else {
        const number = 0x80000000 + source.bytes(1).readUInt8();
        layout.ulong(number).copy(bytes, at);
        wanted[field.js] = field.kind === 'Handle' ? BigInt(number) : number;
      }
    }
    await send('A', bytes);
    const info = await call();
    for (const [js, value] of Object.entries(wanted)) assert.deepEqual(info[js], value, `${name}.${js}`);
  });
}

/** Structures that are not parameters, and those that are checked as part of others. */
const checkedInside = /^CK_(ATTRIBUTE|DATE|VERSION|MECHANISM|\w+_KEY_MAT_OUT)$/;
for (const { name, complete } of layout.structures.values()) {
  if (!complete || name in filled || checkedInside.test(name)) continue;
  await check(`${name} has the right bytes, and its output fields are read back`, async () => {
    const { value, block } = structure(layout, name, source);
    const mechanism = layout.mechanism(0x80000123, block);
    await send('W', programFor(mechanism));
    const parameter = { structure: name, ...value };
    const template = [{ type: 0, value: 4 }];
    const key = await raw.C_DeriveKey(session, { mechanism: 0x80000123, parameter }, OBJECT, template);
    assert.equal(key, 0xa1a2a3a4n);
    await expectMemory(mechanism);
    compareOutputs(parameter, outputs(layout, name, block), name);
  });
}

/** @param {any} found @param {any} wanted @param {string} where */
function compareOutputs(found, wanted, where) {
  for (const [js, value] of Object.entries(wanted)) {
    const there = `${where}.${js}`;
    if (Buffer.isBuffer(value))
      assert.equal(Buffer.from(found[js]).toString('hex'), value.toString('hex'), there);
    else if (typeof value === 'object') compareOutputs(found[js], value, there);
    else assert.equal(found[js], value, there);
  }
}

await check(
  'CK_ATTRIBUTE has the right bytes for each type of attribute, nested templates included',
  async () => {
    const [CLASS, TOKEN, LABEL, VALUE] = /** @type {const} */ ([0, 1, 3, 0x11]);
    const [START_DATE, WRAP_TEMPLATE, ALLOWED] = /** @type {const} */ ([0x110, 0x40000211, 0x40000600]);
    const bytes = source.bytes(33);
    const template = [
      { type: CLASS, value: 0x80000004 },
      { type: TOKEN, value: true },
      { type: LABEL, value: 'grüße' },
      { type: VALUE, value: bytes },
      { type: VALUE, value: Buffer.alloc(0) },
      { type: START_DATE, value: new Date('2026-02-03') },
      { type: ALLOWED, value: [1, 0x80000001] },
      {
        type: WRAP_TEMPLATE,
        value: [
          { type: CLASS, value: 4 },
          { type: LABEL, value: 'inner' },
        ],
      },
    ];
    const block = layout.attributes([
      { type: CLASS, value: plain(layout.ulong(0x80000004)) },
      { type: TOKEN, value: plain(Buffer.from([1])) },
      { type: LABEL, value: plain(Buffer.from('grüße')) },
      { type: VALUE, value: plain(bytes) },
      { type: VALUE, value: plain(Buffer.alloc(0)) },
      { type: START_DATE, value: plain(Buffer.from('20260203')) },
      { type: ALLOWED, value: plain(Buffer.concat([layout.ulong(1), layout.ulong(0x80000001)])) },
      {
        type: WRAP_TEMPLATE,
        value: layout.attributes([
          { type: CLASS, value: plain(layout.ulong(4)) },
          { type: LABEL, value: plain(Buffer.from('inner')) },
        ]),
      },
    ]);
    await send('W', programFor(block));
    assert.equal(await raw.C_CreateObject(session, template), OBJECT);
    await expectMemory(block);
  },
);

await check('attributes are read with their lengths and types', async () => {
  const values = [
    layout.ulong(0x80000004),
    Buffer.from([1]),
    Buffer.from('grüße'),
    source.bytes(300),
    Buffer.from('20260203'),
    Buffer.concat([layout.ulong(1), layout.ulong(0x80000001)]),
  ];
  await send('V', ...values.flatMap((value) => [uint32(value.length), value]));
  const types = [0, 1, 3, 0x11, 0x110, 0x40000600];
  const found = (await raw.C_GetAttributeValue(session, OBJECT, types)).map(({ value }) => value);
  assert.deepEqual(found.slice(0, 3), [0x80000004, true, 'grüße']);
  assert.ok(Buffer.from(/** @type {Buffer} */ (found[3])).equals(values[3] ?? Buffer.alloc(0)));
  assert.equal(/** @type {Date} */ (found[4]).toISOString().slice(0, 10), '2026-02-03');
  assert.deepEqual(found[5], [1, 0x80000001]);
});

await check('a thread that ends during a call does no harm, and the addon stays usable', async () => {
  const code = `
    const { workerData } = require('node:worker_threads');
    (async () => {
      const { loadSync } = require(workerData.cryptoki);
      const raw = loadSync(workerData.path);
      raw.C_InitializeSync();
      const session = raw.C_OpenSessionSync(3, 4);
      raw.C_SeedRandomSync(session, Buffer.from([0x53, 150, 0, 0, 0]));
      for (let i = 0; i < 4; i++) raw.C_GenerateRandom(session, 16).catch(() => {});
      setTimeout(() => process.exit(0), 20);
    })();`;
  const cryptoki = fileURLToPath(new URL('../../dist/raw/index.js', import.meta.url));
  for (let round = 0; round < 3; round++) {
    const workers = Array.from(
      { length: 3 },
      () => new Worker(code, { eval: true, workerData: { cryptoki, path } }),
    );
    await Promise.all(
      workers.map((worker) => new Promise((done, fail) => worker.on('exit', done).on('error', fail))),
    );
  }
  await send('S', uint32(0));
  assert.equal((await raw.C_GenerateRandom(session, 4)).length, 4);
});

await check('calls in flight do not block the event loop', async () => {
  await send('S', uint32(300));
  const started = performance.now();
  const slow = raw.C_GenerateRandom(session, 4);
  await new Promise((done) => setTimeout(done, 20));
  assert.ok(performance.now() - started < 250, 'a timer of 20 ms was late');
  await slow;
  assert.ok(performance.now() - started >= 250, 'the call did not wait');
});

// The process ends with a call in flight.
raw.C_GenerateRandom(session, 4).catch(() => {});
finish();
