import { isError } from '../../../core/realms';
import type { Opener, Sink } from './part-sink';

/** Chunks are put together to parts of so many bytes while the session is busy, and larger ones are cut. */
const PART = 512 * 1024;
/** Smaller chunks are gathered here, larger ones go to native code as they are: each copy of a byte takes time. */
const SMALL = 16 * 1024;
/** The next part is asked for while so many bytes are under way: the token need not wait for the event loop. */
const UNDER_WAY = 2 * PART;

/** Ends the operations of streams that nobody holds any more: their sessions would be lost to all others. */
const leaks = new FinalizationRegistry<Sink<unknown>>((sink) => {
  process.emitWarning(
    'a stream was collected without having been ended or destroyed; use pipeline(), "await using" or destroy() to free its session',
    { type: 'CryptokiWarning', code: 'CRYPTOKI_STREAM_LEAK' },
  );
  void sink.cancel(undefined);
});

type Done = (error?: Error | null) => void;

/** What a lane tells its stream. */
export interface Ends {
  /** What the parts give, in their order. */
  output(bytes: Buffer): void;
  /** The first error. */
  fail(error: Error): void;
  /** Whether chunks had better wait: together they cost less. */
  holdBack(isFull: boolean): void;
}

/** What stands between a stream and its operation: it gathers, keeps several parts under way, and holds back the rest. */
export class Lane<T> {
  readonly #open: Opener<T>;
  readonly #output: Ends['output'];
  readonly #fail: Ends['fail'];
  readonly #holdBack: Ends['holdBack'];
  readonly #block: number;
  readonly #end = new AbortController();
  #opening: Promise<Sink<T>> | undefined;
  #sink: Sink<T> | undefined;
  #memory: Buffer | undefined;
  #used = 0;
  #touched = 0; // of the memory, at any time
  #underWay = 0; // in bytes
  #last: Promise<unknown> = Promise.resolve();
  #error: Error | undefined;
  #isPaused = false;
  #isHeldBack = false;
  #isLingering = false;
  /** Goes on with what waits for room. */
  #resume: (() => void) | undefined;

  /** @param block every part but the last is a multiple of so many bytes */
  constructor(open: Opener<T>, { output, fail, holdBack }: Ends, block = 1) {
    this.#open = open;
    this.#output = output;
    this.#fail = fail;
    this.#holdBack = holdBack;
    this.#block = block;
  }

