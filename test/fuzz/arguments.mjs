// @ts-check
// Arguments by role: mostly valid ones, and versions of them that sabotage.mjs and values.mjs have spoilt.
import { readFileSync } from 'node:fs';
import { CKA, CKF, CKM, CKO } from 'cryptoki/raw';
import { at } from '../../scripts/tools.mjs';
import { nestedMechanism, nestedTemplate } from './nested.mjs';
import { RECIPES } from './recipes.mjs';
import { structureFor } from './structures.mjs';
import { bytesOf, edge } from './values.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('./values.mjs').Made} Made */
/** @typedef {import('./ground.mjs').Ground} Ground */

const LARGEST_MESSAGE = 100_000;
/** Larger values only cost memory: 2^31 random bytes are a valid request. */
const LARGEST_RANDOM = 1_000_000;

/** @type {Record<string, { type: string, family?: string }>} */
const attributes = JSON.parse(readFileSync(at('spec', 'attributes.json'), 'utf8'));
const ATTRIBUTE_NAMES = Object.keys(attributes).filter((name) => name.slice(4) in CKA);
/** @type {Record<string, { parameter: string }>} */
const mechanisms = JSON.parse(readFileSync(at('spec', 'mechanisms.json'), 'utf8'));
const MECHANISM_NAMES = Object.keys(mechanisms).filter((name) => name.slice(4) in CKM);
/** SoftHSM2 2.6 crashes when another key signs with DSA. Behind the fault module the package cannot recognise and protect it. */
const DSA = /^CKM_DSA(_SHA|$)/;

const cka = /** @type {Record<string, number>} */ (CKA);
const ckm = /** @type {Record<string, number>} */ (CKM);

/** A value of an attribute's type. @param {Random} random @param {string} type @returns {unknown} */
export function attributeValue(random, type) {
  switch (type) {
    case 'boolean':
      return random.chance(0.5);
    case 'ulong':
      return random.chance(0.3) ? edge(random)[0] : random.below(10);
    case 'utf8':
      return random.pick(['', 'label', 'grüße', '\u{1f511}', 'x'.repeat(300), random.bytes(8)]);
    case 'date':
      return random.pick(['2024-02-29', '', new Date(0), new Date('2038-01-19'), '2024-02-30', '9999-12-31']);
    case 'bigInteger':
      return random.pick([65537n, 2n ** 200n, 0n, random.bytes(random.length(300))]);
    case 'ulongs':
    case 'mechanisms':
      return Array.from({ length: random.below(5) }, () => random.below(5000));
    case 'template':
      return [{ type: CKA.LABEL, value: 'nested' }];
    default:
      return random.bytes(random.length(200));
  }
}

/** @param {Random} random @returns {{ type: number, value?: unknown, bytes?: unknown }} */
function attribute(random) {
  if (random.chance(0.05))
    return { type: CKA.VENDOR_DEFINED + random.below(9), bytes: random.bytes(random.below(20)) };
  const name = random.pick(ATTRIBUTE_NAMES);
  const type = cka[name.slice(4)] ?? 0;
  if (random.chance(0.1)) return { type, bytes: random.bytes(random.length(40)) };
  return { type, value: attributeValue(random, attributes[name]?.type ?? 'bytes') };
}

/** @param {Random} random @returns {Made} */
function template(random) {
  if (random.chance(0.02)) return nestedTemplate(random);
  const kind = random.below(4);
  if (kind === 0) return [[], '[]'];
  const list = Array.from(
    {
      length: random.weighted([
        [8, random.below(6)],
        [1, 40],
      ]),
    },
    () => attribute(random),
  );
  if (kind === 1) {
    list.push(
      { type: CKA.CLASS, value: CKO.DATA },
      { type: CKA.TOKEN, value: false },
      { type: CKA.VALUE, value: random.bytes(random.length(4000)) },
    );
  }
  return [list, `[${list.map((each) => `0x${each.type.toString(16)}`)}]`];
}

