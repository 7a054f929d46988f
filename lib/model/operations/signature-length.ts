/** The length of the signatures of a key. The attribute that determines it is read once, before the first use. */
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

/** Known lengths by StorageObject.life, which all JavaScript objects for a key share. */
const known = new WeakMap<object, Known>();
/** Calls in progress that read the attribute, by StorageObject.life. */
const pending = new WeakMap<object, Promise<Length>>();

const EDWARDS: Readonly<Record<string, number>> = { Ed25519: 64, Ed448: 114 };
const ML_DSA: Readonly<Record<number, number>> = {
  [CKP.ML_DSA_44]: 2420,
  [CKP.ML_DSA_65]: 3309,
  [CKP.ML_DSA_87]: 4627,
};
/** Lengths for 128S, 128F, 192S, 192F, 256S, 256F, which are the same with SHA2 and SHAKE. */
const SLH_DSA = [7856, 17088, 16224, 35664, 29792, 49856];

/** The attribute that determines the length. */
const ATTRIBUTE: Readonly<Record<Family, AttributeName>> = {
  RSA: 'modulus',
  ECDSA: 'ecParams',
  EDDSA: 'ecParams',
  DSA: 'subprime',
  ML_DSA: 'parameterSet',
  SLH_DSA: 'parameterSet',
};

/** Returns the length of a number without leading zeros; undefined for an absent or empty one. */
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

function remember(key: ModelObject, family: Family, results: readonly RawAttributeResult[]): Length {
  const name = ATTRIBUTE[family];
  const length = lengthFrom(family, (fromResults([name], results) as Record<string, unknown>)[name]);
  known.set(key.life, { family, length });
  return length;
}

/** Returns true when no key of the mechanism's family has signatures of this length, so that no call is needed. */
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

/** Returns true for errors after which the length is unknown. If something was lost, the operation itself fails as well. */
const isModuleError = (error: unknown): boolean => error instanceof CryptokiError;

/**
 * Returns the only length of signatures of a key by this mechanism, in bytes; undefined if it is unknown: for MACs, mechanisms
 * of vendors, unknown curves. The result is a promise only if an attribute of the key has to be read. That call is queued on
 * the session at once, before later calls of the caller.
 */
export function signatureLength(key: ModelObject, { mechanism }: RawMechanism): Length | Promise<Length> {
  const family = familyOf(mechanism);
  if (family === undefined) return undefined;
  const before = known.get(key.life);
  if (before?.family === family) return before.length;
  const { session } = key;
  let call = pending.get(key.life);
  if (call === undefined) {
    call = key
      .use()
      .C_GetAttributeValue(session.name, key.handle, [attributeType(ATTRIBUTE[family])])
      .then((results) => remember(key, family, results))
      .catch((error) => {
        if (!isModuleError(error)) throw error;
        return undefined;
      })
      .finally(() => pending.delete(key.life));
    pending.set(key.life, call);
  }
  return call;
}

/** Does the same as {@link signatureLength}, and blocks the calling thread. */
export function signatureLengthSync(key: ModelObject, { mechanism }: RawMechanism): Length {
  const family = familyOf(mechanism);
  if (family === undefined) return undefined;
  const before = known.get(key.life);
  if (before?.family === family) return before.length;
  try {
    const types = [attributeType(ATTRIBUTE[family])];
    return remember(key, family, key.use().C_GetAttributeValueSync(key.session.name, key.handle, types));
  } catch (error) {
    if (!isModuleError(error)) throw error;
    return undefined;
  }
}

/** Returns the length of ECDSA signatures if it is known without a call. */
export function knownEcdsaLength(key: ModelObject): Length {
  const before = known.get(key.life);
  return before?.family === 'ECDSA' ? before.length : undefined;
}
