import type { Duplex, Writable } from 'node:stream';
import { requireSignal } from '../../../core/arguments';
import { isError } from '../../../core/realms';

/** The options of all streams. */
export interface StreamOptions {
  /** Destroys the stream with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Destroys a stream when the signal is aborted. */
export function followSignal(stream: Writable | Duplex, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  requireSignal(signal);
  const abort = (): void => {
    const { reason } = signal;
    stream.destroy(isError(reason) ? reason : new Error('the stream was aborted', { cause: reason }));
  };
  if (signal.aborted) {
    abort();
    return;
  }
  signal.addEventListener('abort', abort, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', abort));
}
