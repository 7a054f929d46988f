import { Duplex } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { asyncDispose } from '../../../core/realms';
import { CKM } from '../../../generated/constants';
import type { RawMechanism } from '../../../raw/values';
import { watchIv } from '../../mechanisms/made-iv';
import type { MechanismInput } from '../../mechanisms/mechanism';
import { PartScheduler, type StreamCallbacks } from './part-scheduler';
import type { Opener, Sink } from './part-sink';
import { followSignal, type StreamOptions } from './stream-options';

/** Limit of bytes that wait in the stream, on each side. */
const HIGH_WATER_MARK_BYTES = 512 * 1024;
/** NSS accepts whole blocks only, although the specification allows any part. This is the largest block size. */
const BLOCK_BYTES = 16;

/** The IV of an operation. It does not reference the stream, whose collection ends the operation. */
interface IvHolder {
  iv: Buffer | undefined;
}

/**
 * Encrypts or decrypts its input: `pipeline(source, stream, sink)`; see SecretKey.createEncrypt.
 *
 * It occupies the session from its first byte to its end. Destroying it ends the operation on the session; an error destroys
 * it.
 */
export class CipherStream extends Duplex {
  readonly #scheduler: PartScheduler<Buffer>;
  readonly #holder: IvHolder;

  /**
   * The IV, if the module has generated it in place of the caller's (see Ciphertext.iv); undefined otherwise, and until it is
   * known. Some modules write it at the end only, so read it when the stream has ended. It is also set in the algorithm.
   */
  get iv(): Buffer | undefined {
    return this.#holder.iv;
  }

  /** @internal */
  constructor(open: Opener<Buffer>, mechanism: RawMechanism, { signal }: StreamOptions, holder: IvHolder) {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES });
    this.#holder = holder;
    const callbacks: StreamCallbacks = {
      output: (bytes) => this.#output(bytes),
      fail: (error) => this.destroy(error),
      holdBack: (isFull) => (isFull ? this.cork() : this.uncork()),
    };
    const blockBytes = mechanism.mechanism === CKM.AES_CTR ? 1 : BLOCK_BYTES;
    this.#scheduler = new PartScheduler(open, callbacks, blockBytes);
    followSignal(this, signal);
  }

  /** Returns the stream as a pair of web streams: `source.pipeThrough(stream.toWeb())`. */
  toWeb(): { readable: ReadableStream; writable: WritableStream } {
    return Duplex.toWeb(this);
  }

  /** Cancels the operation, if it has not ended, and waits until the session is free. */
  override async [asyncDispose](): Promise<void> {
    if (this.closed) return;
    const closed = new Promise((resolve) => this.once('close', resolve));
    this.destroy();
    await closed;
  }

  /** Node also calls it for single chunks. @internal */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#scheduler.write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** @internal */
  override _read(): void {
    this.#scheduler.pause(false);
  }

  /** @internal */
  override _final(done: (error?: Error | null) => void): void {
    this.#scheduler.end(undefined).then(
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
    this.#scheduler.destroy(error).then(
      () => done(error),
      () => done(error),
    );
  }

  #output(bytes: Buffer): void {
    if (!this.push(bytes)) this.#scheduler.pause(true);
  }
}

/** The operations in the names of C functions. */
export const OPERATIONS = { encrypt: 'Encrypt', decrypt: 'Decrypt' } as const;

/** The arguments of {@link cipherStream}. */
export interface CipherArguments {
  /** The caller's algorithm, in which an IV that the module has generated is set. */
  readonly algorithm: MechanismInput;
  readonly mechanism: RawMechanism;
  /** Sets in the caller's parameter the values that the module has written. */
  readonly handBack?: (() => void) | undefined;
  readonly options: StreamOptions;
}

/**
 * Creates a stream that returns an IV that the module has generated.
 * @param begin begins the operation
 */
export function cipherStream(
  operation: 'encrypt' | 'decrypt',
  { algorithm, mechanism, handBack, options }: CipherArguments,
  begin: Opener<Buffer>,
): CipherStream {
  const madeIv = operation === 'encrypt' ? watchIv(algorithm, mechanism) : undefined;
  const holder: IvHolder = { iv: undefined };
  // Called after Init and after Final: modules differ in when they write the IV.
  const readIv = (): void => {
    handBack?.();
    holder.iv ??= madeIv?.();
  };
  const open: Opener<Buffer> = async (signal, lost) => {
    const sink: Sink<Buffer> = await begin(signal, lost);
    try {
      readIv();
    } catch (error) {
      await sink.cancel(error);
      throw error;
    }
    return {
      usesSession: sink.usesSession,
      update: (part) => sink.update(part),
      final: async (signature) => {
        const rest = await sink.final(signature);
        readIv();
        return rest;
      },
      cancel: (error) => sink.cancel(error),
    };
  };
  return new CipherStream(open, mechanism, options, holder);
}
