import type { Opener, Sink } from './sink';

/** Chunks are gathered to parts of so many bytes while the session is busy, and larger ones are cut. */
const PART = 256 * 1024;
/** So many parts are asked for before the first is done: the token need not wait for the event loop. */
const UNDER_WAY = 4;

/** Ends the operations of streams that nobody holds any more: their sessions would be lost to all others. */
const leaks = new FinalizationRegistry<Sink<unknown>>((sink) => {
  process.emitWarning(
    'a stream was collected without having been ended or destroyed; use pipeline(), "await using" or destroy() to free its session',
    { type: 'CryptokiWarning', code: 'CRYPTOKI_STREAM_LEAK' },
  );
  void sink.cancel(undefined);
});

type Done = (error?: Error | null) => void;

/** What stands between a stream and its operation: it gathers, keeps several parts under way, and holds back the rest. */
export class Lane<T> {
  readonly #open: Opener<T>;
  readonly #output: (bytes: Buffer) => void;
  readonly #fail: (error: Error) => void;
  readonly #block: number;
  readonly #end = new AbortController();
  #opening: Promise<Sink<T>> | undefined;
  #sink: Sink<T> | undefined;
  #memory: Buffer | undefined;
  #used = 0;
  #underWay = 0;
  #last: Promise<unknown> = Promise.resolve();
  #error: Error | undefined;
  #isPaused = false;
  #isLingering = false;
  /** Goes on with what waits for room. */
  #resume: (() => void) | undefined;

  /**
   * @param output takes what the parts give, in their order
   * @param fail is told of the first error
   * @param block every part but the last is a multiple of so many bytes
   */
  constructor(open: Opener<T>, output: (bytes: Buffer) => void, fail: (error: Error) => void, block = 1) {
    this.#open = open;
    this.#output = output;
    this.#fail = fail;
    this.#block = block;
  }

  /** Takes a chunk; `done` is called when there is room for the next one, and the memory of this one is free. */
  write(chunk: Uint8Array, done: Done): void {
    if (this.#sink !== undefined) this.#take(this.#sink, chunk, done);
    else
      this.#begin().then(
        (sink) => this.#take(sink, chunk, done),
        (error) => done(error),
      );
  }

  /** Does what is left, and ends the operation. */
  async end(signature: Buffer | undefined): Promise<T> {
    const sink = this.#sink ?? (await this.#begin());
    this.#submitGathered(sink, true);
    await this.#last;
    if (this.#error !== undefined) throw this.#error;
    const result = await sink.final(signature);
    this.#letGo();
    return result;
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

  #take(sink: Sink<T>, chunk: Uint8Array, done: Done): void {
    let at = 0;
    const more = (): void => {
      while (at < chunk.length) {
        if (this.#error !== undefined) break;
        if (this.#isPaused || this.#underWay >= UNDER_WAY) {
          this.#resume = more;
          return;
        }
        const left = chunk.length - at;
        if (this.#used === 0 && left >= PART) {
          this.#submit(sink, chunk.subarray(at, at + PART));
          at += PART;
          continue;
        }
        this.#memory ??= Buffer.allocUnsafeSlow(PART);
        const taken = Math.min(PART - this.#used, left);
        this.#memory.set(chunk.subarray(at, at + taken), this.#used);
        this.#used += taken;
        at += taken;
        if (this.#used === PART) this.#submitGathered(sink);
        else this.#linger(sink);
      }
      done(this.#error);
    };
    more();
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
    this.#submit(sink, this.#memory.subarray(0, length));
    this.#memory.copyWithin(0, length, this.#used); // the part was copied
    this.#used -= length;
  }

  #submit(sink: Sink<T>, part: Uint8Array): void {
    this.#underWay += 1;
    const before = this.#last;
    this.#last = sink.update(part).then(
      (output) => {
        this.#underWay -= 1;
        if (this.#error !== undefined) return;
        if (output !== undefined && output.length > 0) this.#output(output);
        this.#goOn();
        if (this.#underWay === 0) this.#submitGathered(sink);
      },
      async (error) => {
        await before; // what failed there comes first, and is why this failed
        this.#underWay -= 1;
        this.#failed(error);
      },
    );
  }

  #goOn(): void {
    if (this.#isPaused || this.#underWay >= UNDER_WAY || this.#resume === undefined) return;
    const resume = this.#resume;
    this.#resume = undefined;
    resume();
  }

  /** The first error counts: those after it come of it. */
  #failed(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error instanceof Error ? error : new Error(String(error));
    this.#fail(this.#error);
  }

  /** Wipes what was gathered: it may be what nobody else is to read. */
  #letGo(): void {
    leaks.unregister(this);
    this.#memory?.fill(0);
    this.#memory = undefined;
    this.#used = 0;
  }
}

/** What a write gets when somebody destroys the stream meanwhile. */
function destroyedError(): Error {
  return Object.assign(new Error('the stream was destroyed before its end'), {
    code: 'ERR_STREAM_DESTROYED',
  });
}
