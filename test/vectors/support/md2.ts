/** MD2 (RFC 1319), which node:crypto lacks. */

/** The decimal digits of pi, from the 3 on (Machin's formula). */
function digitsOfPi(count: number): number[] {
  const one = 10n ** BigInt(count + 10);
  const arctan = (divisor: bigint): bigint => {
    let sum = 0n;
    let power = one / divisor;
    for (let i = 1n; power !== 0n; i += 2n, power /= divisor * divisor)
      sum += i % 4n === 1n ? power / i : -(power / i);
    return sum;
  };
  const pi = 4n * (4n * arctan(5n) - arctan(239n));
  return [...pi.toString().slice(0, count)].map(Number);
}

/** The permutation that MD2 derives from the digits of pi: a shuffle that uses them as random numbers. */
function permutation(): Buffer {
  const digits = digitsOfPi(1000);
  let position = 0;
  const take = (): number => digits[position++] ?? 0;
  /** A number below `limit`, from as few digits as suffice (1 to 3). */
  const below = (limit: number): number => {
    for (;;) {
      let [value, reach] = [take(), 10];
      if (limit > 10) [value, reach] = [value * 10 + take(), 100];
      if (limit > 100) [value, reach] = [value * 10 + take(), 1000];
      // Numbers beyond the last whole multiple would make small results more frequent.
      if (value < limit * Math.floor(reach / limit)) return value % limit;
    }
  };
  const made = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  for (let i = 2; i <= 256; i++) {
    const [other, last] = [below(i), i - 1];
    const kept = made.readUInt8(other);
    made.writeUInt8(made.readUInt8(last), other);
    made.writeUInt8(kept, last);
  }
  return made;
}

const PI = permutation();
const substitute = (index: number): number => PI.readUInt8(index);

/** The digest of `message`. */
export function md2(message: Buffer): Buffer {
  const missing = 16 - (message.length % 16);
  const padded = Buffer.concat([message, Buffer.alloc(missing, missing), Buffer.alloc(16)]);
  const checksum = padded.subarray(-16);
  let last = 0;
  for (let i = 0; i < padded.length - 16; i++) {
    last = checksum.readUInt8(i % 16) ^ substitute(padded.readUInt8(i) ^ last);
    checksum.writeUInt8(last, i % 16);
  }
  const state = Buffer.alloc(48);
  for (let start = 0; start < padded.length; start += 16) {
    for (let i = 0; i < 16; i++) {
      const byte = padded.readUInt8(start + i);
      state.writeUInt8(byte, 16 + i);
      state.writeUInt8(byte ^ state.readUInt8(i), 32 + i);
    }
    let carried = 0;
    for (let round = 0; round < 18; round++) {
      for (let i = 0; i < 48; i++) {
        carried = state.readUInt8(i) ^ substitute(carried);
        state.writeUInt8(carried, i);
      }
      carried = (carried + round) % 256;
    }
  }
  return state.subarray(0, 16);
}

/**
 * HMAC with MD2, for keys of at most 64 bytes. RFC 2104 does not define its block length; all functions that it names use
 * 64 bytes.
 */
export function md2Hmac(key: Buffer, message: Buffer): Buffer {
  const padded = (byte: number): Buffer => {
    const block = Buffer.alloc(64, byte);
    for (const [i, value] of key.entries()) block.writeUInt8(value ^ byte, i);
    return block;
  };
  return md2(Buffer.concat([padded(0x5c), md2(Buffer.concat([padded(0x36), message]))]));
}
