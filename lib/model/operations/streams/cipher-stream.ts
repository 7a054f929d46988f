import { Duplex } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { CKM } from '../../../generated/constants';
import type { RawMechanism } from '../../../raw/values';
import { type Ends, Lane } from './part-scheduler';
import type { Opener } from './part-sink';
import { followSignal, type StreamOptions } from './stream-options';

/** So many bytes may wait on either side. */
const WAITING = 512 * 1024;
/** NSS takes whole blocks only, where the specification allows any part; this is the largest block there is. */
const BLOCK = 16;

/**
 * Encrypts or decrypts what goes through: `pipeline(source, stream, sink)`; see SecretKey.createEncrypt.
 *
 * It has the session to itself from its first byte to its end. Destroying it ends the operation on the session; an error
 * destroys it.
 */
export class CipherStream extends Duplex {
  readonly #lane: Lane<Buffer>;

  /** @internal */
  constructor(open: Opener<Buffer>, mechanism: RawMechanism, { signal }: StreamOptions) {
    super({ highWaterMark: WAITING });
    const ends: Ends = {
      output: (bytes) => this.#give(bytes),
      fail: (error) => this.destroy(error),
      holdBack: (isFull) => (isFull ? this.cork() : this.uncork()),
    };
    this.#lane = new Lane(open, ends, mechanism.mechanism === CKM.AES_CTR ? 1 : BLOCK);
    followSignal(this, signal);
  }

  /** The stream as a pair of the web: `source.pipeThrough(stream.toWeb())`. */
  toWeb(): { readable: ReadableStream; writable: WritableStream } {
    return Duplex.toWeb(this);
  }

  /** Ends the operation, if it has not ended, and waits until the session is free. */
  override async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return;
    const closed = new Promise((resolve) => this.once('close', resolve));
    this.destroy();
    await closed;
  }

  /** Node comes here with single chunks, too. @internal */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#lane.write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** @internal */
  override _read(): void {
    this.#lane.pause(false);
  }

  /** @internal */
  override _final(done: (error?: Error | null) => void): void {
    this.#lane.end(undefined).then(
      (rest) => {
        if (rest.length > 0) this.push(rest);
        this.push(null);
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

  #give(bytes: Buffer): void {
    if (!this.push(bytes)) this.#lane.pause(true);
  }
}
