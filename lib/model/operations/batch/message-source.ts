/** Sources of the messages of a batch. They return the messages of one piece at a time. */

/** Limit of a piece in bytes, unless one message is longer. */
export const MAX_PIECE_BYTES = 1 << 20;

/** An iterable. It returns its messages at once. */
export class Source<Message> {
  /** True after the last message. */
  ended = false;
  readonly #iterator: Iterator<Message>;

  constructor(iterator: Iterator<Message>) {
    this.#iterator = iterator;
  }

  isReady(_other: Promise<unknown> | undefined): boolean {
    return true;
  }

  /**
   * Takes the messages of the next piece.
   * @param max the maximum number of messages
   * @param size returns the size of a message in bytes
   */
  take(max: number, size: (message: Message) => number): Message[] {
    const taken: Message[] = [];
    for (let bytes = 0; taken.length < max && bytes < MAX_PIECE_BYTES; ) {
      const { done, value } = this.#iterator.next();
      if (done) {
        this.ended = true;
        break;
      }
      taken.push(value);
      bytes += size(value);
    }
    return taken;
  }

  /** Closes the iterator, if it has not ended. */
  leave(): void {
    if (!this.ended) this.#iterator.return?.();
  }
}

/** An async iterable, which may be slow. */
export class AsyncSource<Message> {
  ended = false;
  readonly #iterator: AsyncIterator<Message>;
  #next: Promise<IteratorResult<Message>> | undefined;

  constructor(iterator: AsyncIterator<Message>) {
    this.#iterator = iterator;
  }

  #nextResult(): Promise<IteratorResult<Message>> {
    this.#next ??= Promise.resolve(this.#iterator.next());
    return this.#next;
  }

  /** Returns true when it has a message, or ends, before `other` is fulfilled: a slow source must not delay finished results. */
  async isReady(other: Promise<unknown> | undefined): Promise<boolean> {
    if (other === undefined) return true;
    return Promise.race([this.#nextResult().then(() => true), other.then(() => false)]);
  }

  /**
   * Waits for one message, and takes more that arrive in the same turn of the event loop. It creates few promises for each
   * message, because promises use memory until the end of the turn.
   */
  take(max: number, size: (message: Message) => number): Promise<Message[]> {
    return new Promise((resolve, reject) => {
      const taken: Message[] = [];
      let bytes = 0;
      let isOver = false;
      let turnEnds: NodeJS.Immediate | undefined;
      const finish = (): void => {
        isOver = true;
        clearImmediate(turnEnds);
        resolve(taken);
      };
      const next = (): void => {
        try {
          this.#nextResult().then(add, reject);
        } catch (error) {
          reject(error); // the iterator has thrown instead of returning a rejected promise
        }
      };
      const add = ({ done, value }: IteratorResult<Message>): void => {
        if (isOver) return; // the message belongs to the next piece
        this.#next = undefined;
        if (done) {
          this.ended = true;
          finish();
          return;
        }
        taken.push(value);
        bytes += size(value);
        if (taken.length >= max || bytes >= MAX_PIECE_BYTES) {
          finish();
          return;
        }
        turnEnds ??= setImmediate(finish);
        next();
      };
      next();
    });
  }

  async leave(): Promise<void> {
    if (!this.ended) await this.#iterator.return?.();
  }
}
