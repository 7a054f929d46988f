import { outOfRange, wrongValue } from '../../../core/argument-errors';

/** The result of one message of a batch. */
export type BatchItem<T> =
  | { readonly index: number; readonly value: T; readonly error?: undefined }
  | { readonly index: number; readonly error: Error; readonly value?: undefined };

/**
 * The results of the messages of a batch, in their order. They are packed in a few large buffers, and values are created when
 * the program reads them. So the object has no elements: `results.at(0)` returns the value of the first message, `for ... of`
 * all values, {@link toArray} an array; `results[0]` throws.
 */
export class BatchResults<T> implements Iterable<T> {
  /** Number of messages. */
  readonly length: number;
  /** The messages that failed, by index. */
  readonly failures: ReadonlyMap<number, Error>;
  readonly #value: (index: number) => T;

  /** @internal */
  constructor(length: number, failures: ReadonlyMap<number, Error>, value: (index: number) => T) {
    this.length = length;
    this.failures = failures;
    this.#value = value;
    if (length > GUARDED_INDICES) refuseIndex(this, length - 1);
  }

  /**
   * Returns the value of one message. A Buffer is a new one on each call, with an ArrayBuffer that is not shared.
   * @throws the error of the message; RangeError ERR_OUT_OF_RANGE
   */
  at(index: number): T {
    const error = this.failures.get(index);
    if (error !== undefined) throw error;
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw outOfRange('index', `a whole number below ${this.length}`, index);
    }
    return this.#value(index);
  }

  /** Iterates over all values, and throws at the first message that failed. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index);
  }

  /** Iterates over the results of all messages, including those that failed. */
  *items(): IterableIterator<BatchItem<T>> {
    for (let index = 0; index < this.length; index += 1) {
      const error = this.failures.get(index);
      yield error === undefined ? { index, value: this.#value(index) } : { index, error };
    }
  }

  /** Returns all values as an array, and throws if a message failed. */
  toArray(): T[] {
    return [...this];
  }
}

/** Number of indices that throw when they are read. Loops begin or end at 0, so these and the last one detect a wrong use. */
const GUARDED_INDICES = 1024;

/** Makes reading an index an error, because undefined in place of a signature would not be noticed. */
function refuseIndex(object: object, index: number): void {
  const get = (): never => {
    throw wrongValue(
      `the results of a batch have no elements; use results.at(${index}), for ... of results, or results.toArray()`,
    );
  };
  Object.defineProperty(object, index, { get, enumerable: false, configurable: true });
}

for (let index = 0; index < GUARDED_INDICES; index += 1) refuseIndex(BatchResults.prototype, index);
