import { argumentError } from '../../../core/arguments';

/** What came of one message of a batch. */
export type BatchItem<T> =
  | { readonly index: number; readonly value: T; readonly error?: undefined }
  | { readonly index: number; readonly error: Error; readonly value?: undefined };

/**
 * What came of the messages of a batch, in their order. Values are made when they are asked for: until then they lie packed
 * in a few large buffers. So there are no elements: `results.at(0)` gives the value of the first message, `for ... of` all of
 * them, {@link toArray} an array; `results[0]` throws.
 */
export class BatchResults<T> implements Iterable<T> {
  /** How many messages there were. */
  readonly length: number;
  /** The messages that failed, by index. */
  readonly failures: ReadonlyMap<number, Error>;
  readonly #value: (index: number) => T;

  /** @internal */
  constructor(length: number, failures: ReadonlyMap<number, Error>, value: (index: number) => T) {
    this.length = length;
    this.failures = failures;
    this.#value = value;
    if (length > GUARDED) refuseIndex(this, length - 1);
  }

  /**
   * The value of one message; a Buffer is a new one each time, with an ArrayBuffer of its own.
   * @throws what the message failed with; RangeError ERR_OUT_OF_RANGE
   */
  at(index: number): T {
    const error = this.failures.get(index);
    if (error !== undefined) throw error;
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw argumentError(RangeError, `index must be a whole number below ${this.length}`);
    }
    return this.#value(index);
  }

  /** All values; it throws at the first message that failed. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index);
  }

  /** What came of each message, failed or not. */
  *items(): IterableIterator<BatchItem<T>> {
    for (let index = 0; index < this.length; index += 1) {
      const error = this.failures.get(index);
      yield error === undefined ? { index, value: this.#value(index) } : { index, error };
    }
  }

  /** All values as an array; it throws when a message failed. */
  toArray(): T[] {
    return [...this];
  }
}

/** Loops begin at 0 or end at 0: these indexes and the last one are enough to tell a program that there are no elements. */
const GUARDED = 1024;

/** Makes reading an index an error; undefined in the place of a signature would go unnoticed. */
function refuseIndex(object: object, index: number): void {
  const get = (): never => {
    throw argumentError(
      TypeError,
      `the results of a batch have no elements: use results.at(${index}), for ... of results, or results.toArray()`,
    );
  };
  Object.defineProperty(object, index, { get, enumerable: false, configurable: true });
}

for (let index = 0; index < GUARDED; index += 1) refuseIndex(BatchResults.prototype, index);