/** @param {Random} random @param {Ground} ground @returns {Made} */
function mechanism(random, ground) {
  if (random.chance(0.02)) return nestedMechanism(random);
  if (random.chance(0.6)) {
    const recipe = random.pick(RECIPES);
    return [{ mechanism: recipe.mechanism, parameter: recipe.parameter(random) }, recipe.name];
  }
  const name = random.pick(MECHANISM_NAMES);
  if (DSA.test(name) && ground.place.faults) return mechanism(random, ground);
  const number = ckm[name.slice(4)] ?? 0;
  const { parameter = 'none' } = mechanisms[name] ?? {};
  if (parameter.startsWith('CK_')) {
    // A module that has the mechanism would follow the pointers in any bytes that it receives.
    if (ground.mechanisms.has(number)) return mechanism(random, ground);
    return [{ mechanism: number, parameter: structureFor(random, parameter) }, name];
  }
  return [
    {
      mechanism: number,
      parameter: parameter === 'none' ? undefined : random.bytes(random.pick([8, 12, 16])),
    },
    name,
  ];
}

/** @param {Random} random @returns {Made} */
function bytes(random) {
  return bytesOf(random, random.bytes(random.length(LARGEST_MESSAGE)));
}

const RSA_NUMBERS = new Set(
  Object.entries(ckm).flatMap(([name, number]) =>
    /^(SHA.*_)?RSA_(PKCS|X_509|X9)/.test(name) ? [number] : [],
  ),
);

/**
 * True if SoftHSM2 2.6 would end the process: it verifies an empty signature with the modulus of a key that has none.
 * @param {string} name of the function @param {unknown} mechanism one, or a list
 */
export function needsRsaKey(name, mechanism) {
  if (!/verify/i.test(name)) return false;
  const list = /** @type {{ mechanism?: unknown }[]} */ (Array.isArray(mechanism) ? mechanism : [mechanism]);
  return list.some((each) => RSA_NUMBERS.has(/** @type {number} */ (each?.mechanism)));
}

/** Byte strings, packed. @param {Random} random */
export function pack(random, /** @type {readonly Buffer[]} */ messages) {
  const offsets = new Uint32Array(messages.length + 1);
  messages.forEach((message, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + message.length;
  });
  return { data: bytesOf(random, Buffer.concat(messages)), offsets };
}

/**
 * @param {Random} random @param {string} role @param {Ground} ground
 * @returns {Made}
 */