  /** Takes chunks; `done` is called when there is room for the next ones, and the memory of these is free. */
  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#sink !== undefined) this.#take(this.#sink, chunks, done);
    else
      this.#begin().then(
        (sink) => this.#take(sink, chunks, done),
        (error) => done(error),
      );
  }

  /** Does what is left, and ends the operation. */
  async end(signature: Buffer | undefined): Promise<T> {
    const sink = this.#sink ?? (await this.#begin());
    this.#submitGathered(sink, true);
    const parts = this.#last;
    // Asked for at once: it comes behind the parts, whose results and errors count first.
    const [final] = await Promise.allSettled([sink.final(signature), parts]);
    if (this.#error !== undefined) throw this.#error;
    if (final.status === 'rejected') throw final.reason;
    this.#letGo();
    return final.value;
  }

  /** Whether outputs may come: parts that are under way are not held back, new ones are. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#goOn();
  }

  /** Gives up what is under way. Without effect after {@link end}. */
  async destroy(error: Error | null): Promise<void> {
    this.#error ??= error ?? destroyedError();
    const waiting = this.#resume;
    this.#resume = undefined;
    waiting?.(); // tells it the error
    if (this.#opening !== undefined) {
      if (this.#sink === undefined) this.#end.abort(error ?? undefined);
      const sink = await this.#opening.catch(() => undefined);
      await this.#last;
      await sink?.cancel(error);
    }
    this.#letGo();
  }

  /** In a scope of its own: what is held for a stream must not hold the stream. */
  static #failing<T>(weak: WeakRef<Lane<T>>): (error: unknown) => void {
    return (error) => {
      const lane = weak.deref();
      if (lane !== undefined) lane.#failed(error);
    };
  }

  #begin(): Promise<Sink<T>> {
    const lost = Lane.#failing(new WeakRef(this));
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
        if (source.left < SMALL) this.#gather(sink, source);
        else this.#submitLarge(sink, source);
      }
      done(this.#error);
    };
    more();
  }

  #gather(sink: Sink<T>, source: Chunks): void {
    this.#memory ??= Buffer.allocUnsafeSlow(PART);
    const taken = source.take(PART - this.#used);
    this.#memory.set(taken, this.#used);
    this.#used += taken.length;
    this.#touched = Math.max(this.#touched, this.#used);
    if (this.#used === PART) this.#submitGathered(sink);
    else this.#linger(sink);
  }

  /** What was gathered, and the large chunks that come now. */
  #submitLarge(sink: Sink<T>, source: Chunks): void {
    const part: Uint8Array[] = [];
    let length = this.#used;
    if (this.#memory !== undefined && length > 0) part.push(this.#memory.subarray(0, length));
    while (source.left >= SMALL && length < PART) {
      const end = Math.min(PART, length + source.left);
      const taken = source.take(end - (end % this.#block) - length);
      part.push(taken);
      length += taken.length;
    }
    this.#used = 0;
    this.#submit(sink, part, length);
  }

  /** A slow source must not be waited for while the session has nothing to do. */
  #linger(sink: Sink<T>): void {
    if (this.#isLingering || this.#underWay > 0) return;
    this.#isLingering = true;
    setImmediate(() => {
      this.#isLingering = false;
      if (this.#underWay === 0) this.#submitGathered(sink);
    });
  }

  #submitGathered(sink: Sink<T>, isLast = false): void {
    if (this.#memory === undefined || this.#error !== undefined) return;
    const length = isLast ? this.#used : this.#used - (this.#used % this.#block);
    if (length === 0) return;
    this.#submit(sink, [this.#memory.subarray(0, length)], length);
    this.#memory.copyWithin(0, length, this.#used); // the part was copied
    this.#used -= length;
  }

  #submit(sink: Sink<T>, part: readonly Uint8Array[], length: number): void {
    this.#underWay += length;
    const before = this.#last;
    this.#last = sink.update(part).then(
      (output) => {
        this.#underWay -= length;
        if (this.#error !== undefined) return;
        if (output !== undefined && output.length > 0) this.#output(output);
        this.#goOn();
        if (this.#underWay === 0) this.#submitGathered(sink);
      },
      async (error) => {
        await before; // what failed there comes first, and is why this failed
        this.#underWay -= length;
        this.#failed(error);
      },
    );
    this.#tell();
  }

  #isFull(): boolean {
    return this.#isPaused || this.#underWay > UNDER_WAY;
  }

  #goOn(): void {
    const resume = this.#resume;
    if (resume !== undefined && !this.#isFull()) {
      this.#resume = undefined;
      resume();
    }
    this.#tell();
  }

  #tell(): void {
    const isFull = this.#isFull();
    if (isFull === this.#isHeldBack) return;
    this.#isHeldBack = isFull;
    this.#holdBack(isFull);
  }

  /** The first error counts: those after it come of it. */
  #failed(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = isError(error) ? error : new Error(String(error));
    this.#fail(this.#error);
  }

  /** Wipes what was gathered: it may be what nobody else is to read. */
  #letGo(): void {
    leaks.unregister(this);
    this.#memory?.fill(0, 0, this.#touched);
    this.#memory = undefined;
    this.#used = 0;
  }
}

/** Chunks, one after the other, of which empty ones are none. */
class Chunks {
  readonly #chunks: readonly Uint8Array[];
  #next = 0;
  #current: Uint8Array | undefined;

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks;
    this.#advance();
  }

  /** So many bytes are left of the current chunk; 0 when there is none any more. */
  get left(): number {
    return this.#current?.length ?? 0;
  }

  /** What is left of the current chunk, up to so many bytes. */
  take(most: number): Uint8Array {
    const chunk = this.#current as Uint8Array;
    if (chunk.length <= most) {
      this.#advance();
      return chunk;
    }
    this.#current = chunk.subarray(most);
    return chunk.subarray(0, most);
  }

  #advance(): void {
    do {
      this.#current = this.#chunks[this.#next];
      this.#next += 1;
    } while (this.#current?.length === 0);
  }
}

/** What a write gets when somebody destroys the stream meanwhile. */
function destroyedError(): Error {
  return Object.assign(new Error('the stream was destroyed before its end'), {
    code: 'ERR_STREAM_DESTROYED',
  });
}
