import { isError } from '../../../core/realms';
import { emitWarning } from '../../../core/warnings';
import type { Opener, Sink } from './part-sink';

/** The size of a part. While the session is busy, chunks are joined to parts of this size; larger chunks are divided. */
const PART_BYTES = 512 * 1024;
/** Smaller chunks are collected in memory of the scheduler. Larger ones are passed to native code, to copy each byte once only. */
const SMALL_CHUNK_BYTES = 16 * 1024;
/** The next part is submitted up to this number of bytes in flight, so that the token does not wait for the event loop. */
const MAX_IN_FLIGHT_BYTES = 2 * PART_BYTES;

/** Cancels the operations of streams that were collected, because they would occupy their sessions for ever. */
const leaks = new FinalizationRegistry<Sink<unknown>>((sink) => {
  emitWarning(
    'CRYPTOKI_STREAM_LEAK',
    'a stream was collected without having been ended or destroyed; use pipeline(), "await using" or destroy() to free its session',
  );
  void sink.cancel(undefined);
});

type Done = (error?: Error | null) => void;

/** The functions of a stream that its scheduler calls. */
export interface StreamCallbacks {
  /** Receives the outputs of the parts, in their order. */
  output(bytes: Buffer): void;
  /** Receives the first error. */
  fail(error: Error): void;
  /** Called with true when chunks should wait in the stream, so that the next part is made of more of them. */
  holdBack(isFull: boolean): void;
}

/** Makes parts from the chunks of a stream, keeps several of them in flight, and lets the other chunks wait. */
export class PartScheduler<T> {
  readonly #open: Opener<T>;
  readonly #output: StreamCallbacks['output'];
  readonly #fail: StreamCallbacks['fail'];
  readonly #holdBack: StreamCallbacks['holdBack'];
  readonly #blockBytes: number;
  readonly #end = new AbortController();
  #opening: Promise<Sink<T>> | undefined;
  #sink: Sink<T> | undefined;
  #memory: Buffer | undefined;
  #used = 0;
  /** The largest number of bytes of the memory that were ever used. */
  #touched = 0;
  #inFlightBytes = 0;
  #last: Promise<unknown> = Promise.resolve();
  #error: Error | undefined;
  #isPaused = false;
  #isHeldBack = false;
  #isSubmitPending = false;
  /** Continues with the chunks that wait for room. */
  #resume: (() => void) | undefined;

  /** @param blockBytes the length of each part except the last is a multiple of it */
  constructor(open: Opener<T>, { output, fail, holdBack }: StreamCallbacks, blockBytes = 1) {
    this.#open = open;
    this.#output = output;
    this.#fail = fail;
    this.#holdBack = holdBack;
    this.#blockBytes = blockBytes;
  }

