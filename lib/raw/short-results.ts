/**
 * The transfer of short results from native code. Node-API takes several times as long as JavaScript to create a Buffer, so
 * native code writes results of up to 4 KiB (digests, signatures, short messages) into memory from which they are copied here.
 * Each result has an ArrayBuffer of its own.
 *
 * It is shared memory, which no program can detach or shrink, because native code keeps a pointer to it.
 */

let memory: Uint8Array = new Uint8Array(0);
/** Views of the first n bytes of the memory, for each n that has been needed. */
let beginnings: Uint8Array[] = [];
let handles: BigUint64Array = new BigUint64Array(1);
let numbers: Float64Array = new Float64Array(4);

/** @param shared the beginning of the memory that native code and JavaScript share */
export function useResultMemory(shared: Uint8Array): void {
  memory = shared;
  beginnings = [];
  handles = new BigUint64Array(memory.buffer, 0, 1);
  numbers = new Float64Array(memory.buffer, 0, 4);
}

/** Returns a Buffer with the result of this length that native code has just written. */
export function takeResult(length: number): Buffer {
  const result = Buffer.allocUnsafeSlow(length);
  beginnings[length] ??= memory.subarray(0, length);
  result.set(beginnings[length]);
  return result;
}

/** Returns a secret result like {@link takeResult}, and wipes the memory. */
export function takeSecret(length: number): Buffer {
  const result = takeResult(length);
  memory.fill(0, 0, length);
  return result;
}

/** Returns the CK_SESSION_INFO that native code has just written: the slot identifier and three numbers. */
export function takeSessionInfo(): { slotID: bigint; state: number; flags: number; deviceError: number } {
  return {
    slotID: handles[0] as bigint,
    state: numbers[1] as number,
    flags: numbers[2] as number,
    deviceError: numbers[3] as number,
  };
}
