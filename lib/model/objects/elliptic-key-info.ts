/**
 * CKA_EC_PARAMS and CKA_EC_POINT in the forms that modules give them, made to one: a SubjectPublicKeyInfo with a named curve and an
 * uncompressed point. node:crypto checks that the point is on the curve, so that a value that was read wrongly is no key.
 */
import { createPublicKey, ECDH, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { BitString, fromBER, Integer, ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import { type Curve, curveOf, curvesOf } from '../mechanisms/curves';

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const PRIME_FIELD = '1.2.840.10045.1.1';

/** Node 20's ECDH knows curves by OpenSSL's names only. */
const OPENSSL_NAMES: Readonly<Record<string, string>> = {
  'P-224': 'secp224r1',
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
};

type Element = ReturnType<typeof fromBER>['result'];

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** The element that the bytes are, all of them. */
function elementOf(bytes: Uint8Array): Element | undefined {
  const { result, offset } = fromBER(toArrayBuffer(bytes));
  return offset === bytes.length ? result : undefined;
}

/** The members of a SEQUENCE. */
function membersOf(element: Element | undefined): readonly Element[] {
  return element instanceof Sequence ? (element.valueBlock.value as Element[]) : [];
}

function bytesIn(element: Element | undefined): Buffer | undefined {
  const isWhole = element instanceof BitString && element.valueBlock.unusedBits === 0;
  if (!isWhole && !(element instanceof OctetString)) return undefined;
  return Buffer.from((element as OctetString).valueBlock.valueHexView);
}

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);

const integerIn = (element: Element | undefined): bigint | undefined =>
  element instanceof Integer ? numberOf(element.valueBlock.valueHexView) : undefined;

/** Explicit parameters (ECParameters, SEC 1, section C.2) of a curve over a prime field, as text to compare; without the seed. */
function domainOf(parameters: Element | undefined): string | undefined {
  const [version, field, equation, generator, order, cofactor] = membersOf(parameters);
  const [kind, prime] = membersOf(field);
  if (!(kind instanceof ObjectIdentifier) || kind.valueBlock.toString() !== PRIME_FIELD) return undefined;
  const [a, b] = membersOf(equation).map((one) => bytesIn(one));
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

/** Explicit parameters by the name of the curve, as OpenSSL knows them; undefined where it does not write them. */
const domains = new Map<string, string | undefined>();

function knownDomain({ name }: Curve): string | undefined {
  if (!domains.has(name)) {
    let domain: string | undefined;
    try {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: name, paramEncoding: 'explicit' });
      const [algorithm] = membersOf(elementOf(publicKey.export({ type: 'spki', format: 'der' })));
      domain = domainOf(membersOf(algorithm)[1]);
    } catch {
      // An OpenSSL without the curve, or BoringSSL: such parameters are left as they are.
    }
    domains.set(name, domain);
  }
  return domains.get(name);
}

/** The curve that CKA_EC_PARAMS means: by object identifier, by name, or by explicit parameters. */
function curveMeant(ecParams: Buffer): Curve | undefined {
  const curve = curveOf(ecParams);
  if (curve !== undefined || ecParams[0] !== 0x30) return curve;
  const domain = domainOf(elementOf(ecParams));
  return domain === undefined ? undefined : curvesOf('EC').find((one) => knownDomain(one) === domain);
}

/** The value of CKA_EC_POINT as it is, and what it holds if it is an OCTET STRING or a BIT STRING in DER. */
function readings(ecPoint: Buffer): readonly Buffer[] {
  const inner = bytesIn(elementOf(ecPoint));
  return inner === undefined ? [ecPoint] : [ecPoint, inner];
}

/** The point as SEC 1 writes it without compression, or the key of an Edwards or Montgomery curve; undefined when it is none. */
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

/** A point on a curve that is not known here: the likeliest reading. */
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

/** The key with this point on this curve; undefined when the point is not on it. */
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

/** True when CKA_EC_PARAMS names or describes a curve: NULL (implicitlyCA) does not. */
export function saysCurve(ecParams: Buffer | undefined): ecParams is Buffer {
  return ecParams !== undefined && ecParams.length > 2;
}

/**
 * The public key of an elliptic curve.
 * @throws what node:crypto says of values that are no key
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

/** True for a compressed point. */
function isCompressed(ecPoint: Buffer): boolean {
  const point = likelyPoint(ecPoint);
  return point[0] === 0x02 || point[0] === 0x03;
}

/**
 * The public key with this point where CKA_EC_PARAMS is missing: a point with both coordinates is on one curve of its size only. A
 * compressed one can be on several, and the key is undefined.
 * @param keyType CKA_KEY_TYPE
 */
export function ellipticKeyByPoint(keyType: string, ecPoint: Buffer): KeyObject | undefined {
  if (keyType === 'EC' && isCompressed(ecPoint)) return undefined;
  const keys = curvesOf(keyType).flatMap((curve) => keyOn(curve, ecPoint) ?? []);
  return keys.length === 1 ? keys[0] : undefined;
}

/** True when a public key has this point, compressed or not. */
export function hasPoint(key: KeyObject, ecPoint: Buffer): boolean {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  const info = membersOf(elementOf(key.export({ type: 'spki', format: 'der' })));
  const its = bytesIn(info[1]);
  if (its === undefined) return false;
  const forms = [its];
  if (key.asymmetricKeyType === 'ec' && namedCurve !== undefined) {
    forms.push(its.subarray(1));
    forms.push(ECDH.convertKey(its, namedCurve, undefined, undefined, 'compressed') as Buffer);
  }
  return readings(ecPoint).some((reading) => forms.some((form) => form.equals(reading)));
}
