/** Signatures of ECDSA in the form that the options of the algorithm ask for. */
import { bytesOf } from '../../core/arguments';
import { ownError } from '../../core/errors';
import type { BytesLike } from '../../raw/values';
import { type EcdsaOptions, fromDer, hasHighS, toDer, toLowS } from '../mechanisms/ecdsa-options';
import type { ModelObject } from '../model-types';
import { curveMeant, orderOf } from '../objects/elliptic-key-info';
import { ecParamsOf, ecParamsOfSync } from './elliptic-parameters';

/** @throws ERR_CRYPTOKI_UNSUPPORTED */
function requireOrder(ecParams: Buffer | undefined): bigint {
  const curve = ecParams === undefined ? undefined : curveMeant(ecParams);
  const order = curve === undefined ? undefined : orderOf(curve);
  if (order !== undefined) return order;
  throw ownError(
    'ERR_CRYPTOKI_UNSUPPORTED',
    "the order of the key's curve is not known, so the options format and lowS cannot be used with it; leave them out",
  );
}

/** Returns the order of the key's curve. It is read before the signature, so that no signature is discarded. */
export const orderOfKey = async (key: ModelObject): Promise<bigint> => requireOrder(await ecParamsOf(key));

/** Does the same as {@link orderOfKey}, and blocks the calling thread. */
export const orderOfKeySync = (key: ModelObject): bigint => requireOrder(ecParamsOfSync(key));

/** Converts a signature of the token. */
export function formed({ isDer, lowS }: EcdsaOptions, signature: Buffer, order: bigint): Buffer {
  const plain = lowS ? toLowS(signature, order) : signature;
  return isDer ? toDer(plain) : plain;
}

/** Converts a signature for the token; undefined if it is not valid in this form. */
export function unformed(
  { isDer, lowS }: EcdsaOptions,
  signature: BytesLike,
  order: bigint,
): Buffer | undefined {
  const bytes = Buffer.from(bytesOf(signature, 'signature'));
  const half = Math.ceil(order.toString(16).length / 2);
  const plain = isDer ? fromDer(bytes, half) : bytes;
  if (plain === undefined || plain.length !== 2 * half) return undefined;
  return lowS && hasHighS(plain, order) ? undefined : plain;
}
