// @ts-check
// The actions of a random program that uses the model. Each action checks its results; the caller checks errors.
import { createPublicKey } from 'node:crypto';
import { anyObject, anySession, judge, OPERATIONS } from './model-operations.mjs';
import { junk } from './values.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('./targets/model.mjs').World} World */
/** @typedef {import('./targets/model.mjs').Known} Known */
/** @typedef {import('cryptoki').PrivateKey} PrivateKey */
/** @typedef {import('cryptoki').SecretKey} SecretKey */

/** @param {Random} random */
const usage = (random) => ({ token: random.chance(0.3), label: `key ${random.below(5)}` });

/** @param {World} world @param {Random} random @param {'rsa' | 'ec'} kind */
async function generatePair(world, random, kind) {
  if (world.sessions.length === 0) return;
  const session = anySession(world, random);
  const options = kind === 'ec' ? { curve: 'P-256' } : { modulusBits: 1024 };
  const pair = await session.generateKeyPair(kind === 'ec' ? 'EC' : 'RSA', { ...options, ...usage(random) });
  if (!('toKeyObject' in pair.publicKey)) return; // the module did not return its class
  const verifier = await pair.publicKey.toKeyObject();
  const spki = createPublicKey({
    key: verifier.export({ type: 'spki', format: 'der' }),
    type: 'spki',
    format: 'der',
  });
  world.objects.push({
    object: pair.privateKey,
    publicKey: pair.publicKey,
    kind,
    verifier: spki,
    isSure: true,
  });
}