  /** Writes chunks; `done` is called when there is room for the next ones, and the memory of these can be reused. */
  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#sink !== undefined) this.#take(this.#sink, chunks, done);
    else
      this.#begin().then(
        (sink) => this.#take(sink, chunks, done),
        (error) => done(error),
      );
  }

  /** Submits the remaining bytes, and ends the operation. */
  async end(signature: Buffer | undefined): Promise<T> {
    const sink = this.#sink ?? (await this.#begin());
    this.#submitGathered(sink, true);
    const parts = this.#last;
    // Queued at once, behind the parts. Their errors have precedence over that of Final.
    const [final] = await Promise.allSettled([sink.final(signature), parts]);
    if (this.#error !== undefined) throw this.#error;
    if (final.status === 'rejected') throw final.reason;
    this.#release();
    return final.value;
  }

  /** Stops or resumes submitting parts; parts in flight continue. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#continue();
  }

  /** Cancels the operation. Does nothing after {@link end}. */
  async destroy(error: Error | null): Promise<void> {
    this.#error ??= error ?? destroyedError();
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.(); // passes the error to the write that waits
    if (this.#opening !== undefined) {
      if (this.#sink === undefined) this.#end.abort(error ?? undefined);
      const sink = await this.#opening.catch(() => undefined);
      await this.#last;
      await sink?.cancel(error);
    }
    this.#release();
  }

  /** Returns a function without a reference to the scheduler, because the operation must not keep the stream alive. */
  static #failing<T>(weak: WeakRef<PartScheduler<T>>): (error: unknown) => void {
    return (error) => {
      const scheduler = weak.deref();
      if (scheduler !== undefined) scheduler.#failed(error);
    };
  }

  #begin(): Promise<Sink<T>> {
    const lost = PartScheduler.#failing(new WeakRef(this));
    this.#opening ??= this.#open(this.#end.signal, lost).then((sink) => {
      this.#sink = sink;
      if (sink.usesSession) leaks.register(this, sink, this);
      return sink;
    });
    return this.#opening;
  }

  #take(sink: Sink<T>, chunks: readonly Uint8Array[], done: Done): void {
    const source = new Chunks(chunks);
    const more = (): void => {
      while (source.left > 0 && this.#error === undefined) {
        if (this.#isFull()) {
          this.#resume = more;
          return;
        }
        if (source.left < SMALL_CHUNK_BYTES) this.#gather(sink, source);
        else this.#submitLarge(sink, source);
      }
      done(this.#error);
    };
    more();
  }

  #gather(sink: Sink<T>, source: Chunks): void {
    this.#memory ??= Buffer.allocUnsafeSlow(PART_BYTES);
    const taken = source.take(PART_BYTES - this.#used);
    this.#memory.set(taken, this.#used);
    this.#used += taken.length;
    this.#touched = Math.max(this.#touched, this.#used);
    if (this.#used === PART_BYTES) this.#submitGathered(sink);
    else this.#submitSoon(sink);
  }

  /** Submits the gathered bytes with the following large chunks. */
  #submitLarge(sink: Sink<T>, source: Chunks): void {
    const part: Uint8Array[] = [];
    let length = this.#used;
    if (this.#memory !== undefined && length > 0) part.push(this.#memory.subarray(0, length));
    while (source.left >= SMALL_CHUNK_BYTES && length < PART_BYTES) {
      const end = Math.min(PART_BYTES, length + source.left);
      const taken = source.take(end - (end % this.#blockBytes) - length);
      part.push(taken);
      length += taken.length;
    }
    this.#used = 0;
    this.#submit(sink, part, length);
  }

  /** Submits the gathered bytes at the end of this turn of the event loop, if the session is idle. */
  #submitSoon(sink: Sink<T>): void {
    if (this.#isSubmitPending || this.#inFlightBytes > 0) return;
    this.#isSubmitPending = true;
    setImmediate(() => {
      this.#isSubmitPending = false;
      if (this.#inFlightBytes === 0) this.#submitGathered(sink);
    });
  }

  #submitGathered(sink: Sink<T>, isLast = false): void {
    if (this.#memory === undefined || this.#error !== undefined) return;
    const length = isLast ? this.#used : this.#used - (this.#used % this.#blockBytes);
    if (length === 0) return;
    this.#submit(sink, [this.#memory.subarray(0, length)], length);
    this.#memory.copyWithin(0, length, this.#used); // the part was copied
    this.#used -= length;
  }

  #submit(sink: Sink<T>, part: readonly Uint8Array[], length: number): void {
    this.#inFlightBytes += length;
    const before = this.#last;
    this.#last = sink.update(part).then(
      (output) => {
        this.#inFlightBytes -= length;
        if (this.#error !== undefined) return;
        if (output !== undefined && output.length > 0) this.#output(output);
        this.#continue();
        if (this.#inFlightBytes === 0) this.#submitGathered(sink);
      },
      async (error) => {
        await before; // an error of the part before is the cause of this one
        this.#inFlightBytes -= length;
        this.#failed(error);
      },
    );
    this.#updateHoldBack();
  }

  #isFull(): boolean {
    return this.#isPaused || this.#inFlightBytes > MAX_IN_FLIGHT_BYTES;
  }

  #continue(): void {
    const resume = this.#resume;
    if (resume !== undefined && !this.#isFull()) {
      this.#resume = undefined;
      resume();
    }
    this.#updateHoldBack();
  }

  #updateHoldBack(): void {
    const isFull = this.#isFull();
    if (isFull === this.#isHeldBack) return;
    this.#isHeldBack = isFull;
    this.#holdBack(isFull);
  }

  /** Reports the first error. Later ones follow from it. */
  #failed(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = isError(error) ? error : new Error(String(error));
    this.#fail(this.#error);
  }

  /** Wipes the gathered bytes, which may be secret. */
  #release(): void {
    leaks.unregister(this);
    this.#memory?.fill(0, 0, this.#touched);
    this.#memory = undefined;
    this.#used = 0;
  }
}

/** A sequence of chunks, without the empty ones. */
class Chunks {
  readonly #chunks: readonly Uint8Array[];
  #next = 0;
  #current: Uint8Array | undefined;

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks;
    this.#advance();
  }

  /** Number of remaining bytes of the current chunk; 0 after the last chunk. */
  get left(): number {
    return this.#current?.length ?? 0;
  }

  /**
   * Takes remaining bytes of the current chunk.
   * @param max the maximum number of bytes
   */
  take(max: number): Uint8Array {
    const chunk = this.#current as Uint8Array;
    if (chunk.length <= max) {
      this.#advance();
      return chunk;
    }
    this.#current = chunk.subarray(max);
    return chunk.subarray(0, max);
  }

  #advance(): void {
    do {
      this.#current = this.#chunks[this.#next];
      this.#next += 1;
    } while (this.#current?.length === 0);
  }
}

/** Builds the error of a write during which the stream was destroyed. */
function destroyedError(): Error {
  return Object.assign(new Error('the stream was destroyed before its end'), {
    code: 'ERR_STREAM_DESTROYED',
  });
}
