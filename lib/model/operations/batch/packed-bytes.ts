import { bytesOf } from '../../../core/arguments';
import type { RawPacked } from '../../../raw/batches';
import type { BytesLike } from '../../../raw/values';

function viewAt(messages: readonly BytesLike[], index: number, first: number, noun: string): Uint8Array {
  const bytes = messages[index];
  return bytes instanceof Uint8Array ? bytes : bytesOf(bytes, `${noun} ${first + index}`);
}

/**
 * Copies many byte strings into one.
 * @param first index of the first byte string, for error messages
 * @param noun names a byte string in error messages
 */
export function pack(messages: readonly BytesLike[], first = 0, noun = 'message'): RawPacked {
  const offsets = new Uint32Array(messages.length + 1);
  let size = 0;
  for (let i = 0; i < messages.length; i += 1) {
    size += viewAt(messages, i, first, noun).byteLength;
    offsets[i + 1] = size;
  }
  const data = Buffer.allocUnsafe(size);
  for (let i = 0; i < messages.length; i += 1) {
    data.set(viewAt(messages, i, first, noun), offsets[i]);
  }
  return { data, offsets };
}

/** Returns a view of one of packed byte strings. */
export function unpack({ data, offsets }: RawPacked, index: number): Buffer {
  return data.subarray(offsets[index], offsets[index + 1]);
}

/** Copies one of packed byte strings to a Buffer whose ArrayBuffer is not shared, so that the caller can transfer it. */
export function copyOf({ data, offsets }: RawPacked, index: number): Buffer {
  const begin = offsets[index] as number;
  const end = offsets[index + 1] as number;
  const copy = Buffer.allocUnsafeSlow(end - begin);
  copy.set(data.subarray(begin, end));
  return copy;
}
