import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { WritableStream } from 'node:stream/web';
import { bytesOf } from '../../../core/arguments';
import { asyncDispose } from '../../../core/realms';
import type { BytesLike } from '../../../raw/values';
import { PartScheduler } from './part-scheduler';
import type { Opener } from './part-sink';
import { followSignal, type StreamOptions } from './stream-options';

/** Limit of bytes that wait in the stream for the session. */
const HIGH_WATER_MARK_BYTES = 512 * 1024;

/**
 * A stream that takes a message and has one result at its end. It is a Writable, `pipeline(source, stream)`, and can be used
 * with promises: `await stream.update(chunk)`, `await stream.final()`.
 *
 * It occupies the session from its first byte to its end. Destroying it ends the operation on the session; an error destroys
 * it.
 */
class MessageStream<T> extends Writable {
  readonly #scheduler: PartScheduler<T>;
  #result: T | undefined;
  #signature: Buffer | undefined;
  #usesPromises = false;

  /** @internal */
  constructor(open: Opener<T>, { signal }: StreamOptions, signature?: Buffer) {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES });
    this.#signature = signature;
    this.#scheduler = new PartScheduler(open, {
      output: () => {},
      fail: (error) => this.destroy(error),
      holdBack: (isFull) => (isFull ? this.cork() : this.uncork()),
    });
    followSignal(this, signal);
  }

  /**
   * Writes a part of the message. Wait for the promise, which is fulfilled when there is room for the next part.
   * @throws the error that ended the stream; TypeError ERR_INVALID_ARG_TYPE
   */
  update(chunk: BytesLike): Promise<void> {
    const bytes = bytesOf(chunk, 'a chunk');
    this.#handleErrors();
    const taken = new Promise<void>((resolve, reject) => {
      this.write(bytes, (error) => (error ? reject(this.errored ?? error) : resolve()));
    });
    taken.catch(() => {}); // result() rejects as well
    return taken;
  }

  /**
   * Waits for the end of the stream, and returns the result.
   * @throws the error that ended the stream; ERR_STREAM_PREMATURE_CLOSE when it was destroyed without an error
   */
  result(): Promise<T> {
    this.#handleErrors();
    const ended = finished(this, { cleanup: true }).then(() => this.#result as T);
    ended.catch(() => {}); // pipeline() rejects as well
    return ended;
  }

  /** Ends the stream and returns the result; see {@link result}. */
  final(): Promise<T> {
    if (!this.writableEnded && !this.destroyed) this.end();
    return this.result();
  }

  /** Returns the stream as a WritableStream of the web: `readable.pipeTo(stream.toWeb())`, then {@link result}. */
  toWeb(): WritableStream {
    return Writable.toWeb(this);
  }

  /** Cancels the operation, if it has not ended, and waits until the session is free. */
  async [asyncDispose](): Promise<void> {
    this.#handleErrors();
    if (this.closed) return;
    const closed = new Promise((resolve) => this.once('close', resolve));
    this.destroy();
    await closed;
  }

  /** @internal */
  protected set signature(signature: BytesLike) {
    this.#signature = Buffer.from(bytesOf(signature, 'the signature'));
  }

  /** Node also calls it for single chunks. @internal */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#scheduler.write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** @internal */
  override _final(done: (error?: Error | null) => void): void {
    this.#scheduler.end(this.#signature).then(
      (result) => {
        this.#result = result;
        done();
      },
      (error) => done(error),
    );
  }

  /** @internal */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#scheduler.destroy(error).then(
      () => done(error),
      () => done(error),
    );
  }

  /** Adds a listener of 'error', because the promises already report errors to the program. */
  #handleErrors(): void {
    if (this.#usesPromises) return;
    this.#usesPromises = true;
    this.on('error', () => {});
  }
}

/** Signs a message or computes a MAC; see PrivateKey.createSign. */
export class SignStream extends MessageStream<Buffer> {}

/** Digests a message; see Session.createDigest. */
export class DigestStream extends MessageStream<Buffer> {}

/** Verifies a signature or a MAC; see PublicKey.createVerify. The result is false when it is wrong. */
export class VerifyStream extends MessageStream<boolean> {
  /**
   * Ends the stream and returns the result.
   * @param signature needed if it was not given to createVerify()
   */
  override final(signature?: BytesLike): Promise<boolean> {
    if (signature !== undefined) this.signature = signature;
    return super.final();
  }
}
