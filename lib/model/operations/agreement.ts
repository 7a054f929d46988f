/** The public key of the other party of a key agreement (ECDH), checked before it is sent to the token. */
import { diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { types } from 'node:util';
import { OctetString } from 'asn1js';
import { wrongType, wrongValue } from '../../core/argument-errors';
import { isBytes, viewOf } from '../../core/arguments';
import { CryptokiError, isCode } from '../../core/errors';
import { CKR } from '../../generated/constants';
import type { BytesLike } from '../../raw/values';
import type { Curve } from '../mechanisms/curves';
import type { Algorithm, MechanismInput } from '../mechanisms/mechanism';
import type { ModelKey } from '../model-types';
import { curveMeant, ellipticKey, pointOf } from '../objects/elliptic-key-info';
import { ecParamsOf } from './elliptic-parameters';

/** A key of the model or of a client that can be converted to a KeyObject. */
interface Convertible {
  toKeyObject(): Promise<KeyObject>;
}

/** The public key of the other party: a public KeyObject, a public key on a token, or the bytes of a point. */
export type PeerKey = KeyObject | Convertible | BytesLike;

function isConvertible(value: unknown): value is Convertible {
  return typeof (value as Partial<Convertible> | null | undefined)?.toKeyObject === 'function';
}

const EXPECTED =
  'a public KeyObject, a PublicKey, or bytes (the point, or the plain key of a Montgomery curve)';

/**
 * Replaces a public key on a token by its KeyObject, because it need not be on the token of the operation. The result is a
 * promise only if there is such a key.
 */
export function withKeyObject(input: MechanismInput): MechanismInput | Promise<MechanismInput> {
  if (typeof input !== 'object' || input === null || !('publicKey' in input)) return input;
  const { publicKey } = input;
  if (types.isKeyObject(publicKey) || !isConvertible(publicKey)) return input;
  if ((publicKey as { class?: unknown }).class !== 'PUBLIC_KEY') {
    throw wrongType(`publicKey of ${input.name}`, EXPECTED, publicKey);
  }
  const rest = { ...input };
  return publicKey.toKeyObject().then((key) => ({ ...rest, publicKey: key }));
}

/** A checked public key. */
export interface Peer {
  /** The point without encoding (X9.62; uncompressed), or the plain key of a Montgomery curve. */
  readonly point: Buffer;
  /** The length of the shared secret in bytes; undefined if the curve is not known. */
  readonly secretLength: number | undefined;
  readonly curveName: string | undefined;
}

const MONTGOMERY = { X25519: 'x25519', X448: 'x448' } as const;

/** A key of this process for each Montgomery curve, for the check below. */
const probes = new Map<string, KeyObject>();

/**
 * Checks that the shared secret with this public key depends on the private key: that of a point of small order is zero
 * (RFC 7748, section 6). OpenSSL checks it for a key of this process, and the result is the same for each private key.
 */
function requireFullOrder(publicKey: KeyObject, name: keyof typeof MONTGOMERY): void {
  let privateKey = probes.get(name);
  if (privateKey === undefined) {
    privateKey = (name === 'X25519' ? generateKeyPairSync('x25519') : generateKeyPairSync('x448')).privateKey;
    probes.set(name, privateKey);
  }
  try {
    if (!diffieHellman({ privateKey, publicKey }).every((byte) => byte === 0)) return;
  } catch {
    // OpenSSL refuses the derivation
  }
  throw wrongValue(
    `publicKey of ECDH is a point of small order on ${name}: the shared secret would be zero, whatever the private key`,
  );
}

function lengthOf({ keyType, pointLength }: Curve): number {
  return keyType === 'EC' ? (pointLength - 1) / 2 : pointLength;
}

function keyObjectOf(
  publicKey: unknown,
  ecParams: Buffer | undefined,
  curve: Curve | undefined,
): KeyObject | undefined {
  if (types.isKeyObject(publicKey)) {
    const key = publicKey as KeyObject;
    if (key.type === 'public' && ['ec', 'x25519', 'x448'].includes(String(key.asymmetricKeyType))) return key;
    throw wrongValue(
      `publicKey of ECDH must be the public key of an elliptic curve (ec, x25519, x448), not a ${key.type} key${key.asymmetricKeyType === undefined ? '' : ` of type ${key.asymmetricKeyType}`}`,
    );
  }
  if (!isBytes(publicKey)) throw wrongType('publicKey of ECDH', EXPECTED, publicKey);
  if (ecParams === undefined) return undefined;
  try {
    return ellipticKey(ecParams, Buffer.from(viewOf(publicKey)));
  } catch {
    const place = curve === undefined ? 'the curve of the key' : `the curve ${curve.name}`;
    throw wrongValue(`publicKey of ECDH is not a point on ${place}`);
  }
}

/**
 * Checks the public key of the other party, on the side of this process: it is on the curve of the private key, and the shared
 * secret depends on the private key.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE; CKR_KEY_TYPE_INCONSISTENT for a private key that
 *   does not agree on secrets
 */
export async function peerOf(key: ModelKey, { publicKey }: Algorithm): Promise<Peer> {
  const { keyType } = key;
  const isElliptic = typeof keyType !== 'string' || keyType.startsWith('EC');
  const ecParams = isElliptic ? await ecParamsOf(key) : undefined;
  const curve = ecParams === undefined ? undefined : curveMeant(ecParams);
  const signsOnly = curve?.keyType === 'EC_EDWARDS';
  if (!isElliptic || signsOnly) {
    const kind = signsOnly ? `on the curve ${curve.name}` : `of type ${keyType}`;
    throw new CryptokiError({
      rv: CKR.KEY_TYPE_INCONSISTENT,
      function: 'C_DeriveKey',
      detail: `ECDH cannot be used with a key ${kind}; it needs a key of type EC, or one on X25519 or X448. No call was made`,
    });
  }
  const peer = keyObjectOf(publicKey, ecParams, curve);
  if (peer === undefined) {
    return {
      point: Buffer.from(viewOf(publicKey as BytesLike)),
      secretLength: undefined,
      curveName: undefined,
    };
  }
  const { ecParams: peerParams, point } = pointOf(peer);
  const peerCurve = curveMeant(peerParams);
  const isOther = ecParams !== undefined && curve?.name !== peerCurve?.name;
  if (isOther) {
    throw wrongValue(
      `publicKey of ECDH is on ${peerCurve?.name ?? 'another curve'}, and the private key on ${curve?.name ?? 'another curve'}`,
    );
  }
  const known = curve ?? peerCurve;
  if (known !== undefined && Object.hasOwn(MONTGOMERY, known.name)) {
    requireFullOrder(peer, known.name as keyof typeof MONTGOMERY);
  }
  const isPlainPoint = known === undefined && point[0] === 0x04;
  const secretLength =
    known !== undefined ? lengthOf(known) : isPlainPoint ? (point.length - 1) / 2 : undefined;
  return { point, secretLength, curveName: known?.name };
}

/** Errors with which modules refuse the encoding of a point. */
const REFUSALS = [
  ...['CKR_MECHANISM_PARAM_INVALID', 'CKR_ARGUMENTS_BAD', 'CKR_GENERAL_ERROR', 'CKR_FUNCTION_FAILED'],
  ...['CKR_DATA_INVALID', 'CKR_DATA_LEN_RANGE', 'CKR_PUBLIC_KEY_INVALID', 'CKR_DOMAIN_PARAMS_INVALID'],
];

/** Modules that accept a point only as a DER OCTET STRING, by kind of curve. */
const encoded = new WeakMap<object, Set<string>>();

/**
 * Derives with the point as it is and, if the module refuses it, as a DER OCTET STRING: PKCS#11 requires the first form (3.1,
 * section 6.3.18), and SoftHSM accepts only the second one on Montgomery curves. Neither form of a point can be misread as the
 * other, because their lengths differ. The form that a module has accepted is tried first the next time.
 */
export async function withPoint<T>(
  key: ModelKey,
  { point, curveName }: Peer,
  derive: (publicData: Buffer) => Promise<T>,
): Promise<T> {
  const { module } = key.session.token.slot;
  const kind = curveName !== undefined && Object.hasOwn(MONTGOMERY, curveName) ? 'Montgomery' : 'other';
  const known = encoded.get(module);
  const isEncodedFirst = known?.has(kind) === true;
  const der = Buffer.from(new OctetString({ valueHex: new Uint8Array(point).buffer }).toBER());
  const [first, second] = isEncodedFirst ? [der, point] : [point, der];
  try {
    return await derive(first);
  } catch (error) {
    if (!isCode(error, ...REFUSALS) || error.function !== 'C_DeriveKey') throw error;
    let result: T;
    try {
      result = await derive(second);
    } catch {
      throw error; // the encoding is not the reason
    }
    if (isEncodedFirst) known?.delete(kind);
    else encoded.set(module, (known ?? new Set()).add(kind));
    return result;
  }
}
