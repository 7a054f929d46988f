// @ts-check
// Operations with keys for a random program that uses the model, and the verification of their results.
import { createCipheriv, createHash, createHmac, verify } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('./targets/model.mjs').World} World */
/** @typedef {import('./targets/model.mjs').Known} Known */
/** @typedef {import('cryptoki').PrivateKey} PrivateKey */
/** @typedef {import('cryptoki').SecretKey} SecretKey */

/** @param {World} world @param {Random} random */
export const anySession = (world, random) =>
  random.pick([...world.sessions, ...world.sessions, ...world.closed.slice(-1)]);

/** @param {World} world @param {Random} random @param {Known['kind'][]} kinds @returns {Known | undefined} */
export function anyObject(world, random, kinds) {
  // An object without a class from the module has no operations.
  const found = world.objects.filter(
    ({ kind, object }) => kinds.includes(kind) && (kind === 'data' || 'sign' in object),
  );
  const known = found.length === 0 ? undefined : random.pick(found);
  if (known === undefined || world.sessions.length === 0 || random.chance(0.5)) return known;
  const session = random.pick(world.sessions);
  if (session.token.slot !== known.object.session.token.slot) return known;
  return { ...known, object: known.object.on(session) };
}

/** @param {World} world @param {boolean} isRight @param {string} what */
export function judge(world, isRight, what) {
  if (!world.isJudged) return;
  if (isRight) world.leg.verified(what);
  else world.leg.fail(`model: wrong ${what}`, what);
}

/** @param {Known} known @param {Random} random */
function algorithm({ kind }, random) {
  const hash = random.pick(['SHA256', 'SHA384', 'SHA512']);
  const name = {
    rsa: random.pick([`RSA-PKCS1-${hash}`, `RSA-PSS-${hash}`]),
    ec: `ECDSA-${hash}`,
    hmac: `HMAC-${hash}`,
  }[/** @type {'ec'} */ (kind)];
  return { name, hash: hash.toLowerCase() };
}

/** @param {Known} known @param {string} name @param {string} hash @param {Buffer} message @param {Buffer} signature */
function isSignature({ verifier, value }, name, hash, message, signature) {
  if (value !== undefined) return createHmac(hash, value).update(message).digest().equals(signature);
  if (verifier === undefined) return false;
  if (name.startsWith('ECDSA'))
    return verify(hash, message, { key: verifier, dsaEncoding: 'ieee-p1363' }, signature);
  const padding = name.startsWith('RSA-PSS')
    ? { padding: 6, saltLength: createHash(hash).digest().length }
    : {};
  return verify(hash, message, { key: verifier, ...padding }, signature);
}

/** @type {readonly { name: string, weight: number, run: (world: World, random: Random) => Promise<unknown> }[]} */
export const OPERATIONS = [
  {
    name: 'sign',
    weight: 14,
    async run(world, random) {
      const known = anyObject(world, random, ['rsa', 'ec', 'hmac']);
      if (known === undefined) return;
      const { name, hash } = algorithm(known, random);
      const message = random.bytes(random.length(70_000));
      const key = /** @type {PrivateKey} */ (known.object);
      const signature = random.chance(0.3) ? key.signSync(name, message) : await key.sign(name, message);
      judge(world, isSignature(known, name, hash, message, signature), `signature: ${name}`);
      world.results.keep('sign', signature, random);
    },
  },
  {
    name: 'signMany',
    weight: 5,
    async run(world, random) {
      const known = anyObject(world, random, ['rsa', 'ec', 'hmac']);
      if (known === undefined) return;
      const { name, hash } = algorithm(known, random);
      const messages = Array.from({ length: random.below(40) }, () => random.bytes(random.length(500)));
      const options =
        random.chance(0.5) && world.sessions.length > 0 ? { sessions: world.sessions.slice(0, 3) } : {};
      const results = await /** @type {PrivateKey} */ (known.object).signMany(name, messages, options);
      for (const { index, value, error } of results.items()) {
        if (error !== undefined) world.leg.judgeError('signMany of a message', error);
        else
          judge(
            world,
            isSignature(known, name, hash, messages[index] ?? Buffer.alloc(0), value),
            `batch: ${name}`,
          );
      }
    },
  },
  {
    name: 'sign a stream',
    weight: 4,
    async run(world, random) {
      const known = anyObject(world, random, ['rsa', 'ec', 'hmac']);
      if (known === undefined) return;
      const { name, hash } = algorithm(known, random);
      const parts = Array.from({ length: random.below(6) }, () => random.bytes(random.length(40_000)));
      const stream = /** @type {PrivateKey} */ (known.object).createSign(name);
      if (random.chance(0.15)) {
        stream.on('error', () => {});
        stream.write(random.bytes(10));
        stream.destroy();
        return;
      }
      await pipeline(Readable.from(parts), stream);
      judge(
        world,
        isSignature(known, name, hash, Buffer.concat(parts), await stream.result()),
        `stream: ${name}`,
      );
    },
  },
  {
    name: 'verify',
    weight: 5,
    async run(world, random) {
      const known = anyObject(world, random, ['hmac']);
      if (known?.value === undefined) return;
      const message = random.bytes(random.length(3000));
      const mac = createHmac('sha256', known.value).update(message).digest();
      const isRight = random.chance(0.5);
      if (!isRight) mac.writeUInt8((mac[3] ?? 0) ^ (1 << random.below(8)), 3);
      judge(
        world,
        (await /** @type {SecretKey} */ (known.object).verify('HMAC-SHA256', message, mac)) === isRight,
        'verification',
      );
    },
  },
  {
    name: 'encrypt',
    weight: 8,
    async run(world, random) {
      const known = anyObject(world, random, ['aes']);
      if (known?.value === undefined) return;
      const iv = random.bytes(16);
      const message = random.bytes(random.length(20_000));
      const key = /** @type {SecretKey} */ (known.object);
      const cipher = createCipheriv('aes-128-cbc', known.value, iv);
      const wanted = Buffer.concat([cipher.update(message), cipher.final()]);
      const result = random.chance(0.5)
        ? await key.encrypt({ name: 'AES-CBC', iv }, message)
        : await key.decrypt({ name: 'AES-CBC', iv }, wanted);
      judge(world, result.equals(wanted) || result.equals(message), 'AES-CBC');
      world.results.keep('encrypt', result, random);
    },
  },
  {
    name: 'digest',
    weight: 5,
    async run(world, random) {
      if (world.sessions.length === 0) return;
      const message = random.bytes(random.length(70_000));
      const session = anySession(world, random);
      const digest = random.chance(0.5)
        ? session.digestSync('SHA-256', message)
        : await session.digest('SHA-256', message);
      judge(world, createHash('sha256').update(message).digest().equals(digest), 'digest');
      world.results.keep('digest', digest, random);
    },
  },
];
