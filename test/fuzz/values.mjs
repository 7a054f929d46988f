// @ts-check
// Values that no function accepts, and sources of bytes of every kind. Each comes with a text for the journal, because
// inspecting a value could run its getters.

import { types } from 'node:util';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {readonly [value: unknown, text: string]} Made */

/** Numbers at the limits of the types in native code. */
export const EDGES = [
  ...[0, -0, 1, -1, 0.5, 127, 128, 255, 256, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32],
  ...[
    2 ** 53 - 1,
    2 ** 53,
    2 ** 63,
    2 ** 64,
    1e308,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -(2 ** 31),
    -(2 ** 53),
  ],
  ...[
    0n,
    1n,
    -1n,
    2n ** 31n,
    2n ** 32n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
    2n ** 64n,
    2n ** 70n,
    -(2n ** 63n),
  ],
];

/** @param {unknown} value */
const numberText = (value) =>
  typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : String(value);

/** @param {Random} random @returns {Made} */
export function edge(random) {
  const value = random.pick(EDGES);
  return [value, numberText(value)];
}

class Unfit {
  field = 1;
}

/** Nesting of arrays and objects that exhausts the stack of a recursive function. */
const DEPTH = 30_000;

/** @param {string} key @returns {object} */
export function deep(key) {
  /** @type {Record<string, unknown>} */
  let value = {};
  for (let i = 0; i < DEPTH; i += 1) value = { [key]: value };
  return value;
}

export function deepArray() {
  /** @type {unknown[]} */
  let value = [];
  for (let i = 0; i < DEPTH; i += 1) value = [value];
  return value;
}

/** An array that contains itself. */
function circle() {
  /** @type {unknown[]} */
  const list = [];
  list.push(list, list);
  return list;
}

export function revoked(target = {}) {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

const bomb = () => ({
  [Symbol.toPrimitive]() {
    throw new TypeError('Cannot convert to a primitive value');
  },
});

/** @type {readonly (readonly [string, (random: Random) => unknown])[]} */
const JUNK = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['true', () => true],
  ['false', () => false],
  ["''", () => ''],
  ["'text'", () => 'text'],
  ["'\\0'", () => '\0'],
  ["'\\ud800'", () => '\ud800'],
  ['a string of 1 MiB', () => 'ä'.repeat(2 ** 19)],
  ['Symbol()', () => Symbol('fuzz')],
  ['Symbol.iterator', () => Symbol.iterator],
  ['{}', () => ({})],
  ['[]', () => []],
  ['[,]', () => Array(1)],
  ['[1, , 3]', () => [1, ...Array(1), 3]],
  ['an array with holes only', () => Array(1000)],
  ['a function', () => () => 1],
  ['a class', () => Unfit],
  ['an instance', () => new Unfit()],
  ['Object.create(null)', () => Object.create(null)],
  ['a Date', () => new Date(Number.NaN)],
  ['a Map', () => new Map([[1, 2]])],
  ['a RegExp', () => /x/],
  ['a Promise', () => Promise.resolve(1)],
  ['an Error', () => new Error('fuzz')],
  ['a boxed number', () => Object(1)],
  ['a boxed bigint', () => Object(1n)],
  ['a revoked proxy', () => revoked()],
  ['a revoked proxy of an array', () => revoked([])],
  ['an object without a primitive value', bomb],
  ['an array that holds itself', circle],
  ['30,000 arrays in each other', deepArray],
  [
    '30,000 objects in each other',
    (random) => deep(random.pick(['parameter', 'value', 'structure', 'template'])),
  ],
  ['globalThis', () => globalThis],
  ['a WeakRef', () => new WeakRef({})],
  ['a generator', () => (function* () {})()],
  ['an object like an array', () => ({ length: 2, 0: 1, 1: 2 })],
  ['{ length: 2 ** 32 - 1 }', () => ({ length: 2 ** 32 - 1 })],
];

