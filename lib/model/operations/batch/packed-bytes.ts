import { bytesOf } from '../../../core/arguments';
import type { RawPacked } from '../../../raw/batches';
import type { BytesLike } from '../../../raw/values';

function viewAt(messages: readonly BytesLike[], index: number, first: number, what: string): Uint8Array {
  const bytes = messages[index];
  return bytes instanceof Uint8Array ? bytes : bytesOf(bytes, `${what} ${first + index}`);
}

/**
 * Puts many byte strings into one. They are copied: what becomes of the originals does not matter any more.
 * @param first index of the first, for error messages
 */
export function pack(messages: readonly BytesLike[], first = 0, what = 'message'): RawPacked {
  const offsets = new Uint32Array(messages.length + 1);
  let size = 0;
  for (let i = 0; i < messages.length; i += 1) {
    size += viewAt(messages, i, first, what).byteLength;
    offsets[i + 1] = size;
  }
  const data = Buffer.allocUnsafe(size);
  for (let i = 0; i < messages.length; i += 1) {
    data.set(viewAt(messages, i, first, what), offsets[i]);
  }
  return { data, offsets };
}

/** One of packed byte strings, where it lies. */
export function unpack({ data, offsets }: RawPacked, index: number): Buffer {
  return data.subarray(offsets[index], offsets[index + 1]);
}

/** A copy of one of packed byte strings, with an ArrayBuffer of its own: for a caller, who may transfer it. */
export function copyOf({ data, offsets }: RawPacked, index: number): Buffer {
  const begin = offsets[index] as number;
  const end = offsets[index + 1] as number;
  const copy = Buffer.allocUnsafeSlow(end - begin);
  copy.set(data.subarray(begin, end));
  return copy;
}
