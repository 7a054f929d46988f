import { createHash } from 'node:crypto';
import type { Hash } from '../../mechanisms/digest';

/** The operation to which a stream writes its parts, one after the other. */
export interface Sink<T> {
  /** True if it occupies a session until its end. */
  readonly usesSession: boolean;
  /**
   * Processes the next part. It can be called again before the promise is fulfilled; outputs have the order of the parts.
   * @param part in pieces, which are copied before the call returns
   */
  update(part: readonly Uint8Array[]): Promise<Buffer | undefined>;
  /**
   * Ends the operation and releases the session.
   * @param signature the signature to verify
   */
  final(signature: Buffer | undefined): Promise<T>;
  /**
   * Cancels the operation and releases the session; further calls do nothing.
   * @param error the reason
   */
  cancel(error: unknown): Promise<void>;
}

/**
 * Begins the operation of a stream, when its first byte arrives.
 * @param signal ends the wait for a session
 * @param lost is called with the error if the session is lost during the operation
 */
export type Opener<T> = (signal: AbortSignal, lost: (error: unknown) => void) => Promise<Sink<T>>;

/** A digest by node:crypto, for tokens that sign digests only: no session is needed before its end. */
export class HashSink<T> implements Sink<T> {
  readonly usesSession = false;
  readonly #hash;
  readonly #prefix: Buffer;
  readonly #finish: (digest: Buffer, signature: Buffer | undefined) => Promise<T>;

  /** @param finish signs or verifies `prefix` with the digest */
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
