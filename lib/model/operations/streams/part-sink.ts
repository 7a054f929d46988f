import { createHash } from 'node:crypto';
import type { Hash } from '../../mechanisms/digest';

/** What a stream writes its parts to, one after the other. */
export interface Sink<T> {
  /** Whether it holds a session until its end. */
  readonly usesSession: boolean;
  /**
   * Takes the next part. Several may be given before the first is done; what they give comes in their order.
   * @param part in pieces, which are copied before the call returns
   */
  update(part: readonly Uint8Array[]): Promise<Buffer | undefined>;
  /** Ends the operation; nothing is held afterwards. @param signature to verify */
  final(signature: Buffer | undefined): Promise<T>;
  /** Gives the operation up, with the error why. Nothing is held afterwards; further calls do nothing. */
  cancel(error: unknown): Promise<void>;
}

/**
 * Begins what a stream does, when its first byte is there.
 * @param signal ends the waiting for a session
 * @param lost is told when the session was lost while the stream was under way
 */
export type Opener<T> = (signal: AbortSignal, lost: (error: unknown) => void) => Promise<Sink<T>>;

/** A digest made by Node, for tokens that sign digests only: no session is needed before its end. */
export class HashSink<T> implements Sink<T> {
  readonly usesSession = false;
  readonly #hash;
  readonly #prefix: Buffer;
  readonly #finish: (digest: Buffer, signature: Buffer | undefined) => Promise<T>;

  /** @param finish does the rest, with `prefix` and the digest */
  constructor(
    hash: Hash,
    prefix: Buffer | undefined,
    finish: (digest: Buffer, signature: Buffer | undefined) => Promise<T>,
  ) {
    this.#hash = createHash(hash.node);
    this.#prefix = prefix ?? Buffer.alloc(0);
    this.#finish = finish;
  }

  async update(part: readonly Uint8Array[]): Promise<undefined> {
    for (const piece of part) this.#hash.update(piece);
  }

  final(signature: Buffer | undefined): Promise<T> {
    return this.#finish(Buffer.concat([this.#prefix, this.#hash.digest()]), signature);
  }

  async cancel(): Promise<void> {}
}
