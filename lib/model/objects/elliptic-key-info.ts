/**
 * Converts CKA_EC_PARAMS and CKA_EC_POINT, in all forms that modules return, to one form: a SubjectPublicKeyInfo with a named
 * curve and an uncompressed point. node:crypto checks that the point is on the curve, so a value that was misread is refused.
 */
import { createPublicKey, ECDH, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { BitString, fromBER, Integer, ObjectIdentifier, Sequence } from 'asn1js';
import { type Curve, curveOf, curvesOf } from '../mechanisms/curves';
import { bytesIn, type Element, elementOf, membersOf, toArrayBuffer } from './der';

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const PRIME_FIELD = '1.2.840.10045.1.1';

/** ECDH of Node 20 accepts OpenSSL's names of curves only. */
const OPENSSL_NAMES: Readonly<Record<string, string>> = {
  'P-224': 'secp224r1',
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
};

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);

const integerIn = (element: Element | undefined): bigint | undefined =>
  element instanceof Integer ? numberOf(element.valueBlock.valueHexView) : undefined;

/** Converts explicit parameters (ECParameters, SEC 1, section C.2) of a curve over a prime field to text to compare, without the seed. */
function domainOf(parameters: Element | undefined): string | undefined {
  const [version, field, equation, generator, order, cofactor] = membersOf(parameters);
  const [kind, prime] = membersOf(field);
  if (!(kind instanceof ObjectIdentifier) || kind.valueBlock.toString() !== PRIME_FIELD) return undefined;
  const [a, b] = membersOf(equation).map((member) => bytesIn(member));
  const base = bytesIn(generator);
  if (version === undefined || a === undefined || b === undefined || !base?.length) return undefined;
  const p = integerIn(prime) ?? 0n;
  const size = Math.ceil(p.toString(16).length / 2);
  const isCompressed = base.length === size + 1;
  if (!isCompressed && base.length !== 2 * size + 1) return undefined;
  const isOdd = ((isCompressed ? base[0] : base.at(-1)) as number) & 1;
  const x = numberOf(base.subarray(1, size + 1));
  const h = cofactor === undefined ? 1n : integerIn(cofactor);
  return [p, numberOf(a), numberOf(b), x, isOdd, integerIn(order), h].join();
}

/** The place of the order in the text of {@link domainOf}. */
const ORDER_IN_DOMAIN = 5;

/** OpenSSL's explicit parameters by the name of the curve; undefined if OpenSSL does not write them. */
const domains = new Map<string, string | undefined>();

function knownDomain({ name }: Curve): string | undefined {
  if (!domains.has(name)) {
    let domain: string | undefined;
    try {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: name, paramEncoding: 'explicit' });
      const [algorithm] = membersOf(elementOf(publicKey.export({ type: 'spki', format: 'der' })));
      domain = domainOf(membersOf(algorithm)[1]);
    } catch {
      // An OpenSSL without the curve, or BoringSSL: explicit parameters are not converted then.
    }
    domains.set(name, domain);
  }
  return domains.get(name);
}

/** Returns the order of a Weierstrass curve that OpenSSL has; undefined for others. */
export function orderOf(curve: Curve): bigint | undefined {
  if (curve.keyType !== 'EC') return undefined;
  const order = knownDomain(curve)?.split(',')[ORDER_IN_DOMAIN];
  return order === undefined || order === '' ? undefined : BigInt(order);
}

/** Returns the curve of CKA_EC_PARAMS, given by object identifier, by name, or by explicit parameters. */
export function curveMeant(ecParams: Buffer): Curve | undefined {
  const curve = curveOf(ecParams);
  if (curve !== undefined || ecParams[0] !== 0x30) return curve;
  const domain = domainOf(elementOf(ecParams));
  return domain === undefined
    ? undefined
    : curvesOf('EC').find((candidate) => knownDomain(candidate) === domain);
}

/** Returns the value of CKA_EC_POINT, and its content if it is an OCTET STRING or a BIT STRING in DER. */
function readings(ecPoint: Buffer): readonly Buffer[] {
  const inner = bytesIn(elementOf(ecPoint));
  return inner === undefined ? [ecPoint] : [ecPoint, inner];
}

/** Returns the point in the uncompressed form of SEC 1, or the key of an Edwards or Montgomery curve; undefined for other bytes. */
function plainPoint(bytes: Buffer, { name, keyType, pointLength }: Curve): Buffer | undefined {
  if (keyType !== 'EC') return bytes.length === pointLength ? bytes : undefined;
  if (bytes.length === pointLength && bytes[0] === 0x04) return bytes;
  if (bytes.length === pointLength - 1) return Buffer.concat([Buffer.of(0x04), bytes]); // X and Y alone
  const isCompressed = bytes.length === (pointLength + 1) / 2 && (bytes[0] === 0x02 || bytes[0] === 0x03);
  const isHybrid = bytes.length === pointLength && (bytes[0] === 0x06 || bytes[0] === 0x07);
  if (!isCompressed && !isHybrid) return undefined;
  try {
    return ECDH.convertKey(
      bytes,
      OPENSSL_NAMES[name] ?? name,
      undefined,
      undefined,
      'uncompressed',
    ) as Buffer;
  } catch {
    return undefined; // not on the curve
  }
}

