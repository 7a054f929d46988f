// @ts-check
// Objects and arrays that run code while they are read: getters and proxies that throw, detach or shrink memory, close the
// session, finalise the module, or extend the array that is being read.
import { Planted } from './leg.mjs';
import { memoryOf, revoked } from './values.mjs';

/** @typedef {import('./random.mjs').Random} Random */

/**
 * More reads of elements than this count as an endless read. The arrays of one argument may have 2 ** 20 elements together;
 * a list that grows and contains itself comes close to that before it exceeds the depth limit.
 */
const MOST_READS = 2 ** 21;

/**
 * Objects on which a trap can act. Filled while the arguments of a call are made.
 * @typedef {object} Scene
 * @property {unknown[]} memories values that hold bytes, of this call
 * @property {() => void} closeSession
 * @property {() => void} finalise
 * @property {() => void} callInside makes another call on the same session
 * @property {(key: string, detail: string) => void} fail
 * @property {string} name of the function that is called
 */

/** @param {() => void} action */
function quietly(action) {
  try {
    action();
  } catch {
    // The inner call may fail in any way: only the outer one is checked.
  }
}

/** @param {unknown} value */
function detach(value) {
  const memory = memoryOf(value);
  if (memory instanceof ArrayBuffer) quietly(() => structuredClone(memory, { transfer: [memory] }));
}

/** @param {unknown} value */
function shrink(value) {
  const memory = memoryOf(value);
  if (memory !== undefined && 'resize' in memory)
    quietly(() => /** @type {{ resize(length: number): void }} */ (memory).resize(0));
  else detach(value);
}

/** @type {readonly (readonly [number, string])[]} */
const ACTIONS = [
  [4, 'throws'],
  [8, 'detaches'],
  [4, 'shrinks'],
  [3, 'closes the session'],
  [1, 'finalises'],
  [3, 'calls'],
  [3, 'collects garbage'],
  [4, 'changes nothing'],
  [3, 'gives something else'],
];

/**
 * The action of a trap. @param {Random} random @param {Scene} scene
 * @returns {{ text: string, act: (value: unknown) => unknown }}
 */
function action(random, scene) {
  const text = random.weighted(ACTIONS);
  let times = random.pick([1, 1, 2, 100]); // number of reads after which it acts
  const other = random.pick([undefined, null, 0, -1, 'x', [], {}, 2n ** 64n, Buffer.alloc(3)]);
  /** @param {unknown} value */
  const act = (value) => {
    if (times === 0) return value;
    times -= 1;
    switch (text) {
      case 'throws':
        throw new Planted('by a getter');
      case 'detaches':
        for (const memory of scene.memories) detach(memory);
        break;
      case 'shrinks':
        for (const memory of scene.memories) shrink(memory);
        break;
      case 'closes the session':
        quietly(scene.closeSession);
        break;
      case 'finalises':
        quietly(scene.finalise);
        break;
      case 'calls':
        quietly(scene.callInside);
        break;
      case 'collects garbage':
        quietly(() => globalThis.gc?.());
        break;
      case 'gives something else':
        return other;
    }
    return value;
  };
  return { text, act };
}

/** @param {unknown[]} list @param {Scene} scene */
function growing(list, scene) {
  const first = list[0];
  let reads = 0;
  const last = () => {
    reads += 1;
    if (reads > MOST_READS) {
      scene.fail(
        'a list that grows while it is read is read without end',
        `${scene.name}: ${reads} elements read`,
      );
      throw new Planted('the list grew without end');
    }
    Object.defineProperty(list, list.length, { get: last, configurable: true, enumerable: true });
    return first;
  };
  Object.defineProperty(list, list.length, { get: last, configurable: true, enumerable: true });
  return list;
}

/** A proxy of a list that reports a very large length. @param {unknown[]} list @param {Scene} scene */
function endless(list, scene) {
  let reads = 0;
  return new Proxy(list, {
    get(target, key, receiver) {
      reads += 1;
      if (reads > MOST_READS) {
        scene.fail(
          'a list that says it has 2 ** 32 - 1 elements is read to its end',
          `${scene.name}: ${reads} reads`,
        );
        throw new Planted('the list is too long');
      }
      if (key === 'length') return 2 ** 32 - 1;
      return Reflect.get(target, typeof key === 'string' && /^\d+$/.test(key) ? '0' : key, receiver);
    },
  });
}

