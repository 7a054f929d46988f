import { Duplex } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { asyncDispose } from '../../../core/realms';
import { CKM } from '../../../generated/constants';
import type { RawMechanism } from '../../../raw/values';
import { watchIv } from '../../mechanisms/made-iv';
import type { MechanismInput } from '../../mechanisms/mechanism';
import { type Ends, Lane } from './part-scheduler';
import type { Opener, Sink } from './part-sink';
import { followSignal, type StreamOptions } from './stream-options';

/** So many bytes may wait on either side. */
const WAITING = 512 * 1024;
/** NSS takes whole blocks only, where the specification allows any part; this is the largest block there is. */
const BLOCK = 16;

/** Where an operation tells of the IV. It does not hold the stream, which ends the operation when it is collected. */
interface MadeIv {
  iv: Buffer | undefined;
}

/**
 * Encrypts or decrypts what goes through: `pipeline(source, stream, sink)`; see SecretKey.createEncrypt.
 *
 * It has the session to itself from its first byte to its end. Destroying it ends the operation on the session; an error
 * destroys it.
 */
export class CipherStream extends Duplex {
  readonly #lane: Lane<Buffer>;
  readonly #made: MadeIv;

  /**
   * The IV that is used, where the module has made it in place of the caller's (see Ciphertext.iv): undefined otherwise, and as
   * long as it is not known. Some modules write it at the end only, so take it when the stream has ended. It is set in the
   * algorithm, too.
   */
  get iv(): Buffer | undefined {
    return this.#made.iv;
  }

  /** @internal */
  constructor(open: Opener<Buffer>, mechanism: RawMechanism, { signal }: StreamOptions, made: MadeIv) {
    super({ highWaterMark: WAITING });
    this.#made = made;
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
  override async [asyncDispose](): Promise<void> {
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

/** Operations by their names. */
export const OPERATIONS = { encrypt: 'Encrypt', decrypt: 'Decrypt' } as const;

/** What a stream is made of. */
export interface CipherArguments {
  /** The caller's, in which an IV of the module's is set. */
  readonly algorithm: MechanismInput;
  readonly mechanism: RawMechanism;
  /** Gives the caller's parameter what the module has written. */
  readonly handBack?: (() => void) | undefined;
  readonly options: StreamOptions;
}

/** A stream that hands back the IV that the module has made. @param begin the operation */
export function cipherStream(
  what: 'encrypt' | 'decrypt',
  { algorithm, mechanism, handBack, options }: CipherArguments,
  begin: Opener<Buffer>,
): CipherStream {
  const madeIv = what === 'encrypt' ? watchIv(algorithm, mechanism) : undefined;
  const made: MadeIv = { iv: undefined };
  // In Init or in Final, as the module likes.
  const look = (): void => {
    handBack?.();
    made.iv ??= madeIv?.();
  };
  const open: Opener<Buffer> = async (signal, lost) => {
    const sink: Sink<Buffer> = await begin(signal, lost);
    try {
      look();
    } catch (error) {
      await sink.cancel(error);
      throw error;
    }
    return {
      usesSession: sink.usesSession,
      update: (part) => sink.update(part),
      final: async (signature) => {
        const rest = await sink.final(signature);
        look();
        return rest;
      },
      cancel: (error) => sink.cancel(error),
    };
  };
  return new CipherStream(open, mechanism, options, made);
}
