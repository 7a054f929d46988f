/**
 * Batches: one operation on many messages. They are cut into pieces, each of which is one native job on one session; so
 * many pieces are under way at once as there are sessions to use.
 */
import { argumentError, requireOptions, requireSignal } from '../../../core/arguments';
import { CryptokiError } from '../../../core/errors';
import type { RawBatch } from '../../../raw/batches';
import { type BatchItem, BatchResults } from './batch-results';
import { AsyncSource, MOST_BYTES, Source } from './message-source';

/** How a batch is done. */
export interface BatchOptions {
  /** Ends the batch: the promise rejects, or the iteration throws, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Is told how many messages are done, and of how many (undefined for an iterable). */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined;
}

/** What a batch does with its messages. */
export interface BatchWork<Message, T> {
  /** How many pieces may be under way at once. */
  readonly lanes: number;
  readonly pace: Pace;
  /** The size of a message in bytes. */
  size(message: Message): number;
  /**
   * Does a piece: the messages from index `first` on. Fewer than there are may be done (`count`) when the session was lost.
   */
  piece(messages: readonly Message[], first: number): Promise<RawBatch>;
  /** The value of one message of a piece. */
  value(raw: RawBatch, index: number): T;
}

const OPTIONS = ['signal', 'onProgress'];
/** A piece takes about so long, in milliseconds: short enough to share sessions fairly, long enough to cost nothing. */
const TARGET = 10;
const LEAST = 0.5;
const MOST_MESSAGES = 4096;

/** Learns how many messages make a piece of the right length. */
export class Pace {
  #perMessage: number | undefined;

  learn({ count, time }: RawBatch): void {
    if (count === 0) return;
    const now = time / count;
    this.#perMessage = this.#perMessage === undefined ? now : (this.#perMessage + now) / 2;
  }

  /** For a piece of {@link TARGET}. */
  messages(): number {
    return this.#within(TARGET);
  }

  /** Fewer than this are not worth a session of their own. */
  fewest(): number {
    return this.#within(LEAST);
  }

  #within(time: number): number {
    if (this.#perMessage === undefined) return 16;
    return Math.min(MOST_MESSAGES, Math.max(1, Math.round(time / this.#perMessage)));
  }
}

/**
 * So many pieces are under way: one waits for each of a few sessions, since the event loop needs up to some milliseconds
 * for a core when all of them compute.
 */
const mostPieces = (lanes: number): number => lanes + Math.min(lanes, 4);

interface Piece {
  readonly first: number;
  readonly length: number;
  readonly raw: RawBatch;
}

/** What failed of a piece, by index of the whole; messages that were not tried fail with the last error. */
function failuresOf({ first, length, raw }: Piece, failures: Map<number, Error>): void {
  for (const { index, error } of raw.failures) failures.set(first + index, error);
  const last =
    raw.failures.at(-1)?.error ??
    new CryptokiError({
      code: 'ERR_CRYPTOKI_SESSION_CLOSED',
      detail: 'the session was closed before the message was reached',
      action: 'reopen',
    });
  for (let index = raw.count; index < length; index += 1) failures.set(first + index, last);
}

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function checkBatchOptions(options: BatchOptions, ...more: string[]): void {
  requireOptions(options, 'the options of a batch', [...OPTIONS, ...more]);
  requireSignal(options.signal);
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function') {
    throw argumentError(TypeError, 'onProgress must be a function');
  }
}

/** Does all messages of an array. */
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
  const lane = async (): Promise<void> => {
    while (next < messages.length) {
      signal?.throwIfAborted();
      const first = next;
      const fair = Math.ceil((messages.length - first) / (2 * work.lanes));
      const most = Math.min(pace.messages(), Math.max(fair, pace.fewest()));
      let bytes = 0;
      while (next < messages.length && next - first < most && (bytes < MOST_BYTES || next === first)) {
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
  const lanes = Array.from({ length: mostPieces(work.lanes) }, lane);
  const ended = await Promise.allSettled(lanes);
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
  pieces.sort((a, b) => a.first - b.first);
  const failures = new Map<number, Error>();
  for (const piece of pieces) failuresOf(piece, failures);
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
 * Does the messages of an iterable, which may have no end: results come in the order of the messages, and no more messages
 * are taken than the sessions can do while results wait to be fetched.
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
  const underWay: Promise<Piece>[] = [];
  let first = 0;
  let done = 0;
  try {
    while (!source.ended || underWay.length > 0) {
      signal?.throwIfAborted();
      const oldest = underWay[0];
      if (!source.ended && underWay.length < mostPieces(work.lanes) && (await source.isReady(oldest))) {
        const taken = await source.take(pace.messages(), work.size);
        if (taken.length > 0) {
          const begin = first;
          const piece = work.piece(taken, begin).then((raw) => {
            pace.learn(raw);
            return { first: begin, length: taken.length, raw };
          });
          piece.catch(() => {}); // told when its turn comes
          underWay.push(piece);
          first += taken.length;
        }
        continue;
      }
      if (oldest === undefined) continue;
      const piece = await oldest;
      underWay.shift();
      done += piece.length;
      onProgress?.(done, undefined);
      const failures = new Map<number, Error>();
      failuresOf(piece, failures);
      for (let i = 0; i < piece.length; i += 1) {
        const index = piece.first + i;
        const error = failures.get(index);
        yield error === undefined ? { index, value: work.value(piece.raw, i) } : { index, error };
      }
    }
  } finally {
    await source.leave();
    await Promise.allSettled(underWay);
  }
}