/** @type {readonly { name: string, weight: number, run: (world: World, random: Random) => Promise<unknown> }[]} */
export const ACTIONS = [
  {
    name: 'openSession',
    weight: 10,
    async run(world, random) {
      world.sessions.push(await world.token.openSession({ readWrite: random.chance(0.8) }));
    },
  },
  {
    name: 'close a session',
    weight: 4,
    async run(world, random) {
      if (world.sessions.length > 0) await anySession(world, random).close();
    },
  },
  {
    name: 'login',
    weight: 10,
    async run(world, random) {
      if (world.sessions.length > 0)
        await anySession(world, random).login(random.chance(0.5) ? world.pin : Buffer.from(world.pin));
    },
  },
  { name: 'token.login', weight: 3, run: (world) => world.token.login(world.pin) },
  {
    name: 'login as SO',
    weight: 1,
    async run(world, random) {
      if (world.sessions.length > 0 && world.place.soPin !== undefined)
        await anySession(world, random).login(world.place.soPin, { user: 'SO' });
    },
  },
  {
    name: 'logout',
    weight: 2,
    async run(world, random) {
      if (world.sessions.length > 0) await anySession(world, random).logout();
    },
  },
  { name: 'token.logout', weight: 1, run: (world) => world.token.logout() },
  {
    name: 'setPin',
    weight: 1,
    async run(world, random) {
      if (world.sessions.length > 0) await anySession(world, random).setPin(world.pin, world.pin);
    },
  },
  { name: 'generate an EC pair', weight: 6, run: (world, random) => generatePair(world, random, 'ec') },
  { name: 'generate an RSA pair', weight: 1, run: (world, random) => generatePair(world, random, 'rsa') },
  {
    name: 'create a secret key',
    weight: 6,
    async run(world, random) {
      if (world.sessions.length === 0) return;
      const kind = random.pick(/** @type {const} */ (['aes', 'hmac']));
      const value = random.bytes(kind === 'aes' ? 16 : 32);
      const uses =
        kind === 'aes'
          ? { keyType: 'AES', encrypt: true, decrypt: true }
          : { keyType: 'GENERIC_SECRET', sign: true, verify: true };
      const attributes = /** @type {import('cryptoki').Attributes} */ ({
        class: 'SECRET_KEY',
        ...uses,
        value,
        ...usage(random),
        private: random.pick([true, false, undefined]),
      });
      const object = await anySession(world, random).createObject(attributes);
      world.objects.push({ object, kind, value, isSure: attributes.private !== undefined });
    },
  },
  {
    name: 'create data',
    weight: 4,
    async run(world, random) {
      if (world.sessions.length === 0) return;
      const value = random.bytes(random.length(2000));
      const label = 'd'.repeat(random.below(300));
      const object = await anySession(world, random).createObject({
        class: 'DATA',
        token: random.chance(0.2),
        label,
        value,
        private: random.chance(0.5),
      });
      world.objects.push({ object, kind: 'data', value, label, isSure: true });
    },
  },
  ...OPERATIONS,
  {
    name: 'find',
    weight: 6,
    async run(world, random) {
      if (world.sessions.length === 0) return;
      const known = world.objects.length > 0 ? random.pick(world.objects) : undefined;
      const label = random.chance(0.5) ? known?.label : undefined;
      const found = await anySession(world, random).find(
        label === undefined || label === '' ? 'all' : { label },
        { limit: random.pick([1, 20]) },
      );
      if (label !== undefined && label !== '')
        judge(
          world,
          found.every(
            (each) => each.label === label || (world.place.faults !== undefined && each.label === undefined),
          ),
          'search',
        );
    },
  },
  {
    name: 'attributes',
    weight: 5,
    async run(world, random) {
      const known = anyObject(world, random, ['data']);
      if (known === undefined) return;
      const { value, label } = await known.object.attributes('value', 'label');
      if (value !== undefined && known.value !== undefined)
        judge(world, Buffer.from(/** @type {Buffer} */ (value)).equals(known.value), 'value of data');
      if (label !== undefined) judge(world, label === known.label, 'label of data');
    },
  },
  {
    name: 'copy',
    weight: 2,
    async run(world, random) {
      const known = anyObject(world, random, ['data']);
      if (known !== undefined) world.objects.push({ ...known, object: await known.object.copy() });
    },
  },
  {
    name: 'destroy',
    weight: 3,
    async run(world, random) {
      const known = anyObject(world, random, ['data', 'aes', 'hmac', 'ec']);
      if (known === undefined) return;
      await known.object.destroy();
      await known.object.attributes('class').then(
        () => world.leg.fail('a destroyed object is used', known.kind),
        (error) => world.leg.judgeError('use of a destroyed object', error),
      );
    },
  },
  {
    name: 'random',
    weight: 3,
    async run(world, random) {
      if (world.sessions.length === 0) return;
      const length = random.length(5000);
      const bytes = await anySession(world, random).random(length);
      judge(world, bytes.length === length, 'number of random bytes');
    },
  },
  {
    name: 'junk',
    weight: 8,
    async run(world, random) {
      if (world.sessions.length === 0) return;
      const session = anySession(world, random);
      const known = anyObject(world, random, ['rsa', 'ec', 'hmac', 'aes', 'data']);
      const subject = /** @type {Record<string, (...given: unknown[]) => unknown>} */ (
        /** @type {unknown} */ (known !== undefined && random.chance(0.6) ? known.object : session)
      );
      const methods = [
        'sign',
        'verify',
        'encrypt',
        'decrypt',
        'signMany',
        'createSign',
        'find',
        'createObject',
        'generateKey',
        'generateKeyPair',
        'digest',
        'digestMany',
        'random',
        'attributes',
        'setAttributes',
        'copy',
        'on',
        'privateKey',
      ].filter((name) => typeof subject[name] === 'function');
      const method = random.pick(methods);
      const given = Array.from({ length: random.below(4) }, () =>
        random.chance(0.3) ? /** @type {const} */ (['SHA-256', 'a value']) : junk(random),
      );
      // The text is written to the journal before the call.
      world.leg.note(`junk: ${method}(${given.map(([value, text]) => (text === 'a value' ? value : text))})`);
      if (method === 'random' && typeof given[0]?.[0] === 'number' && given[0][0] > 2 ** 24) return;
      if (method === 'on' && subject === /** @type {unknown} */ (session)) return;
      const result = await subject[method]?.(...given.map(([value]) => value));
      if (method === 'createSign')
        /** @type {import('cryptoki').SignStream} */ (result).on('error', () => {}).destroy();
    },
  },
  {
    name: 'close the module',
    weight: 1,
    async run(world, random) {
      if (random.chance(0.3)) await world.module.close();
    },
  },
  { name: 'module.info', weight: 1, run: (world) => world.module.info() },
];
