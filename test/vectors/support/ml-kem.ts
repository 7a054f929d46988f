/** ML-KEM as FIPS 203 describes it: slow and for tests only. Numbers in comments are algorithm numbers of FIPS 203. */
import { createHash } from 'node:crypto';

export interface MlKemParameters {
  readonly k: number;
  readonly eta1: number;
  readonly du: number;
  readonly dv: number;
}

export const ML_KEM = {
  'ML-KEM-512': { k: 2, eta1: 3, du: 10, dv: 4 },
  'ML-KEM-768': { k: 3, eta1: 2, du: 10, dv: 4 },
  'ML-KEM-1024': { k: 4, eta1: 2, du: 11, dv: 5 },
} as const satisfies Record<string, MlKemParameters>;

type Polynomial = readonly number[];

const Q = 3329;
const ETA2 = 2;

const xof = (name: 'shake128' | 'shake256', length: number, ...parts: Uint8Array[]): Buffer =>
  createHash(name, { outputLength: length }).update(Buffer.concat(parts)).digest();
const G = (...parts: Uint8Array[]): [Buffer, Buffer] => {
  const both = createHash('sha3-512').update(Buffer.concat(parts)).digest();
  return [both.subarray(0, 32), both.subarray(32)];
};
const H = (bytes: Buffer): Buffer => createHash('sha3-256').update(bytes).digest();

const modulo = (value: number): number => ((value % Q) + Q) % Q;
const at = (values: readonly number[], index: number): number => values[index] ?? 0;
const add = (a: Polynomial, b: Polynomial): Polynomial => a.map((value, i) => modulo(value + at(b, i)));
const subtract = (a: Polynomial, b: Polynomial): Polynomial => a.map((value, i) => modulo(value - at(b, i)));

function reversed7(value: number): number {
  let made = 0;
  for (let bit = 0; bit < 7; bit++) made |= ((value >> bit) & 1) << (6 - bit);
  return made;
}

/** Powers of 17, the root of unity of the transform. */
const POWERS: readonly number[] = (() => {
  const made = [1];
  while (made.length < 256) made.push((at(made, made.length - 1) * 17) % Q);
  return made;
})();

/** 9 and 10: the number-theoretic transform and its inverse. */
function transform(input: Polynomial, inverse: boolean): Polynomial {
  const f = [...input];
  const lengths = [128, 64, 32, 16, 8, 4, 2];
  let i = inverse ? 127 : 1;
  for (const length of inverse ? lengths.reverse() : lengths) {
    for (let start = 0; start < 256; start += 2 * length) {
      const zeta = at(POWERS, reversed7(i));
      i += inverse ? -1 : 1;
      for (let j = start; j < start + length; j++) {
        const [low, high] = [at(f, j), at(f, j + length)];
        if (inverse) {
          f[j] = modulo(low + high);
          f[j + length] = modulo(zeta * (high - low));
        } else {
          f[j] = modulo(low + zeta * high);
          f[j + length] = modulo(low - zeta * high);
        }
      }
    }
  }
  return inverse ? f.map((value) => (value * 3303) % Q) : f; // 3303 is 1/128
}

/** 11 and 12. */
function multiply(a: Polynomial, b: Polynomial): Polynomial {
  const made: number[] = [];
  for (let i = 0; i < 128; i++) {
    const gamma = at(POWERS, 2 * reversed7(i) + 1);
    const [a0, a1, b0, b1] = [at(a, 2 * i), at(a, 2 * i + 1), at(b, 2 * i), at(b, 2 * i + 1)];
    made.push(modulo(a0 * b0 + ((a1 * b1) % Q) * gamma), modulo(a0 * b1 + a1 * b0));
  }
  return made;
}

const product = (a: readonly Polynomial[], b: readonly Polynomial[]): Polynomial =>
  a.map((value, i) => multiply(value, b[i] ?? [])).reduce(add);

/** 7: SampleNTT. */
function sampleUniform(seed: Buffer, column: number, row: number): Polynomial {
  const bytes = xof('shake128', 1344, seed, Uint8Array.of(column, row));
  const made: number[] = [];
  for (let i = 0; made.length < 256; i += 3) {
    const word = bytes.readUIntLE(i, 3);
    made.push(...[word & 0xfff, word >> 12].filter((value) => value < Q));
  }
  return made.slice(0, 256);
}

/** 8: SamplePolyCBD of PRF(seed, number). */
function sampleSmall(eta: number, seed: Buffer, number: number): Polynomial {
  const bytes = xof('shake256', 64 * eta, seed, Uint8Array.of(number));
  const bit = (i: number): number => (at([...bytes.subarray(i >> 3, (i >> 3) + 1)], 0) >> (i & 7)) & 1;
  const count = (first: number): number =>
    Array.from({ length: eta }, (_, i) => bit(first + i)).reduce((sum, value) => sum + value);
  return Array.from({ length: 256 }, (_, i) => modulo(count(2 * i * eta) - count((2 * i + 1) * eta)));
}

