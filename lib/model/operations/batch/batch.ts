/**
 * Batches: one operation on many messages. They are divided into pieces, each of which is one native job on one session. All
 * sessions work at the same time.
 */
import { requireFunction, requireOptions, requireSignal } from '../../../core/arguments';
import { ownError } from '../../../core/errors';
import type { RawBatch } from '../../../raw/batches';
import { type BatchItem, BatchResults } from './batch-results';
import { AsyncSource, MAX_PIECE_BYTES, Source } from './message-source';

/** The options of a batch. */
export interface BatchOptions {
  /** Ends the batch: the promise rejects, or the iteration throws, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of finished messages, and that of all (undefined for an iterable). */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined;
}

/** The work of a batch on its messages. */
export interface BatchWork<Message, T> {
  /** The number of sessions that can work at the same time. */
  readonly concurrency: number;
  readonly pace: Pace;
  /** Returns the size of a message in bytes. */
  size(message: Message): number;
  /**
   * Processes a piece: the messages from index `first` on. If the session was lost, `count` of the result is less than the
   * number of messages.
   */
  piece(messages: readonly Message[], first: number): Promise<RawBatch>;
  /** Returns the value of one message of a piece. */
  value(raw: RawBatch, index: number): T;
}

const OPTIONS = ['signal', 'onProgress'];
/** The duration of a piece: short enough to share sessions fairly, long compared with the overhead of a job. */
const TARGET_PIECE_MS = 10;
/** A shorter piece is not worth the use of another session. */
const MIN_PIECE_MS = 0.5;
const MAX_PIECE_MESSAGES = 4096;
/** The size of pieces before the first measurement. */
const FIRST_PIECE_MESSAGES = 16;

/** Measures an operation, and returns the number of messages for a piece. */
export class Pace {
  #msPerMessage: number | undefined;

  learn({ count, time }: RawBatch): void {
    if (count === 0) return;
    const latest = time / count;
    this.#msPerMessage = this.#msPerMessage === undefined ? latest : (this.#msPerMessage + latest) / 2;
  }

  /** Returns the number of messages in {@link TARGET_PIECE_MS}. */
  messages(): number {
    return this.#within(TARGET_PIECE_MS);
  }

  /** Returns the number of messages in {@link MIN_PIECE_MS}. */
  minMessages(): number {
    return this.#within(MIN_PIECE_MS);
  }

  #within(milliseconds: number): number {
    if (this.#msPerMessage === undefined) return FIRST_PIECE_MESSAGES;
    return Math.min(MAX_PIECE_MESSAGES, Math.max(1, Math.round(milliseconds / this.#msPerMessage)));
  }
}

/**
 * Returns the limit of pieces in flight. Up to four more than the sessions are queued, because the event loop may need
 * milliseconds to get a core when all cores compute.
 */
const maxInFlight = (concurrency: number): number => concurrency + Math.min(concurrency, 4);

interface Piece {
  readonly first: number;
  readonly length: number;
  readonly raw: RawBatch;
}

/** Adds the failures of a piece, by index in the batch. Messages that were not tried fail with the last error. */
function addFailures({ first, length, raw }: Piece, failures: Map<number, Error>): void {
  for (const { index, error } of raw.failures) failures.set(first + index, error);
  const last =
    raw.failures.at(-1)?.error ??
    ownError(
      'ERR_CRYPTOKI_SESSION_CLOSED',
      'the session was closed before this message of the batch was processed; repeat it on a new session',
    );
  for (let index = raw.count; index < length; index += 1) failures.set(first + index, last);
}

/**
 * Checks the options of a batch.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function checkBatchOptions(options: BatchOptions, ...more: string[]): void {
  requireOptions(options, 'the options of a batch', [...OPTIONS, ...more]);
  requireSignal(options.signal);
  if (options.onProgress !== undefined) requireFunction(options.onProgress, 'onProgress');
}

/** Processes all messages of an array. */
export async function batchArray<Message, T>(
  messages: readonly Message[],
  work: BatchWork<Message, T>,
  { signal, onProgress }: BatchOptions,
): Promise<BatchResults<T>> {
  signal?.throwIfAborted();
  const { pace } = work;
  const pieces: Piece[] = [];
  let next = 0;
  let done = 0;
  const processPieces = async (): Promise<void> => {
    while (next < messages.length) {
      signal?.throwIfAborted();
      const first = next;
      const fair = Math.ceil((messages.length - first) / (2 * work.concurrency));
      const max = Math.min(pace.messages(), Math.max(fair, pace.minMessages()));
      let bytes = 0;
      while (next < messages.length && next - first < max && (bytes < MAX_PIECE_BYTES || next === first)) {
        bytes += work.size(messages[next] as Message);
        next += 1;
      }
      const length = next - first;
      const raw = await work.piece(messages.slice(first, next), first);
      pace.learn(raw);
      pieces.push({ first, length, raw });
      done += length;
      onProgress?.(done, messages.length);
    }
  };
  const loops = Array.from({ length: maxInFlight(work.concurrency) }, processPieces);
  for (const loop of await Promise.allSettled(loops)) if (loop.status === 'rejected') throw loop.reason;
  pieces.sort((a, b) => a.first - b.first);
  const failures = new Map<number, Error>();
  for (const piece of pieces) addFailures(piece, failures);
  return new BatchResults(messages.length, failures, (index) => {
    const piece = pieceAt(pieces, index);
    return work.value(piece.raw, index - piece.first);
  });
}

function pieceAt(pieces: readonly Piece[], index: number): Piece {
  let [low, high] = [0, pieces.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle] as Piece).first <= index) low = middle;
    else high = middle - 1;
  }
  return pieces[low] as Piece;
}

/**
 * Processes the messages of an iterable, which may have no end. Results have the order of the messages. While results wait
 * for the program, only as many messages are taken as the sessions can process.
 */
export async function* batchIterable<Message, T>(
  messages: Iterable<Message> | AsyncIterable<Message>,
  work: BatchWork<Message, T>,
  { signal, onProgress }: BatchOptions,
): AsyncGenerator<BatchItem<T>, void, undefined> {
  const { pace } = work;
  const source =
    Symbol.asyncIterator in messages
      ? new AsyncSource(messages[Symbol.asyncIterator]())
      : new Source(messages[Symbol.iterator]());
  const inFlight: Promise<Piece>[] = [];
  let first = 0;
  let done = 0;
  try {
    while (!source.ended || inFlight.length > 0) {
      signal?.throwIfAborted();
      const oldest = inFlight[0];
      const hasRoom = inFlight.length < maxInFlight(work.concurrency);
      if (!source.ended && hasRoom && (await source.isReady(oldest))) {
        const taken = await source.take(pace.messages(), work.size);
        if (taken.length > 0) {
          const begin = first;
          const piece = work.piece(taken, begin).then((raw) => {
            pace.learn(raw);
            return { first: begin, length: taken.length, raw };
          });
          piece.catch(() => {}); // its error is thrown when its results are due
          inFlight.push(piece);
          first += taken.length;
        }
        continue;
      }
      if (oldest === undefined) continue;
      const piece = await oldest;
      inFlight.shift();
      done += piece.length;
      onProgress?.(done, undefined);
      const failures = new Map<number, Error>();
      addFailures(piece, failures);
      for (let i = 0; i < piece.length; i += 1) {
        const index = piece.first + i;
        const error = failures.get(index);
        yield error === undefined ? { index, value: work.value(piece.raw, i) } : { index, error };
      }
    }
  } finally {
    await source.leave();
    await Promise.allSettled(inFlight);
  }
}
