import { createHash } from 'node:crypto';
import { Readable, Writable } from 'node:stream';

/** Bytes without a short period, the same in every run. */
export function bytes(length: number, seed = 1): Buffer {
  const made = Buffer.allocUnsafe(length);
  let state = seed;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    made[i] = state >>> 24;
  }
  return made;
}

/** Ways to cut a message into chunks: of one size, or of several. */
export type Cut = number | 'mixed';

const MIXED = [1, 16, 15, 1000, 65536, 3, 65537, 300_000, 17, 262_144, 4095, 1_048_576];

export function* pieces(message: Buffer, cut: Cut): Generator<Buffer> {
  let at = 0;
  for (let i = 0; at < message.length; i += 1) {
    const length = cut === 'mixed' ? (MIXED[i % MIXED.length] as number) : cut;
    yield message.subarray(at, at + length);
    at += length;
  }
}

export function source(message: Buffer, cut: Cut = 65536): Readable {
  return Readable.from(pieces(message, cut), { objectMode: false });
}

/** A sink for all data, optionally a slow one. */
export function collector(slow = false) {
  const taken: Buffer[] = [];
  const sink = new Writable({
    highWaterMark: 16384,
    write(chunk: Buffer, _encoding, done) {
      taken.push(chunk);
      if (slow) setTimeout(done, 2);
      else done();
    },
  });
  return { sink, taken, result: () => Buffer.concat(taken) };
}

export const sha256 = (message: Buffer): Buffer => createHash('sha256').update(message).digest();
