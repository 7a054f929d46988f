import { isAbortSignal, isArrayBuffer } from './realms';

/** A TypeError or RangeError with Node's code for a wrong argument. */
export function argumentError(Type: typeof TypeError | typeof RangeError, message: string): Error {
  const code = Type === RangeError ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE';
  return Object.assign(new Type(message), { code });
}

/** A value as an error shows it: what it is, where it is no name or number. (To make text of it could run its code.) */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 64 ? `${value.slice(0, 64)}...` : value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return `${value}`;
  if (value === undefined || value === null) return `${value}`;
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

/**
 * Whether a value is an object as literals, JSON.parse and Object.create(null) make them, of any realm: a Map, a Date, a
 * KeyObject or an instance of a class is not, since its members are not what it holds.
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  // Object.prototype, of whichever realm: nothing is behind it, and it has what no other prototype has of its own.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

/** Whether a value is bytes: a Buffer, typed array, DataView or ArrayBuffer. */
export function isBytes(value: unknown): value is ArrayBufferView | ArrayBuffer {
  return ArrayBuffer.isView(value) || isArrayBuffer(value);
}

/**
 * {@link viewOf}, of what may be no bytes.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function bytesOf(value: unknown, what: string): Uint8Array {
  if (isBytes(value)) return viewOf(value);
  throw argumentError(TypeError, `${what} must be bytes (a Buffer, typed array, DataView or ArrayBuffer)`);
}

/** The bytes themselves, not a copy. */
export function viewOf(bytes: ArrayBufferView | ArrayBuffer): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}

/**
 * Refuses what is not a plain object of options, and options that are not known: a misspelt one must not be ignored, nor an
 * AbortSignal that is given in the place of options.
 * @param what names the options, in the plural
 * @throws TypeError ERR_INVALID_ARG_TYPE; TypeError ERR_INVALID_ARG_VALUE, which names the option and the nearest known name
 */
export function requireOptions(value: unknown, what: string, known: readonly string[]): void {
  requireOptionsObject(value, what);
  for (const name of Object.keys(value as object)) {
    if (!known.includes(name)) throw unknownName(`${what} have`, name, known);
  }
}

/**
 * Refuses what is not a plain object of options; their names are checked elsewhere.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requireOptionsObject(value: unknown, what: string): void {
  if (isPlainObject(value)) return;
  const hint = isAbortSignal(value) ? '; an AbortSignal is given as { signal }' : '';
  throw argumentError(TypeError, `${what} must be an object with the options as its members${hint}`);
}

/**
 * Refuses a signal that is not one.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requireSignal(value: unknown): void {
  if (value !== undefined && !isAbortSignal(value))
    throw argumentError(TypeError, 'signal must be an AbortSignal');
}

/**
 * Refuses what is no object, null included.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requireObject(value: unknown, what: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw argumentError(TypeError, `${what} must be an object`);
}

/** A TypeError with Node's code for a value that is of the right type, but not one of those there are. */
export function valueError(message: string): Error {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
}

/**
 * The error for a name that is not known: TypeError ERR_INVALID_ARG_VALUE.
 * @param owner the subject and the verb of the sentence, such as 'the options of find have'
 */
export function unknownName(owner: string, name: string, known: Iterable<string>): Error {
  const list = [...known];
  const near = nearestName(name, list);
  const hint = near === undefined ? 'there are' : `did you mean "${near}"? There are`;
  return valueError(
    `${owner} no "${shown(name)}"; ${list.length === 0 ? 'there are none' : `${hint} ${list.join(', ')}`}`,
  );
}

/** Longer names are not compared: the time grows with the square of their length. */
const LONGEST_NAME = 64;

/**
 * The known name that was probably meant: the one that takes the fewest changes, if those are few, if one name is part of the
 * other, or if both begin with the same three letters. Upper and lower case count as the same.
 * @returns undefined when none is near
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const given = name.toLowerCase();
  let nearest: { readonly name: string; readonly changes: number } | undefined;
  for (const one of known) {
    const other = one.toLowerCase();
    const changes = changesBetween(given, other);
    const isShort = Math.min(given.length, other.length) < 3;
    const isRelated =
      changes <= Math.max(given.length, other.length) / 3 ||
      (!isShort &&
        (given.includes(other) || other.includes(given) || given.slice(0, 3) === other.slice(0, 3)));
    if (isRelated && (nearest === undefined || changes < nearest.changes)) nearest = { name: one, changes };
  }
  return nearest?.name;
}

/** How many letters must be put in, left out, exchanged for others or swapped with their neighbours. */
function changesBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const [above, corner, left] = [last[column], last[column - 1], current[column - 1]] as [
        number,
        number,
        number,
      ];
      let changes = Math.min(above + 1, left + 1, corner + (isSame ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        changes = Math.min(changes, (beforeLast[column - 2] as number) + 1);
      }
      current.push(changes);
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] as number;
}
