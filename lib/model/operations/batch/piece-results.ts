/** A piece of a batch of which some messages were done again: the results of all tries as one. */
import type { RawBatch, RawPacked } from '../../../raw/batches';
import { pack, unpack } from './packed-bytes';

/** Some of packed byte strings, packed. @param only their indexes; all when left out */
export function select(packed: RawPacked, only: readonly number[] | undefined): RawPacked {
  return only === undefined ? packed : pack(only.map((index) => unpack(packed, index)));
}

/** What became of the messages of a piece. */
export class PieceResults {
  readonly #first: RawBatch;
  readonly #failures = new Map<number, Error>();
  /** Of messages that were done again. */
  readonly #again = new Map<number, { readonly bytes: Buffer | undefined; readonly valid: number }>();
  #untried: number[];
  #time: number;

  /** @param length how many messages there are @param first the outcome of the first try, which was made on all of them */
  constructor(length: number, first: RawBatch) {
    this.#first = first;
    this.#time = first.time;
    for (const { index, error } of first.failures) this.#failures.set(index, error);
    this.#untried = Array.from({ length: length - first.count }, (_, index) => first.count + index);
  }

  /** The messages that have no result: those that failed with an error of which `fits` says so, and those that were not tried. */
  missing(fits: (error: Error) => boolean): number[] {
    const failed = [...this.#failures].filter(([, error]) => fits(error)).map(([index]) => index);
    return [...new Set([...failed, ...this.#untried])].sort((a, b) => a - b);
  }

  /** Takes over what became of those that were done again. */
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
      this.#again.set(index, { bytes, valid: valid?.[position] ?? 0 });
    });
    const tried = new Set(only.slice(0, count));
    this.#untried = this.#untried.filter((index) => !tried.has(index));
  }

  /** All of it, up to the first of the messages at the end that were never tried. */
  toRaw(): RawBatch {
    if (this.#again.size === 0 && this.#untried.length === 0) return this.#first;
    const first = this.#first;
    const again = [...this.#again.keys(), ...this.#failures.keys()];
    const count = Math.max(first.count, ...again.map((index) => index + 1));
    const failures = [...this.#failures].map(([index, error]) => ({ index, error }));
    const last = failures.at(-1)?.error;
    // One that was not tried, before one that was.
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
    const none = Buffer.alloc(0);
    return pack(
      Array.from({ length: count }, (_, index) => {
        const again = this.#again.get(index);
        return again?.bytes ?? (index < done ? unpack({ data, offsets }, index) : none);
      }),
    );
  }

  #valid(before: Uint8Array, count: number): Uint8Array {
    const valid = new Uint8Array(count);
    valid.set(before.subarray(0, count));
    for (const [index, again] of this.#again) valid[index] = again.valid;
    return valid;
  }
}
