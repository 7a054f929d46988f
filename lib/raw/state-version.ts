/**
 * A number that changes after each change of a state that native code records: a session was closed, or a login began or ended,
 * by any thread of the process. Native code writes it into shared memory, so reading it is not a call. Code that keeps a state
 * reads the number first, then the state, and reads the state again when the number has changed.
 */

const NUMBER_SIZE = Uint32Array.BYTES_PER_ELEMENT;

let numbers: Uint32Array | undefined;

/**
 * Gives this module the memory that native code and JavaScript share.
 * @param shared its last four bytes are the number
 * @returns the bytes before the number
 */
export function useStateMemory(shared: Uint8Array): Uint8Array {
  const length = shared.byteLength - NUMBER_SIZE;
  numbers = new Uint32Array(shared.buffer, shared.byteOffset + length, 1);
  return shared.subarray(0, length);
}

/** Returns the number. Without shared memory it is NaN, which does not equal itself, so no state is kept. */
export function stateVersion(): number {
  return numbers === undefined ? Number.NaN : (numbers[0] as number);
}
