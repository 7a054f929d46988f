/** Converts keys of node:crypto to the attributes of PKCS#11 that contain their value. */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { OctetString, Sequence } from 'asn1js';
import { wrongValue } from '../../core/argument-errors';
import type { Attributes } from '../attributes';
import { parameterSetOf } from '../mechanisms/parameter-sets';
import { bytesIn, elementOf, encodingOf, membersOf, octetString } from '../objects/der';
import { ellipticKey } from '../objects/elliptic-key-info';
import type { KeyType } from '../objects/identity';
import { unsupported } from './import-errors';

/** The type of a key and the attributes with its value. */
export interface KeyValue {
  readonly keyType: KeyType;
  readonly attributes: Attributes;
}

const OKP_TYPES: Readonly<Record<string, 'EC_EDWARDS' | 'EC_MONTGOMERY'>> = {
  ed25519: 'EC_EDWARDS',
  ed448: 'EC_EDWARDS',
  x25519: 'EC_MONTGOMERY',
  x448: 'EC_MONTGOMERY',
};

/** Returns AlgorithmIdentifier and content of a SubjectPublicKeyInfo. */
function spkiOf(publicKey: KeyObject): { readonly algorithm: readonly Buffer[]; readonly content: Buffer } {
  const [algorithm, bits] = membersOf(elementOf(publicKey.export({ type: 'spki', format: 'der' })));
  return { algorithm: membersOf(algorithm).map(encodingOf), content: bytesIn(bits) ?? Buffer.alloc(0) };
}

/**
 * Returns the default of CKA_ID: the SHA-1 of the public key (the content of the BIT STRING of its SubjectPublicKeyInfo). It is
 * the key identifier of RFC 5280, section 4.2.1.2, method 1, which most CAs and NSS use too.
 */
export function keyIdOf(publicKey: KeyObject): Buffer {
  return createHash('sha1').update(spkiOf(publicKey).content).digest();
}

/** Returns a public key on a curve in one form: with a named curve and an uncompressed point. */
function normalised(publicKey: KeyObject): KeyObject {
  const { algorithm, content } = spkiOf(publicKey);
  const known = ellipticKey(algorithm[1] ?? Buffer.alloc(0), content);
  if (elementOf(spkiOf(known).algorithm[1] ?? Buffer.alloc(0)) instanceof Sequence) {
    throw unsupported(
      'the key has explicit parameters of a curve that has no name: modules accept named curves only',
    );
  }
  return known;
}

const jwkNumber = (value: string | undefined): Buffer => Buffer.from(value ?? '', 'base64url');

function noSuchType(type: string | undefined): Error {
  const hint =
    type === 'rsa-pss'
      ? 'PKCS#11 has no keys that are restricted to RSA-PSS; convert it to a key of type rsaEncryption'
      : 'supported are RSA, EC, Ed25519, Ed448, X25519, X448, ML-DSA, ML-KEM and SLH-DSA';
  return unsupported(`a key of type ${String(type)} cannot be imported: ${hint}`);
}

/**
 * Returns the attributes of a public key. CKA_EC_POINT is an OCTET STRING in DER.
 * @throws ERR_CRYPTOKI_UNSUPPORTED
 */
export function publicValue(publicKey: KeyObject): KeyValue {
  const type = publicKey.asymmetricKeyType;
  const parameterSet = parameterSetOf(type);
  if (parameterSet !== undefined) {
    const { keyType, value: number } = parameterSet;
    return { keyType, attributes: { parameterSet: number, value: spkiOf(publicKey).content } };
  }
  if (type === 'rsa') {
    const { n, e } = publicKey.export({ format: 'jwk' });
    return { keyType: 'RSA', attributes: { modulus: jwkNumber(n), publicExponent: jwkNumber(e) } };
  }
  const keyType = type === 'ec' ? 'EC' : OKP_TYPES[String(type)];
  if (keyType === undefined) throw noSuchType(type);
  const { algorithm, content } = spkiOf(keyType === 'EC' ? normalised(publicKey) : publicKey);
  const [identifier, parameters] = algorithm;
  return { keyType, attributes: { ecParams: parameters ?? identifier, ecPoint: octetString(content) } };
}

