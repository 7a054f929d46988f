import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { WritableStream } from 'node:stream/web';
import { bytesOf } from '../../../core/arguments';
import { asyncDispose } from '../../../core/realms';
import type { BytesLike } from '../../../raw/values';
import { Lane } from './part-scheduler';
import type { Opener } from './part-sink';
import { followSignal, type StreamOptions } from './stream-options';

/** So many bytes may wait for the session. */
const WAITING = 512 * 1024;

/**
 * A stream that takes a message and gives one result at its end. It is a Writable, `pipeline(source, stream)`, and can be
 * fed by hand: `await stream.update(chunk)`, `await stream.final()`.
 *
 * It has the session to itself from its first byte to its end. Destroying it ends the operation on the session; an error
 * destroys it.
 */
class MessageStream<T> extends Writable {
  readonly #lane: Lane<T>;
  #result: T | undefined;
  #signature: Buffer | undefined;
  #isWatched = false;

  /** @internal */
  constructor(open: Opener<T>, { signal }: StreamOptions, signature?: Buffer) {
    super({ highWaterMark: WAITING });
    this.#signature = signature;
    this.#lane = new Lane(open, {
      output: () => {},
      fail: (error) => this.destroy(error),
      holdBack: (isFull) => (isFull ? this.cork() : this.uncork()),
    });
    followSignal(this, signal);
  }

  /**
   * Takes a part of the message. Wait for the promise: it is fulfilled when there is room for the next one.
   * @throws what ended the stream
   */
  update(chunk: BytesLike): Promise<void> {
    const bytes = bytesOf(chunk, 'a chunk');
    this.#watch();
    const taken = new Promise<void>((resolve, reject) => {
      this.write(bytes, (error) => (error ? reject(this.errored ?? error) : resolve()));
    });
    taken.catch(() => {}); // result() tells it as well
    return taken;
  }

  /**
   * The result, when the stream has ended.
   * @throws what ended the stream; ERR_STREAM_PREMATURE_CLOSE when it was destroyed without an error
   */
  result(): Promise<T> {
    this.#watch();
    const ended = finished(this, { cleanup: true }).then(() => this.#result as T);
    ended.catch(() => {}); // pipeline() tells it as well
    return ended;
  }

  /** Ends the stream and gives the result; see {@link result}. */
  final(): Promise<T> {
    if (!this.writableEnded && !this.destroyed) this.end();
    return this.result();
  }

  /** The stream as a WritableStream of the web: `readable.pipeTo(stream.toWeb())`, then {@link result}. */
  toWeb(): WritableStream {
    return Writable.toWeb(this);
  }

  /** Ends the operation, if it has not ended, and waits until the session is free. */
  async [asyncDispose](): Promise<void> {
    this.#watch();
    if (this.closed) return;
    const closed = new Promise((resolve) => this.once('close', resolve));
    this.destroy();
    await closed;
  }

  /** @internal */
  protected set signature(signature: BytesLike) {
    this.#signature = Buffer.from(bytesOf(signature, 'a chunk'));
  }

  /** Node comes here with single chunks, too. @internal */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#lane.write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** @internal */
  override _final(done: (error?: Error | null) => void): void {
    this.#lane.end(this.#signature).then(
      (result) => {
        this.#result = result;
        done();
      },
      (error) => done(error),
    );
  }

  /** @internal */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#lane.destroy(error).then(
      () => done(error),
      () => done(error),
    );
  }

  /** Who uses the promises is told by them, and need not listen to 'error'. */
  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.on('error', () => {});
  }
}

/** Signs, or makes a MAC; see PrivateKey.createSign. */
export class SignStream extends MessageStream<Buffer> {}

/** Digests; see Session.createDigest. */
export class DigestStream extends MessageStream<Buffer> {}

/** Verifies a signature or a MAC; see PublicKey.createVerify. The result is false when it is wrong. */
export class VerifyStream extends MessageStream<boolean> {
  /**
   * Ends the stream and gives the result.
   * @param signature if it was not known before
   */
  override final(signature?: BytesLike): Promise<boolean> {
    if (signature !== undefined) this.signature = signature;
    return super.final();
  }
}
