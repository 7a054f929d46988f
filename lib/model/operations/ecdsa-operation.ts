/** ECDSA with modules that refuse digests longer than the curve's order, or return signatures in another form. */
import { isBytes, viewOf } from '../../core/arguments';
import { type CryptokiError, isCode, ownError } from '../../core/errors';
import { CKM } from '../../generated/constants';
import type { RawMechanism } from '../../raw/values';
import { isSurelyPlain, plainSignature } from '../mechanisms/ecdsa';
import { familyOf } from '../mechanisms/families';
import type { PreparedSignature } from '../mechanisms/signature';
import type { ModelObject } from '../model-types';
import { knownEcdsaLength, signatureLength, signatureLengthSync } from './signature-length';

type Prepared = Pick<PreparedSignature, 'mechanism' | 'message' | 'digest'>;

/**
 * Cuts off the bits of a digest that ECDSA does not use: it uses as many as the order of the curve has (FIPS 186-5, section
 * 6.4.1). PKCS#11 allows modules to refuse longer digests.
 * @param length of a signature, in bytes
 */
export function cutDigest<T extends Prepared>(prepared: T, length: number | undefined): T {
  if (Number(prepared.mechanism.mechanism) !== CKM.ECDSA || length === undefined) return prepared;
  const order = length / 2;
  if (prepared.digest !== undefined) return { ...prepared, digest: { ...prepared.digest, length: order } };
  const { message } = prepared;
  if (!isBytes(message) || message.byteLength <= order) return prepared;
  return { ...prepared, message: viewOf(message).subarray(0, order) };
}

/** Returns true when the module may have refused a digest that was not cut because the order was unknown. */
function mayNeedCut(key: ModelObject, { mechanism }: Prepared, error: unknown): boolean {
  return (
    Number(mechanism.mechanism) === CKM.ECDSA &&
    isCode(error, 'CKR_DATA_LEN_RANGE') &&
    knownEcdsaLength(key) === undefined
  );
}

/**
 * Returns the operation with a cut digest, after the module has refused the whole one.
 * @param error the error of the first attempt
 * @throws `error` if the digest is not the reason, or cannot be cut
 */
export async function cutAfter<P extends Prepared>(
  error: unknown,
  key: ModelObject,
  prepared: P,
): Promise<P> {
  if (!mayNeedCut(key, prepared, error)) throw error;
  const cut = cutDigest(prepared, await signatureLength(key, prepared.mechanism));
  if (cut === prepared) throw error;
  return cut;
}

/** Sends a digest, and once more a cut digest if the module may have refused the whole one. */
export async function withDigest<P extends Prepared, T>(
  key: ModelObject,
  prepared: P,
  send: (prepared: P) => Promise<T>,
): Promise<T> {
  if (Number(prepared.mechanism.mechanism) !== CKM.ECDSA) return send(prepared);
  try {
    return await send(cutDigest(prepared, knownEcdsaLength(key)));
  } catch (error) {
    return send(await cutAfter(error, key, prepared));
  }
}

/** Does the same as {@link withDigest}, and blocks the calling thread. */
export function withDigestSync<P extends Prepared, T>(
  key: ModelObject,
  prepared: P,
  send: (prepared: P) => T,
): T {
  if (Number(prepared.mechanism.mechanism) !== CKM.ECDSA) return send(prepared);
  try {
    return send(cutDigest(prepared, knownEcdsaLength(key)));
  } catch (error) {
    if (!mayNeedCut(key, prepared, error)) throw error;
    const cut = cutDigest(prepared, signatureLengthSync(key, prepared.mechanism));
    if (cut === prepared) throw error;
    return send(cut);
  }
}

/** A module that omits zeros returns a signature without leading zeros after a few attempts: for P-521 one in four has none. */
const MAX_ATTEMPTS = 40;

function unknownForm(signature: Buffer, length: number | undefined): CryptokiError {
  const expected = length === undefined ? 'the curve is not known' : `${length} bytes are expected`;
  return ownError(
    'ERR_CRYPTOKI_UNSUPPORTED',
    `the module returned an ECDSA signature of ${signature.length} bytes (${expected}), in which r and s cannot be separated`,
    { function: 'C_Sign' },
  );
}

/** Returns true when the form of a signature must be checked. */
export function isDoubtful({ mechanism }: RawMechanism, signature: Buffer): boolean {
  return familyOf(mechanism) === 'ECDSA' && !isSurelyPlain(signature);
}

/** Returns the form of PKCS#11; undefined if the module has to sign again. */
function formOf(signature: Buffer, length: number | undefined): Buffer | undefined {
  if (length !== undefined) return plainSignature(signature, length);
  if (signature[0] !== 0x30) return signature; // an unknown curve, and not DER
  throw unknownForm(signature, length);
}

/**
 * Converts a signature to r and s, each as long as the order.
 * @param again signs the same message once more; undefined if that is not possible
 * @throws ERR_CRYPTOKI_UNSUPPORTED if r and s cannot be separated
 */
export async function plainForm(
  key: ModelObject,
  mechanism: RawMechanism,
  signature: Buffer,
  again: (() => Promise<Buffer>) | undefined,
): Promise<Buffer> {
  if (!isDoubtful(mechanism, signature)) return signature;
  const length = await signatureLength(key, mechanism);
  let last = signature;
  let plain = formOf(last, length);
  for (let attempt = 0; plain === undefined && again !== undefined && attempt < MAX_ATTEMPTS; attempt += 1) {
    const next = await again();
    if (next.equals(last)) break; // signatures of this module are deterministic
    last = next;
    plain = formOf(last, length);
  }
  if (plain === undefined) throw unknownForm(last, length);
  return plain;
}

/** Does the same as {@link plainForm}, and blocks the calling thread. */
export function plainFormSync(
  key: ModelObject,
  mechanism: RawMechanism,
  signature: Buffer,
  again: (() => Buffer) | undefined,
): Buffer {
  if (!isDoubtful(mechanism, signature)) return signature;
  const length = signatureLengthSync(key, mechanism);
  let last = signature;
  let plain = formOf(last, length);
  for (let attempt = 0; plain === undefined && again !== undefined && attempt < MAX_ATTEMPTS; attempt += 1) {
    const next = again();
    if (next.equals(last)) break;
    last = next;
    plain = formOf(last, length);
  }
  if (plain === undefined) throw unknownForm(last, length);
  return plain;
}