/** A value of any kind. @param {Random} random @returns {Made} */
export function junk(random) {
  if (random.chance(0.3)) return edge(random);
  if (random.chance(0.15)) return bytesOf(random, random.bytes(random.length(64)));
  const [text, make] = random.pick(JUNK);
  return [make(random), text];
}

/** A long list with few elements, or none. It is rare, because a loop over it takes long. @returns {Made} */
export function sparse() {
  /** @type {unknown[]} */
  const list = [];
  list.length = 2 ** 32 - 1;
  return [list, 'an empty array of length 2 ** 32 - 1'];
}

/**
 * These bytes as one of the types that hold bytes.
 * @param {Random} random @param {Buffer} bytes
 * @returns {Made}
 */
export function bytesOf(random, bytes) {
  const { length } = bytes;
  const around = random.between(1, 9);
  /** @param {ArrayBufferLike} memory @param {number} [at] */
  const filled = (memory, at = 0) => {
    new Uint8Array(memory, at, length).set(bytes);
    return memory;
  };
  /** @type {[number, () => Made][]} */
  const kinds = [
    [8, () => [bytes, `Buffer(${length})`]],
    [4, () => [new Uint8Array(bytes), `Uint8Array(${length})`]],
    [3, () => [filled(new ArrayBuffer(length)), `ArrayBuffer(${length})`]],
    [
      3,
      () => [
        new Uint8Array(filled(new ArrayBuffer(length + 2 * around), around), around, length),
        `Uint8Array(${length}) at ${around}`,
      ],
    ],
    [
      2,
      () => [
        new DataView(filled(new ArrayBuffer(length + around), around), around, length),
        `DataView(${length}) at ${around}`,
      ],
    ],
    [
      2,
      () => [
        new Uint8Array(filled(new SharedArrayBuffer(length))),
        `Uint8Array(${length}) of a SharedArrayBuffer`,
      ],
    ],
    [1, () => [filled(new SharedArrayBuffer(length)), `SharedArrayBuffer(${length})`]],
    [1, () => [filled(resizable(length)), `resizable ArrayBuffer(${length})`]],
    [
      2,
      () => [
        new Uint8Array(filled(resizable(length)), 0, length),
        `Uint8Array(${length}) of a resizable ArrayBuffer`,
      ],
    ],
    [
      1,
      () => [
        new Uint8Array(filled(resizable(length))),
        `Uint8Array(${length}) that follows a resizable ArrayBuffer`,
      ],
    ],
  ];
  if (length % 2 === 0)
    kinds.push([
      1,
      () => [new Uint16Array(filled(new ArrayBuffer(length))), `Uint16Array of ${length} bytes`],
    ]);
  if (length % 8 === 0)
    kinds.push([
      1,
      () => [new BigUint64Array(filled(new ArrayBuffer(length))), `BigUint64Array of ${length} bytes`],
    ]);
  return random.weighted(kinds)();
}

/** @param {number} length @returns {ArrayBuffer} */
function resizable(length) {
  const options = { maxByteLength: length + 64 };
  return Reflect.construct(ArrayBuffer, [length, options]);
}

/** The memory of a value that holds bytes. @param {unknown} value @returns {ArrayBufferLike | undefined} */
export function memoryOf(value) {
  if (ArrayBuffer.isView(value)) return value.buffer;
  // A type check instead of instanceof, which asks a proxy for its prototype and fails for a revoked one.
  return types.isAnyArrayBuffer(value) ? value : undefined;
}

/** A copy of the current bytes; empty if the memory was detached. @param {unknown} value @returns {Buffer} */
export function contentOf(value) {
  try {
    if (ArrayBuffer.isView(value))
      return Buffer.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    const memory = memoryOf(value);
    return memory === undefined ? Buffer.alloc(0) : Buffer.from(new Uint8Array(memory));
  } catch {
    return Buffer.alloc(0); // detached, or smaller than the view
  }
}
