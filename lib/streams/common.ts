import type { Duplex, Writable } from 'node:stream';
import { argumentError, isBytes } from '../arguments';
import type { BytesLike } from '../raw/types';

/** How a stream waits. */
export interface StreamOptions {
  /** Destroys the stream with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes themselves, not a copy.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function bytesOf(data: BytesLike, what = 'a chunk'): Uint8Array {
  if (!isBytes(data)) {
    throw argumentError(TypeError, `${what} must be bytes (a Buffer, typed array, DataView or ArrayBuffer)`);
  }
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Destroys a stream when the signal says so. */
export function followSignal(stream: Writable | Duplex, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (!(signal instanceof AbortSignal)) throw argumentError(TypeError, 'signal must be an AbortSignal');
  const abort = (): void => {
    const { reason } = signal;
    stream.destroy(reason instanceof Error ? reason : new Error('the stream was aborted', { cause: reason }));
  };
  if (signal.aborted) {
    abort();
    return;
  }
  signal.addEventListener('abort', abort, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', abort));
}
