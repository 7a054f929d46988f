/** The public keys that match an ECDSA signature (SEC 1, section 4.1.6). They prove keys whose token returns no CKA_EC_POINT. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { BitString, fromBER, Integer, ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import { DOMAINS, type Domain } from './curve-domains';

/** An element of DER. */
type Block = ReturnType<typeof fromBER>['result'];

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

/** A point in affine coordinates; undefined is the point at infinity. */
type Point = { readonly x: bigint; readonly y: bigint } | undefined;

/** The point (x / z^2, y / z^3), so that a step needs no division. z is 0 at infinity. */
interface Jacobian {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);

const mod = (value: bigint, modulus: bigint): bigint => {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
};

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = mod(base, modulus);
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** Computes the inverse modulo a prime. */
const inverse = (value: bigint, modulus: bigint): bigint => power(value, modulus - 2n, modulus);

function double({ p, a }: Domain, { x, y, z }: Jacobian): Jacobian {
  const yy = mod(y * y, p);
  const s = mod(4n * x * yy, p);
  const zz = mod(z * z, p);
  const m = mod(3n * x * x + a * zz * zz, p);
  const x2 = mod(m * m - 2n * s, p);
  return { x: x2, y: mod(m * (s - x2) - 8n * yy * yy, p), z: mod(2n * y * z, p) };
}

function add(domain: Domain, point1: Jacobian, point2: Jacobian): Jacobian {
  const { p } = domain;
  const [{ x: x1, y: y1, z: z1 }, { x: x2, y: y2, z: z2 }] = [point1, point2];
  if (z1 === 0n) return point2;
  if (z2 === 0n) return point1;
  const [zz1, zz2] = [mod(z1 * z1, p), mod(z2 * z2, p)];
  const [u1, u2] = [mod(x1 * zz2, p), mod(x2 * zz1, p)];
  const [s1, s2] = [mod(y1 * zz2 * z2, p), mod(y2 * zz1 * z1, p)];
  if (u1 === u2) return s1 === s2 ? double(domain, point1) : { x: 1n, y: 1n, z: 0n };
  const h = mod(u2 - u1, p);
  const hh = mod(h * h, p);
  const hhh = mod(h * hh, p);
  const r = mod(s2 - s1, p);
  const x = mod(r * r - hhh - 2n * u1 * hh, p);
  return { x, y: mod(r * (u1 * hh - x) - s1 * hhh, p), z: mod(h * z1 * z2, p) };
}

function multiply(domain: Domain, point: Point, factor: bigint): Jacobian {
  let result: Jacobian = { x: 1n, y: 1n, z: 0n };
  if (point === undefined) return result;
  const jacobian = { ...point, z: 1n };
  for (const digit of mod(factor, domain.n).toString(2)) {
    result = double(domain, result);
    if (digit === '1') result = add(domain, result, jacobian);
  }
  return result;
}

function affine({ p }: Domain, { x, y, z }: Jacobian): Point {
  if (z === 0n) return undefined;
  const i = inverse(z, p);
  return { x: mod(x * i * i, p), y: mod(y * i * i * i, p) };
}

function children(block: Block | undefined): readonly Block[] {
  return block instanceof Sequence ? block.valueBlock.value : [];
}

const bytesOf = (block: Block | undefined): Uint8Array =>
  block instanceof Integer || block instanceof OctetString ? block.valueBlock.valueHexView : new Uint8Array();

/** Returns the domain of a curve; undefined for one with which signers cannot be computed. */
function domainOf(namedCurve: string): Domain | undefined {
  const known = DOMAINS.get(namedCurve);
  if (known !== undefined) return known;
  try {
    return domainFromOpenssl(namedCurve);
  } catch {
    return undefined; // a curve that is unknown there, or BoringSSL, which writes no explicit parameters
  }
}