/** Returns the most probable reading of a point on a curve without a name in this package. */
function likelyPoint(ecPoint: Buffer): Buffer {
  const [whole = ecPoint, inner] = readings(ecPoint);
  const isPoint = (bytes: Buffer): boolean => [0x02, 0x03, 0x04, 0x06, 0x07].includes(bytes[0] ?? 0);
  if (inner !== undefined && isPoint(inner)) return inner;
  if (whole.length % 2 === 1 && isPoint(whole)) return whole;
  const coordinates = inner ?? whole;
  return coordinates.length % 2 === 0 ? Buffer.concat([Buffer.of(0x04), coordinates]) : coordinates;
}

function publicKeyOf(parameters: Element, isWeierstrass: boolean, point: Buffer): KeyObject {
  const algorithm = isWeierstrass
    ? [new ObjectIdentifier({ value: EC_PUBLIC_KEY }), parameters]
    : [parameters];
  const info = new Sequence({
    value: [new Sequence({ value: algorithm }), new BitString({ valueHex: toArrayBuffer(point) })],
  });
  return createPublicKey({ key: Buffer.from(info.toBER()), format: 'der', type: 'spki' });
}

/** Returns the key with this point on this curve; undefined when the point is not on it. */
function keyOn(curve: Curve, ecPoint: Buffer): KeyObject | undefined {
  for (const reading of readings(ecPoint)) {
    const point = plainPoint(reading, curve);
    if (point === undefined) continue;
    try {
      return publicKeyOf(fromBER(toArrayBuffer(curve.oid)).result, curve.keyType === 'EC', point);
    } catch {
      // not on the curve
    }
  }
  return undefined;
}

/** Returns true when CKA_EC_PARAMS names or describes a curve: NULL (implicitlyCA) does not. */
export function specifiesCurve(ecParams: Buffer | undefined): ecParams is Buffer {
  return ecParams !== undefined && ecParams.length > 2;
}

/**
 * Returns the public key of an elliptic curve.
 * @throws errors of node:crypto for values that are not a key
 */
export function ellipticKey(ecParams: Buffer, ecPoint: Buffer): KeyObject {
  const curve = curveMeant(ecParams);
  const known = curve === undefined ? undefined : keyOn(curve, ecPoint);
  if (known !== undefined) return known;
  return publicKeyOf(
    fromBER(toArrayBuffer(ecParams)).result,
    curve?.keyType !== 'EC_EDWARDS' && curve?.keyType !== 'EC_MONTGOMERY',
    likelyPoint(ecPoint),
  );
}

/** Returns true for a compressed point. */
function isCompressed(ecPoint: Buffer): boolean {
  const point = likelyPoint(ecPoint);
  return point[0] === 0x02 || point[0] === 0x03;
}

/**
 * Returns the public key with this point if CKA_EC_PARAMS is missing: a point with both coordinates is on one curve of its
 * size only. A compressed one can be on several, and the result is undefined.
 * @param keyType CKA_KEY_TYPE
 */
export function ellipticKeyByPoint(keyType: string, ecPoint: Buffer): KeyObject | undefined {
  if (keyType === 'EC' && isCompressed(ecPoint)) return undefined;
  const keys = curvesOf(keyType).flatMap((curve) => keyOn(curve, ecPoint) ?? []);
  return keys.length === 1 ? keys[0] : undefined;
}

/** Returns true when a public key has this point, compressed or not. */
export function hasPoint(key: KeyObject, ecPoint: Buffer): boolean {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  const info = membersOf(elementOf(key.export({ type: 'spki', format: 'der' })));
  const point = bytesIn(info[1]);
  if (point === undefined) return false;
  const forms = [point];
  if (key.asymmetricKeyType === 'ec' && namedCurve !== undefined) {
    forms.push(point.subarray(1));
    forms.push(ECDH.convertKey(point, namedCurve, undefined, undefined, 'compressed') as Buffer);
  }
  return readings(ecPoint).some((reading) => forms.some((form) => form.equals(reading)));
}

/**
 * Returns the curve and the point of a public key of an elliptic curve: uncompressed, or the plain key of an Edwards or Montgomery
 * curve.
 */
export function pointOf(key: KeyObject): { readonly ecParams: Buffer; readonly point: Buffer } {
  const [algorithm, bits] = membersOf(elementOf(key.export({ type: 'spki', format: 'der' })));
  const [identifier, parameters = identifier] = membersOf(algorithm);
  const ecParams = Buffer.from((parameters as Element).toBER());
  const point = bytesIn(bits) as Buffer;
  const curve = curveMeant(ecParams);
  return { ecParams, point: (curve && plainPoint(point, curve)) ?? point };
}
