/** A TypeError or RangeError with Node's code for a wrong argument. */
export function argumentError(Type: typeof TypeError | typeof RangeError, message: string): Error {
  const code = Type === RangeError ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE';
  return Object.assign(new Type(message), { code });
}

/** Whether a value is bytes: a Buffer, typed array, DataView or ArrayBuffer. */
export function isBytes(value: unknown): value is ArrayBufferView | ArrayBuffer {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

/**
 * Refuses what is no object of options, and options that are not known: a misspelt one must not be ignored.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requireOptions(value: unknown, what: string, known: readonly string[]): void {
  requireObject(value, what);
  for (const name of Object.keys(value as object)) {
    if (!known.includes(name)) {
      throw argumentError(TypeError, `${what} have no "${name}"; there are ${known.join(', ')}`);
    }
  }
}

/**
 * Refuses what is no object, null included.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function requireObject(value: unknown, what: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw argumentError(TypeError, `${what} must be an object`);
}
