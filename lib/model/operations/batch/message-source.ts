/** Where the messages of a batch come from, as many at a time as make a piece. */

/** So many bytes a piece has at most, or one message. */
export const MOST_BYTES = 1 << 20;

/** An iterable: all its messages are there when they are asked for. */
export class Source<Message> {
  /** It has no more messages. */
  ended = false;
  readonly #iterator: Iterator<Message>;

  constructor(iterator: Iterator<Message>) {
    this.#iterator = iterator;
  }

  isReady(_other: Promise<unknown> | undefined): boolean {
    return true;
  }

  /** @param most how many at most @param size of a message in bytes */
  take(most: number, size: (message: Message) => number): Message[] {
    const taken: Message[] = [];
    for (let bytes = 0; taken.length < most && bytes < MOST_BYTES; ) {
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

  /** Nothing more is taken. */
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

  #ask(): Promise<IteratorResult<Message>> {
    this.#next ??= Promise.resolve(this.#iterator.next());
    return this.#next;
  }

  /** Whether it has a message, or an end, before `other` is done: a slow source must not hold back what is done. */
  async isReady(other: Promise<unknown> | undefined): Promise<boolean> {
    if (other === undefined) return true;
    return Promise.race([this.#ask().then(() => true), other.then(() => false)]);
  }

  /**
   * Waits for one message, and takes what others there are in the same turn of the event loop. Few promises are made for
   * each: they live until the end of the turn, and are many.
   */
  take(most: number, size: (message: Message) => number): Promise<Message[]> {
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
          this.#ask().then(add, reject);
        } catch (error) {
          reject(error); // an iterator that throws where it should reject
        }
      };
      const add = ({ done, value }: IteratorResult<Message>): void => {
        if (isOver) return; // it is for the next piece
        this.#next = undefined;
        if (done) {
          this.ended = true;
          finish();
          return;
        }
        taken.push(value);
        bytes += size(value);
        if (taken.length >= most || bytes >= MOST_BYTES) {
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
