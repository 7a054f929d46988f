/** Errors for wrong arguments, in one form: the expected value, the received one, and the nearest known name. */

/** Longer names are not compared, because the time grows with the square of their length. */
const MAX_COMPARED_LENGTH = 64;

/** A longer list of known names would hide the rest of the sentence. */
const MAX_LISTED_NAMES = 40;

/** Longer strings are shown without their end. */
const MAX_SHOWN_LENGTH = 64;

type ArgumentErrorCode = 'ERR_INVALID_ARG_TYPE' | 'ERR_INVALID_ARG_VALUE' | 'ERR_OUT_OF_RANGE';

function withCode(error: Error, code: ArgumentErrorCode): Error {
  return Object.assign(error, { code });
}

/**
 * Builds a TypeError ERR_INVALID_ARG_TYPE: "force must be a boolean, not a string".
 * @param expected a noun with its article
 * @param value the error names its type only, because it may be a secret
 */
export function wrongType(name: string, expected: string, value: unknown): Error {
  return withCode(
    new TypeError(`${name} must be ${expected}, not ${typeName(value)}`),
    'ERR_INVALID_ARG_TYPE',
  );
}

/**
 * Builds the error for an argument that native code refused.
 * @param isRange a RangeError ERR_OUT_OF_RANGE, otherwise a TypeError ERR_INVALID_ARG_TYPE
 */
export function refusedArgument(isRange: boolean, message: string): Error {
  return isRange
    ? withCode(new RangeError(message), 'ERR_OUT_OF_RANGE')
    : withCode(new TypeError(message), 'ERR_INVALID_ARG_TYPE');
}

/**
 * Builds a TypeError ERR_INVALID_ARG_VALUE for a value of the right type that the function does not accept.
 * @param message a sentence without its final stop: the accepted values, and the next step
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
 * @param kind the noun for the known names: 'curve', 'option'
 * @param place the place of the name, with a space before it: ' of find'
 * @param help a further sentence, for example how to pass a value that has no name
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
  const names = list.length > MAX_LISTED_NAMES ? '' : `Known: ${list.join(', ') || 'none'}`;
  const sentences = [`Unknown ${kind} "${shown(name)}"${place}${question}`, names, help];
  return wrongValue(
    sentences
      .filter((sentence) => sentence !== '')
      .join('. ')
      .replace('?. ', '? '),
  );
}

/** Returns a text for a value that is not secret: names and numbers themselves, for others the type. Runs no code of the value. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return value.length > MAX_SHOWN_LENGTH ? `${value.slice(0, MAX_SHOWN_LENGTH)}...` : value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return `${value}`;
  return typeName(value);
}

/** Returns the type of a value as a noun with its article. Runs no code of the value. */
export function typeName(value: unknown): string {
  if (value === undefined || value === null) return `${value}`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return 'an object';
  const classFunction: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const name: unknown =
    typeof classFunction === 'function'
      ? Object.getOwnPropertyDescriptor(classFunction, 'name')?.value
      : undefined;
  return typeof name === 'string' && name !== '' ? `an instance of ${shown(name)}` : 'an instance of a class';
}

/**
 * Returns the known name that was probably meant: the one with the fewest differences, if these are few, if one name is part
 * of the other, or if both begin with the same three letters. Upper and lower case are equal.
 * @returns undefined if no name is near
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > MAX_COMPARED_LENGTH) return undefined;
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

/** Returns the number of letters to insert, remove, replace or swap with their neighbours (the edit distance). */
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
