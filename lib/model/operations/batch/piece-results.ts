/** The results of a piece of a batch, combined from several attempts. */
import type { RawBatch, RawPacked } from '../../../raw/batches';
import { pack, unpack } from './packed-bytes';

/**
 * Selects some of packed byte strings.
 * @param only their indices; undefined for all
 */
export function select(packed: RawPacked, only: readonly number[] | undefined): RawPacked {
  return only === undefined ? packed : pack(only.map((index) => unpack(packed, index)));
}

/** The results of the messages of a piece. */
export class PieceResults {
  readonly #first: RawBatch;
  readonly #failures = new Map<number, Error>();
  /** The results of messages that succeeded in a later attempt. */
  readonly #repeated = new Map<number, { readonly bytes: Buffer | undefined; readonly valid: number }>();
  #untried: number[];
  #time: number;

  /**
   * @param length the number of messages
   * @param first the results of the first attempt, with all messages
   */
  constructor(length: number, first: RawBatch) {
    this.#first = first;
    this.#time = first.time;
    for (const { index, error } of first.failures) this.#failures.set(index, error);
    this.#untried = Array.from({ length: length - first.count }, (_, index) => first.count + index);
  }

  /** Returns the messages to repeat: those whose error `canRepeat` accepts, and those that were not tried. */
  missing(canRepeat: (error: Error) => boolean): number[] {
    const failed = [...this.#failures].filter(([, error]) => canRepeat(error)).map(([index]) => index);
    return [...new Set([...failed, ...this.#untried])].sort((a, b) => a - b);
  }

  /** Adds the results of the messages `only` in a later attempt. */
  add(only: readonly number[], { count, failures, time, data, offsets, valid }: RawBatch): void {
    this.#time += time;
    const errors = new Map(failures.map(({ index, error }) => [index, error]));
    const packed = data === undefined || offsets === undefined ? undefined : { data, offsets };
    only.forEach((index, position) => {
      const error = errors.get(position);
      if (error !== undefined) this.#failures.set(index, error);
      if (error !== undefined || position >= count) return;
      this.#failures.delete(index);
      const bytes = packed && unpack(packed, position);
      this.#repeated.set(index, { bytes, valid: valid?.[position] ?? 0 });
    });
    const tried = new Set(only.slice(0, count));
    this.#untried = this.#untried.filter((index) => !tried.has(index));
  }

  /** Returns the combined results, without the messages at the end that were never tried. */
  toRaw(): RawBatch {
    if (this.#repeated.size === 0 && this.#untried.length === 0) return this.#first;
    const first = this.#first;
    const tried = [...this.#repeated.keys(), ...this.#failures.keys()];
    const count = Math.max(first.count, ...tried.map((index) => index + 1));
    const failures = [...this.#failures].map(([index, error]) => ({ index, error }));
    const last = failures.at(-1)?.error;
    // Messages that were not tried, before others that were, fail with the last error.
    for (const index of this.#untried) if (index < count && last) failures.push({ index, error: last });
    failures.sort((a, b) => a.index - b.index);
    return {
      ...{ count, failures, time: this.#time },
      ...this.#packed(count),
      ...(first.valid === undefined ? {} : { valid: this.#valid(first.valid, count) }),
    };
  }

  #packed(count: number): RawPacked | undefined {
    const { data, offsets, count: done } = this.#first;
    if (data === undefined || offsets === undefined) return undefined;
    const empty = Buffer.alloc(0);
    return pack(
      Array.from({ length: count }, (_, index) => {
        const repeated = this.#repeated.get(index);
        return repeated?.bytes ?? (index < done ? unpack({ data, offsets }, index) : empty);
      }),
    );
  }

  #valid(before: Uint8Array, count: number): Uint8Array {
    const valid = new Uint8Array(count);
    valid.set(before.subarray(0, count));
    for (const [index, repeated] of this.#repeated) valid[index] = repeated.valid;
    return valid;
  }
}