/** Reads the domain of a curve from a key of OpenSSL with explicit parameters (RFC 3279, section 2.3.5). */
function domainFromOpenssl(namedCurve: string): Domain | undefined {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve, paramEncoding: 'explicit' });
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const [algorithm] = children(fromBER(new Uint8Array(der).buffer).result);
  const [, parameters] = children(algorithm);
  const [, field, curve, point, order] = children(parameters);
  const [, prime] = children(field);
  const [a, b] = children(curve);
  const p = toNumber(bytesOf(prime));
  const base = Buffer.from(bytesOf(point));
  const size = (base.length - 1) / 2;
  // Not a prime field, or one whose square roots need another formula.
  if (!(prime instanceof Integer) || p % 4n !== 3n || base[0] !== 4) return undefined;
  return {
    ...{ p, size, a: toNumber(bytesOf(a)), b: toNumber(bytesOf(b)), n: toNumber(bytesOf(order)) },
    base: { x: toNumber(base.subarray(1, 1 + size)), y: toNumber(base.subarray(1 + size)) },
  };
}

/** Returns the offsets of the content of a DER element with this tag that begins at `at`. */
function element(
  bytes: Buffer,
  tag: number,
  at: number,
): { readonly from: number; readonly to: number } | undefined {
  const isLong = bytes[at + 1] === 0x81; // P-521
  const from = at + (isLong ? 3 : 2);
  const length = bytes[from - 1] ?? 0x80;
  if (bytes[at] !== tag || (!isLong && length > 0x7f) || from + length > bytes.length) return undefined;
  return { from, to: from + length };
}

/** Returns r and s from two halves of the same length, or from DER, which some modules return. */
function halves(signature: Buffer): readonly [bigint, bigint] {
  const sequence = element(signature, 0x30, 0);
  const r = sequence?.to === signature.length ? element(signature, 0x02, sequence.from) : undefined;
  const s = r && element(signature, 0x02, r.to);
  if (r !== undefined && s?.to === signature.length) {
    return [toNumber(signature.subarray(r.from, r.to)), toNumber(signature.subarray(s.from, s.to))];
  }
  const half = signature.length / 2;
  return [toNumber(signature.subarray(0, half)), toNumber(signature.subarray(half))];
}

function toKey(domain: Domain, curveOid: Buffer, { x, y }: NonNullable<Point>): KeyObject {
  const coordinate = (value: bigint): string => value.toString(16).padStart(domain.size * 2, '0');
  const point = new Uint8Array(Buffer.from(`04${coordinate(x)}${coordinate(y)}`, 'hex')).buffer;
  const parameters = fromBER(new Uint8Array(curveOid).buffer).result;
  const algorithm = [new ObjectIdentifier({ value: EC_PUBLIC_KEY }), parameters];
  const info = new Sequence({
    value: [new Sequence({ value: algorithm }), new BitString({ valueHex: point })],
  });
  return createPublicKey({ key: Buffer.from(info.toBER()), format: 'der', type: 'spki' });
}

/**
 * Returns true when {@link signersOf} supports a curve.
 * @param namedCurve OpenSSL's name of the curve
 */
export function hasSigners(namedCurve: string): boolean {
  return domainOf(namedCurve) !== undefined;
}

/**
 * Returns the public keys with which a signature is valid: usually two, one of which belongs to the signing key.
 * @param namedCurve OpenSSL's name of the curve
 * @param curveOid its object identifier in DER
 * @param digest the signed digest
 * @returns none for a curve that is not supported
 */
export function signersOf(
  namedCurve: string,
  curveOid: Buffer,
  digest: Buffer,
  signature: Buffer,
): KeyObject[] {
  const domain = domainOf(namedCurve);
  if (domain === undefined) return [];
  const { p, a, b, n, base } = domain;
  const [r, s] = halves(signature);
  if (r === 0n || s === 0n || r >= n || s >= n) return [];
  const surplus = Math.max(0, digest.length * 8 - n.toString(2).length);
  const e = toNumber(digest) >> BigInt(surplus);
  const w = inverse(r, n);
  const fromBase = multiply(domain, base, -e * w);
  const keys: KeyObject[] = [];
  for (let x = r; x < p; x += n) {
    const square = mod(x * x * x + a * x + b, p);
    const y = power(square, (p + 1n) / 4n, p);
    if ((y * y) % p !== square) continue;
    const { x: qx, y: qy, z } = multiply(domain, { x, y }, s * w);
    for (const signed of [qy, mod(-qy, p)]) {
      const point = affine(domain, add(domain, fromBase, { x: qx, y: signed, z }));
      if (point !== undefined) keys.push(toKey(domain, curveOid, point));
    }
  }
  return keys;
}
