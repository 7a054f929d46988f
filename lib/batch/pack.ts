import { argumentError, isBytes } from '../arguments';
import type { BytesLike, RawPacked } from '../raw/types';

function viewOf(bytes: BytesLike, index: number, what: string): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  if (ArrayBuffer.isView(bytes)) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isBytes(bytes)) return new Uint8Array(bytes);
  throw argumentError(
    TypeError,
    `${what} ${index} must be bytes (a Buffer, typed array, DataView or ArrayBuffer)`,
  );
}

/**
 * Puts many byte strings into one. They are copied: what becomes of the originals does not matter any more.
 * @param first index of the first, for error messages
 */
export function pack(messages: readonly BytesLike[], first = 0, what = 'message'): RawPacked {
  const offsets = new Uint32Array(messages.length + 1);
  let size = 0;
  for (let i = 0; i < messages.length; i += 1) {
    size += viewOf(messages[i] as BytesLike, first + i, what).byteLength;
    offsets[i + 1] = size;
  }
  const data = Buffer.allocUnsafe(size);
  for (let i = 0; i < messages.length; i += 1) {
    data.set(viewOf(messages[i] as BytesLike, first + i, what), offsets[i]);
  }
  return { data, offsets };
}

/** One of packed byte strings. */
export function unpack({ data, offsets }: RawPacked, index: number): Buffer {
  return data.subarray(offsets[index], offsets[index + 1]);
}