/** @param {object} target @param {(value: unknown) => unknown} act @returns {object} */
function watched(target, act) {
  return new Proxy(target, {
    get: (from, key, receiver) => act(Reflect.get(from, key, receiver)),
    has: (from, key) => {
      act(undefined);
      return Reflect.has(from, key);
    },
    ownKeys: (from) => {
      act(undefined);
      return Reflect.ownKeys(from);
    },
    getOwnPropertyDescriptor: (from, key) => {
      act(undefined);
      return Reflect.getOwnPropertyDescriptor(from, key);
    },
  });
}

/**
 * Spoils a value that is an object: changes it, or replaces it.
 * @param {Random} random @param {object} value @param {Scene} scene
 * @returns {readonly [object, string]}
 */
export function sabotage(random, value, scene) {
  const keys = Object.keys(value);
  const key = keys.length > 0 ? random.pick(keys) : 'length';
  const inner = /** @type {Record<string, unknown>} */ (value)[key];
  // Inner objects are spoilt as often as the outer one.
  if (typeof inner === 'object' && inner !== null && memoryOf(inner) === undefined && random.chance(0.5)) {
    const [spoiled, text] = sabotage(random, inner, scene);
    quietly(() =>
      Object.defineProperty(value, key, {
        value: spoiled,
        configurable: true,
        enumerable: true,
        writable: true,
      }),
    );
    return [value, `.${key}${text}`];
  }
  if (memoryOf(value) !== undefined) return [value, ''];
  const { text, act } = action(random, scene);
  /** @type {[number, () => readonly [object, string]][]} */
  const ways = [
    [
      10,
      () => {
        quietly(() =>
          Object.defineProperty(value, key, { get: () => act(inner), configurable: true, enumerable: true }),
        );
        return [value, ` (getter of ${key} ${text})`];
      },
    ],
    [5, () => [watched(value, act), ` (proxy ${text})`]],
    [1, () => [revoked(value), ' (revoked proxy)']],
    [1, () => [Object.freeze(value), ' (frozen)']],
    [1, () => [Object.assign(value, { [key]: value }), ` (holds itself as ${key})`]],
    [1, () => [Object.assign(value, { unknownMember: 1 }), ' (unknown member)']],
    [1, () => [Object.assign(Object.create({ inherited: 1 }), value), ' (has a prototype)']],
  ];
  if (Array.isArray(value)) {
    ways.push([3, () => [growing(value, scene), ' (grows)']]);
    ways.push([2, () => [endless(value, scene), ' (says it is endless)']]);
    ways.push([
      2,
      () => {
        value.length += random.between(1, 50);
        return [value, ' (holes at the end)'];
      },
    ]);
    ways.push([
      2,
      () => {
        delete value[Number(key)];
        return [value, ' (a hole)'];
      },
    ]);
    ways.push([
      2,
      () => {
        quietly(() =>
          Object.defineProperty(value, key, {
            get: () => {
              value.length = 0;
              return inner;
            },
          }),
        );
        return [value, ' (becomes empty)'];
      },
    ]);
  }
  return random.weighted(ways)();
}

/** Names of members that Object.prototype can get, with their values. */
const POLLUTION = [
  'parameter',
  'structure',
  'mechanism',
  'type',
  'bytes',
  'iv',
  'digest',
  'prefix',
  'code',
  'hashAlg',
  'template',
];

/**
 * Runs an action while Object.prototype has a member with the name of an argument's property.
 * @template T @param {Random} random @param {() => T} run @returns {T}
 */
export function polluted(random, run) {
  const name = random.pick(POLLUTION);
  const value = random.pick([0, 1n, 'CK_GCM_PARAMS', Buffer.alloc(4), {}, [], null]);
  Object.defineProperty(Object.prototype, name, {
    value,
    configurable: true,
    writable: true,
    enumerable: random.chance(0.5),
  });
  try {
    return run();
  } finally {
    Reflect.deleteProperty(Object.prototype, name);
  }
}