/** Returns the content of the privateKey of a PKCS#8 structure. */
function pkcs8Content(privateKey: KeyObject): Buffer {
  const info = membersOf(elementOf(privateKey.export({ type: 'pkcs8', format: 'der' })));
  return bytesIn(info[2]) ?? Buffer.alloc(0);
}

/**
 * Returns seed and expanded key of a post-quantum key: ML-DSA and ML-KEM have [0] seed, an OCTET STRING with the expanded key,
 * or a SEQUENCE of both (RFC 9881, RFC 9935); SLH-DSA has the key itself (RFC 9909).
 */
function seedAndValue(keyType: KeyType, content: Buffer): Attributes {
  if (keyType === 'SLH_DSA') return { value: content };
  const element = elementOf(content);
  if (element instanceof OctetString) return { value: bytesIn(element) };
  if (element instanceof Sequence) {
    const [seed, value] = membersOf(element).map(bytesIn);
    return { seed, value };
  }
  // [0] IMPLICIT OCTET STRING: a tag and a length of one byte each
  return { seed: content.subarray(2) };
}

function rsaValue(privateKey: KeyObject): Attributes {
  const { n, e, d, p, q, dp, dq, qi } = privateKey.export({ format: 'jwk' });
  return {
    modulus: jwkNumber(n),
    publicExponent: jwkNumber(e),
    privateExponent: jwkNumber(d),
    prime1: jwkNumber(p),
    prime2: jwkNumber(q),
    exponent1: jwkNumber(dp),
    exponent2: jwkNumber(dq),
    coefficient: jwkNumber(qi),
  };
}

/**
 * Returns the attributes of a private key, without those of its public half.
 * @throws ERR_CRYPTOKI_UNSUPPORTED
 */
export function privateValue(privateKey: KeyObject, publicKey: KeyObject): KeyValue {
  const { keyType, attributes } = publicValue(publicKey);
  switch (keyType) {
    case 'RSA':
      return { keyType, attributes: rsaValue(privateKey) };
    case 'EC': {
      const sec1 = membersOf(elementOf(privateKey.export({ type: 'sec1', format: 'der' })));
      return { keyType, attributes: { ecParams: attributes.ecParams, value: bytesIn(sec1[1]) } };
    }
    case 'EC_EDWARDS':
    case 'EC_MONTGOMERY': {
      const value = bytesIn(elementOf(pkcs8Content(privateKey)));
      return { keyType, attributes: { ecParams: attributes.ecParams, value } };
    }
    default: {
      const { parameterSet } = attributes;
      return {
        keyType,
        attributes: { parameterSet, ...seedAndValue(keyType, pkcs8Content(privateKey)) },
      };
    }
  }
}

/** Types of keys that sign, with the digest for node:crypto. Signing with SLH-DSA takes up to seconds. */
const SIGNING: Readonly<Record<string, string | null>> = {
  ...{ rsa: 'sha256', ec: 'sha256', ed25519: null, ed448: null },
  ...{ 'ml-dsa-44': null, 'ml-dsa-65': null, 'ml-dsa-87': null },
};

/**
 * Returns the public half of a private key, and checks with a signature that both belong together: a token would sign with a
 * damaged key, and such a signature can reveal it.
 * @throws TypeError ERR_INVALID_ARG_VALUE; ERR_CRYPTOKI_UNSUPPORTED for a key that is in a token
 */
export function publicHalfOf(privateKey: KeyObject): KeyObject {
  const publicKey = createPublicKey(privateKey);
  const digest = SIGNING[String(privateKey.asymmetricKeyType)];
  if (digest === undefined) return publicKey;
  const message = Buffer.from('the halves of this key belong together');
  let belongs = false;
  try {
    belongs = verify(digest, message, publicKey, sign(digest, message, privateKey));
  } catch {
    // OpenSSL does not sign with a key that is not valid.
  }
  if (!belongs) throw wrongValue('the private key is damaged: it does not belong to the public key in it');
  return publicKey;
}
