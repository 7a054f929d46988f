/** Errors for wrong arguments, in one form: what is expected, what was received, and the nearest known name. */

/** Longer names are not compared: the time grows with the square of their length. */
const LONGEST_COMPARED_NAME = 64;

/** A longer list of known names would hide the rest of the sentence. */
const MOST_LISTED_NAMES = 40;

type ArgumentErrorCode = 'ERR_INVALID_ARG_TYPE' | 'ERR_INVALID_ARG_VALUE' | 'ERR_OUT_OF_RANGE';

function withCode(error: Error, code: ArgumentErrorCode): Error {
  return Object.assign(error, { code });
}

/**
 * Builds a TypeError ERR_INVALID_ARG_TYPE: "force must be a boolean, not a string".
 * @param expected a noun with its article
 * @param value only its type is shown, since it may be a secret
 */
export function wrongType(name: string, expected: string, value: unknown): Error {
  return withCode(
    new TypeError(`${name} must be ${expected}, not ${typeName(value)}`),
    'ERR_INVALID_ARG_TYPE',
  );
}

/**
 * Builds a TypeError ERR_INVALID_ARG_VALUE for a value of the right type that is not one of those that are possible.
 * @param message a sentence without its final stop: what is expected, and what to give instead
 */
export function wrongValue(message: string): Error {
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_VALUE');
}

/**
 * Builds a RangeError ERR_OUT_OF_RANGE: "limit must be a positive integer, not -1".
 * @param expected the limits, with their unit
 */
export function outOfRange(name: string, expected: string, value: unknown): Error {
  return withCode(new RangeError(`${name} must be ${expected}, not ${shown(value)}`), 'ERR_OUT_OF_RANGE');
}

/**
 * Builds a TypeError ERR_INVALID_ARG_VALUE: 'Unknown option "lable" of find; did you mean "label"? Known: ...'.
 * @param kind what the name should be one of: 'curve', 'option'
 * @param place where it stands: ' of find', or nothing
 * @param help another sentence, such as the way to give a value that has no name
 */
export function unknownName(
  kind: string,
  name: unknown,
  known: Iterable<string>,
  { place = '', help = '' }: { readonly place?: string; readonly help?: string } = {},
): Error {
  const list = [...known];
  const near = nearestName(shown(name), list);
  const question = near === undefined ? '' : `; did you mean "${near}"?`;
  const names = list.length > MOST_LISTED_NAMES ? '' : `Known: ${list.join(', ') || 'none'}`;
  const sentences = [`Unknown ${kind} "${shown(name)}"${place}${question}`, names, help];
  return wrongValue(
    sentences
      .filter((sentence) => sentence !== '')
      .join('. ')
      .replace('?. ', '? '),
  );
}

/** Shows a value that is not secret: names and numbers as they are, other values by type, without running their code. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 64 ? `${value.slice(0, 64)}...` : value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return `${value}`;
  return typeName(value);
}

/** Names the type of a value, with its article, without running its code. */
export function typeName(value: unknown): string {
  if (value === undefined || value === null) return `${value}`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return 'an object';
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const name: unknown =
    typeof maker === 'function' ? Object.getOwnPropertyDescriptor(maker, 'name')?.value : undefined;
  return typeof name === 'string' && name !== '' ? `an instance of ${shown(name)}` : 'an instance of a class';
}

/**
 * Returns the known name that was probably meant: the one that takes the fewest changes, if those are few, if one name is part
 * of the other, or if both begin with the same three letters. Upper and lower case count as the same.
 * @returns undefined when none is near
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST_COMPARED_NAME) return undefined;
  const wanted = name.toLowerCase();
  let nearest: { readonly name: string; readonly changes: number } | undefined;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    const changes = changesBetween(wanted, other);
    const isShort = Math.min(wanted.length, other.length) < 3;
    const isRelated =
      changes <= Math.max(wanted.length, other.length) / 3 ||
      (!isShort &&
        (wanted.includes(other) || other.includes(wanted) || wanted.slice(0, 3) === other.slice(0, 3)));
    if (isRelated && (nearest === undefined || changes < nearest.changes))
      nearest = { name: candidate, changes };
  }
  return nearest?.name;
}

/** Counts the letters that must be put in, left out, exchanged for others or swapped with their neighbours. */
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
