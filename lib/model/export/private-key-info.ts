/** Private keys for node:crypto: converts attributes of PKCS#11 to PKCS#8 or a JSON web key. */
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { Integer, ObjectIdentifier, OctetString, Primitive, Sequence } from 'asn1js';
import type { ParameterSet } from '../mechanisms/parameter-sets';
import { type Element, elementOf, toArrayBuffer } from '../objects/der';
import { curveMeant } from '../objects/elliptic-key-info';

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

const octets = (content: Uint8Array): OctetString => new OctetString({ valueHex: toArrayBuffer(content) });

/** Makes a key from the members of its AlgorithmIdentifier and the content of privateKey (PKCS#8, RFC 5958). */
function fromPkcs8(algorithm: readonly Element[], content: Uint8Array): KeyObject {
  const info = new Sequence({
    value: [new Integer({ value: 0 }), new Sequence({ value: [...algorithm] }), octets(content)],
  });
  const der = Buffer.from(info.toBER());
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

/** Brings a number to a length: some modules leave zeros at its beginning out, or add one. */
function toLength(bytes: Buffer, length: number): Buffer {
  const surplus = bytes.length - length;
  if (surplus > 0) return bytes.subarray(surplus);
  return Buffer.concat([Buffer.alloc(-surplus), bytes]);
}

/**
 * Makes a private key on an elliptic curve.
 * @param ecParams CKA_EC_PARAMS
 * @param value CKA_VALUE
 * @throws errors of node:crypto
 */
export function ellipticPrivateKey(ecParams: Buffer, value: Buffer): KeyObject {
  const curve = curveMeant(ecParams);
  const parameters = elementOf(curve?.oid ?? ecParams) as Element;
  if (curve !== undefined && curve.keyType !== 'EC') {
    const content = Buffer.from(octets(toLength(value, curve.pointLength)).toBER());
    return fromPkcs8([parameters], content);
  }
  const scalar = curve === undefined ? value : toLength(value, (curve.pointLength - 1) / 2);
  const key = new Sequence({ value: [new Integer({ value: 1 }), octets(scalar)] });
  return fromPkcs8([new ObjectIdentifier({ value: EC_PUBLIC_KEY }), parameters], Buffer.from(key.toBER()));
}

/** The attributes of a private RSA key. */
export interface RsaPrivateAttributes {
  readonly modulus: Buffer;
  readonly publicExponent: Buffer;
  readonly privateExponent: Buffer;
  readonly prime1: Buffer;
  readonly prime2: Buffer;
  readonly exponent1: Buffer;
  readonly exponent2: Buffer;
  readonly coefficient: Buffer;
}

/** Makes a private RSA key. @throws errors of node:crypto */
export function rsaPrivateKey(key: RsaPrivateAttributes): KeyObject {
  const text = (bytes: Buffer): string => bytes.toString('base64url');
  const jwk: JsonWebKey = {
    kty: 'RSA',
    n: text(key.modulus),
    e: text(key.publicExponent),
    d: text(key.privateExponent),
    p: text(key.prime1),
    q: text(key.prime2),
    dp: text(key.exponent1),
    dq: text(key.exponent2),
    qi: text(key.coefficient),
  };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

/**
 * Makes a private post-quantum key from its seed, its expanded form, or both.
 * @throws errors of node:crypto
 */
export function postQuantumPrivateKey(
  { oid, keyType }: ParameterSet,
  value: Buffer | undefined,
  seed: Buffer | undefined,
): KeyObject {
  const algorithm = [new ObjectIdentifier({ value: oid })];
  const expanded = value ?? Buffer.alloc(0);
  if (keyType === 'SLH_DSA') return fromPkcs8(algorithm, expanded);
  const content =
    seed === undefined
      ? octets(expanded)
      : value === undefined
        ? new Primitive({ idBlock: { tagClass: 3, tagNumber: 0 }, valueHex: toArrayBuffer(seed) })
        : new Sequence({ value: [octets(seed), octets(expanded)] });
  return fromPkcs8(algorithm, Buffer.from(content.toBER()));
}
