/** Public keys as node:crypto takes them: attributes of PKCS#11 to a SubjectPublicKeyInfo or a JSON web key. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { BitString, fromBER, ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import { CryptokiError } from '../../core/errors';
import { curveOf } from '../mechanisms/curves';
import type { ModelPublicKey } from '../model-types';

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/**
 * CKA_EC_POINT is a DER OCTET STRING around the point, but several modules give the point itself (PKCS#11 3.1, section
 * 2.3.3, for Edwards curves; some always).
 */
function pointOf(ecPoint: Buffer, pointLength: number | undefined): Buffer {
  if (ecPoint.length === pointLength) return ecPoint;
  const { result, offset } = fromBER(toArrayBuffer(ecPoint));
  const isWrapped = result instanceof OctetString && offset === ecPoint.length;
  return isWrapped ? Buffer.from(result.valueBlock.valueHexView) : ecPoint;
}

function ellipticKeyInfo(ecParams: Buffer, ecPoint: Buffer): Buffer {
  const curve = curveOf(ecParams);
  const parameters = fromBER(toArrayBuffer(curve?.oid ?? ecParams)).result;
  const isWeierstrass = curve === undefined || curve.keyType === 'EC';
  const algorithm = isWeierstrass
    ? [new ObjectIdentifier({ value: EC_PUBLIC_KEY }), parameters]
    : [parameters];
  const point = toArrayBuffer(pointOf(ecPoint, curve?.pointLength));
  const info = new Sequence({
    value: [new Sequence({ value: algorithm }), new BitString({ valueHex: point })],
  });
  return Buffer.from(info.toBER());
}

/** See PublicKey.toKeyObject. */
export async function toKeyObject(key: ModelPublicKey): Promise<KeyObject> {
  try {
    return await keyObjectOf(key);
  } catch (cause) {
    if (cause instanceof CryptokiError || !String((cause as NodeJS.ErrnoException).code).startsWith('ERR_'))
      throw cause;
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_UNSUPPORTED',
      detail: `the attributes of the public key "${key.label ?? ''}" are in no form that node:crypto understands`,
      cause,
    });
  }
}

async function keyObjectOf(key: ModelPublicKey): Promise<KeyObject> {
  const { modulus, publicExponent, ecParams, ecPoint, publicKeyInfo } = await key.attributes(
    'modulus',
    'publicExponent',
    'ecParams',
    'ecPoint',
    'publicKeyInfo',
  );
  if (modulus !== undefined && publicExponent !== undefined) {
    const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: publicExponent.toString('base64url') };
    return createPublicKey({ key: jwk, format: 'jwk' });
  }
  if (ecParams !== undefined && ecPoint !== undefined) {
    return createPublicKey({ key: ellipticKeyInfo(ecParams, ecPoint), format: 'der', type: 'spki' });
  }
  if (publicKeyInfo !== undefined && publicKeyInfo.length > 0) {
    return createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' });
  }
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_UNSUPPORTED',
    detail: `a public key of type ${String(key.keyType)} cannot be a KeyObject of node:crypto`,
  });
}
