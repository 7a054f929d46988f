/** ECDSA with modules that take no digest longer than the curve's order, or return signatures in another form. */
import { isBytes, viewOf } from '../../core/arguments';
import { CryptokiError, isCode } from '../../core/errors';
import { CKM } from '../../generated/constants';
import type { RawMechanism } from '../../raw/values';
import { isSurelyPlain, plainSignature } from '../mechanisms/ecdsa';
import { familyOf } from '../mechanisms/families';
import type { PreparedSignature } from '../mechanisms/signature';
import type { ModelObject } from '../model-types';
import { knownEcdsaLength, signatureLength, signatureLengthSync } from './signature-length';

type Prepared = Pick<PreparedSignature, 'mechanism' | 'message' | 'digest'>;

/**
 * Without what ECDSA does not use of a digest: it takes the first bits, as many as the order of the curve has (FIPS 186-5,
 * section 6.4.1). PKCS#11 lets a module refuse more.
 * @param length of a signature
 */
export function cutDigest<T extends Prepared>(prepared: T, length: number | undefined): T {
  if (Number(prepared.mechanism.mechanism) !== CKM.ECDSA || length === undefined) return prepared;
  const order = length / 2;
  if (prepared.digest !== undefined) return { ...prepared, digest: { ...prepared.digest, length: order } };
  const { message } = prepared;
  if (!isBytes(message) || message.byteLength <= order) return prepared;
  return { ...prepared, message: viewOf(message).subarray(0, order) };
}

/** Whether the module may have refused a digest for its length, which was not known to be too long. */
function mayNeedCut(key: ModelObject, { mechanism }: Prepared, error: unknown): boolean {
  return (
    Number(mechanism.mechanism) === CKM.ECDSA &&
    isCode(error, 'CKR_DATA_LEN_RANGE') &&
    knownEcdsaLength(key) === undefined
  );
}

/**
 * Returns the operation with the digest that the module wants, after it has refused a longer one.
 * @param error that of the first attempt, which is thrown if a shorter digest does not help
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

/** Runs an operation, and repeats it with a shorter digest where the module wants that. */
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

/** {@link withDigest}, blocking the calling thread. */
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

/** A module that leaves zeros out returns a signature without a leading zero after a few attempts: of P-521 one in four. */
const ATTEMPTS = 40;

function unknownForm(signature: Buffer, length: number | undefined): CryptokiError {
  const wanted = length === undefined ? 'the curve is not known' : `${length} bytes are right`;
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_UNSUPPORTED',
    function: 'C_Sign',
    detail:
      `the module returned an ECDSA signature of ${signature.length} bytes (${wanted}), in which the ends of r and s do not ` +
      'show',
  });
}

/** Whether a signature has to be looked at. */
export function isDoubtful({ mechanism }: RawMechanism, signature: Buffer): boolean {
  return familyOf(mechanism) === 'ECDSA' && !isSurelyPlain(signature);
}

/** The plain form; undefined where the module has to sign again. */
function formOf(signature: Buffer, length: number | undefined): Buffer | undefined {
  if (length !== undefined) return plainSignature(signature, length);
  if (signature[0] !== 0x30) return signature; // nothing is known of the curve, and nothing seems wrong
  throw unknownForm(signature, length);
}

/**
 * The signature as r and s, each as long as the order.
 * @param again signs the same once more; undefined where that is not possible
 * @throws ERR_CRYPTOKI_UNSUPPORTED where the form of the signature cannot be known
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
  for (let attempt = 0; plain === undefined && again !== undefined && attempt < ATTEMPTS; attempt += 1) {
    const next = await again();
    if (next.equals(last)) break; // it always makes the same
    last = next;
    plain = formOf(last, length);
  }
  if (plain === undefined) throw unknownForm(last, length);
  return plain;
}

/** {@link plainForm}, blocking the calling thread. */
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
  for (let attempt = 0; plain === undefined && again !== undefined && attempt < ATTEMPTS; attempt += 1) {
    const next = again();
    if (next.equals(last)) break;
    last = next;
    plain = formOf(last, length);
  }
  if (plain === undefined) throw unknownForm(last, length);
  return plain;
}
