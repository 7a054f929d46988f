/** How long the signatures of a key are. It is asked of the key once, when that is needed for the first time. */
import { isBytes } from '../../core/arguments';
import { CryptokiError } from '../../core/errors';
import { CKP } from '../../generated/constants';
import type { BytesLike, RawAttributeResult, RawMechanism } from '../../raw/values';
import { type AttributeName, attributeType, fromResults } from '../attributes';
import { magnitude, orderLength } from '../mechanisms/curve-orders';
import { curveOf } from '../mechanisms/curves';
import { type Family, familyOf } from '../mechanisms/families';
import type { ModelObject } from '../model-types';

type Length = number | undefined;

interface Known {
  readonly family: Family;
  readonly length: Length;
}

/** By what all objects that stand for a key share. */
const known = new WeakMap<object, Known>();
const asked = new WeakMap<object, Promise<Length>>();

const EDWARDS: Readonly<Record<string, number>> = { Ed25519: 64, Ed448: 114 };
const ML_DSA: Readonly<Record<number, number>> = {
  [CKP.ML_DSA_44]: 2420,
  [CKP.ML_DSA_65]: 3309,
  [CKP.ML_DSA_87]: 4627,
};
/** 128S, 128F, 192S, 192F, 256S, 256F: of SHA2 and SHAKE each. */
const SLH_DSA = [7856, 17088, 16224, 35664, 29792, 49856];

/** The attribute that says it. */
const ATTRIBUTE: Readonly<Record<Family, AttributeName>> = {
  RSA: 'modulus',
  ECDSA: 'ecParams',
  EDDSA: 'ecParams',
  DSA: 'subprime',
  ML_DSA: 'parameterSet',
  SLH_DSA: 'parameterSet',
};

/** Without zeros in front; nothing for a number that is not there. */
const sizeOf = (number: unknown): Length =>
  Buffer.isBuffer(number) ? magnitude(number).length || undefined : undefined;
const twice = (length: Length): Length => (length === undefined ? undefined : 2 * length);

function lengthFrom(family: Family, value: unknown): Length {
  switch (family) {
    case 'RSA':
      return sizeOf(value);
    case 'DSA':
      return twice(sizeOf(value));
    case 'ECDSA':
      return Buffer.isBuffer(value) ? twice(orderLength(value)) : undefined;
    case 'EDDSA':
      return Buffer.isBuffer(value) ? EDWARDS[curveOf(value)?.name ?? ''] : undefined;
    case 'ML_DSA':
      return ML_DSA[Number(value)];
    case 'SLH_DSA':
      return SLH_DSA[Math.floor((Number(value) - 1) / 2)];
  }
}

function learn(key: ModelObject, family: Family, results: readonly RawAttributeResult[]): Length {
  const name = ATTRIBUTE[family];
  const length = lengthFrom(family, (fromResults([name], results) as Record<string, unknown>)[name]);
  known.set(key.life, { family, length });
  return length;
}

/** Lengths that no signature has, whatever the key: then no call is needed. */
export function isImpossible({ mechanism }: RawMechanism, signature: BytesLike): boolean {
  const family = familyOf(mechanism);
  if (family === undefined || !isBytes(signature)) return false;
  const { byteLength } = signature;
  switch (family) {
    case 'ECDSA':
    case 'DSA':
      return byteLength === 0 || byteLength % 2 !== 0;
    case 'EDDSA':
      return !Object.values(EDWARDS).includes(byteLength);
    case 'ML_DSA':
      return !Object.values(ML_DSA).includes(byteLength);
    case 'SLH_DSA':
      return !SLH_DSA.includes(byteLength);
    default:
      return byteLength === 0;
  }
}

/** A module that refuses the attribute says nothing of the length. What is lost shows in the operation itself. */
const isError = (error: unknown): boolean => error instanceof CryptokiError;

/**
 * The only length that signatures by this mechanism have; undefined when nothing is known of it: MACs, mechanisms of
 * vendors, curves that are not known. A promise only when the key has to be asked. The question takes its turn on the session
 * at the call: what is called after this one comes after it.
 */
export function signatureLength(key: ModelObject, { mechanism }: RawMechanism): Length | Promise<Length> {
  const family = familyOf(mechanism);
  if (family === undefined) return undefined;
  const before = known.get(key.life);
  if (before?.family === family) return before.length;
  const { session } = key;
  let question = asked.get(key.life);
  if (question === undefined) {
    question = key
      .use()
      .C_GetAttributeValue(session.name, key.handle, [attributeType(ATTRIBUTE[family])])
      .then((results) => learn(key, family, results))
      .catch((error) => {
        if (!isError(error)) throw error;
        return undefined;
      })
      .finally(() => asked.delete(key.life));
    asked.set(key.life, question);
  }
  return question;
}

/** {@link signatureLength}, blocking the calling thread. */
export function signatureLengthSync(key: ModelObject, { mechanism }: RawMechanism): Length {
  const family = familyOf(mechanism);
  if (family === undefined) return undefined;
  const before = known.get(key.life);
  if (before?.family === family) return before.length;
  try {
    const types = [attributeType(ATTRIBUTE[family])];
    return learn(key, family, key.use().C_GetAttributeValueSync(key.session.name, key.handle, types));
  } catch (error) {
    if (!isError(error)) throw error;
    return undefined;
  }
}

/** The length of ECDSA signatures, as far as it is known without a call. */
export function knownEcdsaLength(key: ModelObject): Length {
  const before = known.get(key.life);
  return before?.family === 'ECDSA' ? before.length : undefined;
}