export function argument(random, role, ground) {
  /** @param {readonly unknown[]} list @returns {Made} */
  const oneOf = (list) => {
    const value = random.pick(list);
    return [
      value,
      typeof value === 'bigint'
        ? `${value}n`
        : typeof value === 'string'
          ? JSON.stringify(value)
          : String(value),
    ];
  };
  switch (role) {
    case 'session': {
      const index = random.below(ground.free.length);
      return [ground.free[index] ?? 0n, `session ${index}`];
    }
    case 'slot':
      return random.chance(0.9) ? [ground.slot, 'slot'] : oneOf([0n, 1, 2n, 2 ** 40]);
    case 'object': {
      const keys = Object.entries(ground.keys);
      if (keys.length > 0 && random.chance(0.5)) {
        const [name, key] = random.pick(keys);
        return random.chance(0.5) ? [key.handle, name] : [key.publicHandle, `public ${name}`];
      }
      return disposable(random, ground);
    }
    case 'disposable':
      return disposable(random, ground);
    case 'mechanism':
      return mechanism(random, ground);
    case 'mechanisms': {
      if (random.chance(0.5)) return mechanism(random, ground);
      const list = Array.from({ length: random.below(4) }, () => mechanism(random, ground)[0]);
      return [list, `[${list.length} mechanisms]`];
    }
    case 'template':
      return template(random);
    case 'bytes':
      return bytes(random);
    case 'part': {
      if (random.chance(0.6)) return bytes(random);
      const list = Array.from({ length: random.below(5) }, () =>
        bytesOf(random, random.bytes(random.length(2000))),
      );
      return [list.map(([value]) => value), `[${list.map(([, text]) => text)}]`];
    }
    case 'packed':
      return bytesOf(random, random.bytes(48));
    case 'offsets':
      return [
        Uint32Array.from(
          random.pick([
            [0, 16, 48],
            [0],
            [],
            [0, 48],
            [0, 16, 8, 48],
            [0, 2 ** 32 - 1],
            [5, 48],
            [0, 0, 0, 48],
          ]),
        ),
        'offsets',
      ];
    case 'digest':
      return random.chance(0.7)
        ? [undefined, 'undefined']
        : [
            {
              mechanism: { mechanism: CKM.SHA256 },
              prefix: random.chance(0.5) ? random.bytes(19) : undefined,
            },
            'digest',
          ];
    case 'pin': // never a value that could become the PIN, and few wrong ones
      return oneOf([ground.place.pin, ground.place.pin, ground.place.pin, '', '1', 'x'.repeat(256), null]);
    case 'pinOption':
      return oneOf([undefined, undefined, undefined, null]);
    case 'label':
      return oneOf(['fuzz', '', 'x'.repeat(33), 'ü'.repeat(16)]);
    case 'utf8':
    case 'functionName':
    case 'reference':
      return oneOf(['', 'C_Sign', 'C_GetInfo', 'text', 'x'.repeat(1000)]);
    case 'parameter': {
      const name = random.pick(['CK_GCM_MESSAGE_PARAMS', 'CK_CCM_MESSAGE_PARAMS', 'CK_GCM_PARAMS']);
      return random.chance(0.3) ? bytes(random) : [structureFor(random, name), name];
    }
    case 'attributes': {
      const list = Array.from({ length: random.below(8) }, () => cka[random.pick(ATTRIBUTE_NAMES).slice(4)]);
      return [list, `[${list.map((type) => `0x${type?.toString(16)}`)}]`];
    }
    case 'count':
      return oneOf([0, 1, 2, 10, 1000]);
    case 'length':
      return [random.length(LARGEST_RANDOM), 'length'];
    case 'ulong':
      return random.chance(0.7) ? oneOf([0, 1, 1, 2, 4, 6]) : edge(random);
    case 'boolean':
      return oneOf([true, false]);
    case 'sessionFlags':
      return oneOf([CKF.SERIAL_SESSION, CKF.SERIAL_SESSION | CKF.RW_SESSION, 0]);
    case 'initialize':
      // A copy: sabotage must not alter the options that the fuzzer itself uses.
      return [ground.place.initialize && { ...ground.place.initialize }, 'the usual options'];
    case 'since':
      return oneOf([0, undefined]);
    case 'callback':
      return [random.chance(0.5) ? () => {} : null, 'callback'];
    case 'keyPlace': {
      const handle = ground.keys.ec?.handle ?? 0n;
      const publicKeyInfo =
        ground.keys.ec?.publicKey?.export({ type: 'spki', format: 'der' }) ?? random.bytes(20);
      const [mechanism, opensslVersion] = [[CKM.ECDSA], process.versions.openssl];
      const place = {
        slot: ground.slot,
        handle,
        isPrivate: true,
        readWrite: true,
        session: ground.free[0] ?? 0n,
      };
      return [{ ...place, publicKeyInfo, mechanisms: mechanism, opensslVersion }, 'place'];
    }
    default:
      throw new RangeError(`no values for the role "${role}": see arguments.mjs`);
  }
}

/** @param {Random} random @param {Ground} ground @returns {Made} */
function disposable(random, ground) {
  if (random.chance(0.2) || ground.objects.length === 0) return edge(random);
  const index = random.below(ground.objects.length);
  return [ground.objects[index], `object ${index}`];
}