/** 5: ByteEncode. */
function encode(bits: number, f: Polynomial): Buffer {
  const made = Buffer.alloc(32 * bits);
  for (let i = 0; i < 256 * bits; i++) {
    const bit = (at(f, Math.floor(i / bits)) >> (i % bits)) & 1;
    made[i >> 3] = (made[i >> 3] ?? 0) | (bit << (i & 7));
  }
  return made;
}

/** 6: ByteDecode. */
function decode(bits: number, bytes: Buffer): Polynomial {
  const bit = (i: number): number => (bytes.readUInt8(i >> 3) >> (i & 7)) & 1;
  return Array.from({ length: 256 }, (_, i) =>
    Array.from({ length: bits }, (_, j) => bit(i * bits + j) << j).reduce((sum, value) => sum + value),
  );
}

const compress = (bits: number, f: Polynomial): Polynomial =>
  f.map((value) => Math.floor((value * 2 ** (bits + 1) + Q) / (2 * Q)) % 2 ** bits);
const decompress = (bits: number, f: Polynomial): Polynomial =>
  f.map((value) => Math.floor((value * Q * 2 + 2 ** bits) / 2 ** (bits + 1)));

const pieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

const matrix = (k: number, seed: Buffer, transposed: boolean): Polynomial[][] =>
  Array.from({ length: k }, (_, i) =>
    Array.from({ length: k }, (_, j) => (transposed ? sampleUniform(seed, i, j) : sampleUniform(seed, j, i))),
  );

export interface MlKemKey {
  readonly parameters: MlKemParameters;
  readonly encapsulationKey: Buffer;
  /** s in the transformed domain. */
  readonly secret: readonly Polynomial[];
  readonly z: Buffer;
}

/** 16: the key pair of the seeds d and z. */
export function keyPair(parameters: MlKemParameters, d: Buffer, z: Buffer): MlKemKey {
  const { k, eta1 } = parameters;
  const [rho, sigma] = G(d, Uint8Array.of(k));
  const small = (first: number): Polynomial[] =>
    Array.from({ length: k }, (_, i) => transform(sampleSmall(eta1, sigma, first + i), false));
  const [secret, noise] = [small(0), small(k)];
  const t = matrix(k, rho, false).map((row, i) => add(product(row, secret), noise[i] ?? []));
  return { parameters, encapsulationKey: Buffer.concat([...t.map((f) => encode(12, f)), rho]), secret, z };
}

/** 14: K-PKE.Encrypt. */
function encrypt({ parameters, encapsulationKey }: MlKemKey, message: Buffer, random: Buffer): Buffer {
  const { k, eta1, du, dv } = parameters;
  const t = pieces(encapsulationKey.subarray(0, 384 * k), 384).map((bytes) => decode(12, bytes));
  const y = t.map((_, i) => transform(sampleSmall(eta1, random, i), false));
  const u = matrix(k, encapsulationKey.subarray(384 * k), true).map((row, i) =>
    add(transform(product(row, y), true), sampleSmall(ETA2, random, k + i)),
  );
  const noise = sampleSmall(ETA2, random, 2 * k);
  const v = add(add(transform(product(t, y), true), noise), decompress(1, decode(1, message)));
  return Buffer.concat([...u.map((f) => encode(du, compress(du, f))), encode(dv, compress(dv, v))]);
}

/** 17: the ciphertext and the shared key for the random message m. */
export function encapsulate(key: MlKemKey, m: Buffer): { ciphertext: Buffer; shared: Buffer } {
  const [shared, random] = G(m, H(key.encapsulationKey));
  return { ciphertext: encrypt(key, m, random), shared };
}

/** 18: the shared key; a key derived from z if the ciphertext is not a result of encapsulate. */
export function decapsulate(key: MlKemKey, ciphertext: Buffer): Buffer {
  const { k, du, dv } = key.parameters;
  const end = 32 * du * k;
  const u = pieces(ciphertext.subarray(0, end), 32 * du).map((bytes) => decompress(du, decode(du, bytes)));
  const v = decompress(dv, decode(dv, ciphertext.subarray(end)));
  const inner = product(
    key.secret,
    u.map((f) => transform(f, false)),
  );
  const message = encode(1, compress(1, subtract(v, transform(inner, true))));
  const [shared, random] = G(message, H(key.encapsulationKey));
  return encrypt(key, message, random).equals(ciphertext) ? shared : xof('shake256', 32, key.z, ciphertext);
}
