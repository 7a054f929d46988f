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

/** Whether a value is bytes: a Buffer, typed array, DataView or ArrayBuffer. */
export function isBytes(value: unknown): value is ArrayBufferView | ArrayBuffer {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
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
