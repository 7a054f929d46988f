/**
 * Domain parameters of the curves of BoringSSL (Electron, Bun), which does not write explicit parameters (SEC 2, version 2.0).
 * P-224 is left out: the square roots of its field take another formula than the one of ecdsa-recovery.ts.
 */

/** A curve y^2 = x^3 + ax + b over the integers modulo p, with a base point of order n. */
export interface Domain {
  readonly p: bigint;
  readonly a: bigint;
  readonly b: bigint;
  readonly n: bigint;
  readonly base: { readonly x: bigint; readonly y: bigint };
  /** Bytes of a coordinate. */
  readonly size: number;
}

/** With a = p - 3, as for all curves of NIST over prime fields. */
const domain = (size: number, p: bigint, b: bigint, n: bigint, x: bigint, y: bigint): Domain => ({
  ...{ size, p, a: p - 3n, b, n },
  base: { x, y },
});

const P256 = domain(
  32,
  0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
);
const P384 = domain(
  48,
  2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
  0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7n,
  0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5fn,
);
const P521 = domain(
  66,
  2n ** 521n - 1n,
  0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  0x00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66n,
  0x011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650n,
);

/** By the names that OpenSSL and BoringSSL have for them. */
export const DOMAINS: ReadonlyMap<string, Domain> = new Map([
  ...(['prime256v1', 'secp256r1', 'P-256'] as const).map((name) => [name, P256] as const),
  ...(['secp384r1', 'P-384'] as const).map((name) => [name, P384] as const),
  ...(['secp521r1', 'P-521'] as const).map((name) => [name, P521] as const),
]);
