/** Pieces of batches that sign and verify. */
import { CryptokiError } from '../../../core/errors';
import { CKM } from '../../../generated/constants';
import type { RawBatch, RawPacked } from '../../../raw/batches';
import type { RawMechanism } from '../../../raw/values';
import { checkKeyType, familyOf } from '../../mechanisms/families';
import type { MechanismInput } from '../../mechanisms/mechanism';
import { isOtherLength, prepareSignatures } from '../../mechanisms/signature';
import { isDoubtful, plainForm } from '../ecdsa-operation';
import { isImpossible, signatureLength } from '../signature-length';
import type { BatchTarget } from './batch-target';
import { pack, unpack } from './packed-bytes';
import { select } from './piece-results';

type PreparedSignatures = ReturnType<typeof prepareSignatures>;

async function prepare(
  operation: 'Sign' | 'Verify',
  { available, object }: BatchTarget,
  algorithm: MechanismInput,
  messages: RawPacked,
): Promise<PreparedSignatures> {
  const prepared = prepareSignatures(algorithm, available, messages);
  const { mechanism } = prepared;
  if (object === undefined) return prepared;
  checkKeyType(operation, algorithm, mechanism.mechanism, object.identity.keyType);
  return Number(mechanism.mechanism) === CKM.ECDSA
    ? cutDigests(prepared, await signatureLength(object, mechanism))
    : prepared;
}

/**
 * Cuts digests; see cutDigest.
 * @param length of a signature, in bytes
 */
function cutDigests(prepared: PreparedSignatures, length: number | undefined): PreparedSignatures {
  if (length === undefined) return prepared;
  const order = length / 2;
  const { messages, digest } = prepared;
  if (digest !== undefined) return { ...prepared, digest: { ...digest, length: order } };
  const { offsets } = messages;
  const isLong = offsets.some((end, i) => i > 0 && end - (offsets[i - 1] as number) > order);
  if (!isLong) return prepared;
  const cut = Array.from({ length: offsets.length - 1 }, (_, i) => unpack(messages, i).subarray(0, order));
  return { ...prepared, messages: pack(cut) };
}

/** Signs the messages of a piece with C_SignInit and C_Sign for each. */
export async function signPiece(
  target: BatchTarget,
  algorithm: MechanismInput,
  messages: RawPacked,
): Promise<RawBatch> {
  const prepared = await prepare('Sign', target, algorithm, messages);
  const { mechanism, digest } = prepared;
  const { data, offsets } = prepared.messages;
  const raw = await target.raw.signMany(
    ...([target.session, mechanism, target.key, data, offsets, digest] as const),
  );
  return familyOf(mechanism.mechanism) === 'ECDSA' ? plainForms(target, prepared, raw) : raw;
}

/** Converts the signatures to the form of PKCS#11; see plainForm. */
async function plainForms(
  target: BatchTarget,
  prepared: PreparedSignatures,
  raw: RawBatch,
): Promise<RawBatch> {
  const { object, session, key } = target;
  const { mechanism, digest } = prepared;
  if (raw.data === undefined || raw.offsets === undefined || object === undefined) return raw;
  const packed = { data: raw.data, offsets: raw.offsets };
  const failed = new Set(raw.failures.map(({ index }) => index));
  const isWrong = (index: number): boolean =>
    !failed.has(index) && isDoubtful(mechanism, unpack(packed, index));
  const indices = Array.from({ length: raw.count }, (_, index) => index);
  if (!indices.some(isWrong)) return raw;
  const failures = [...raw.failures];
  const signatures: Buffer[] = [];
  for (const index of indices) {
    const signature = unpack(packed, index);
    const message = unpack(prepared.messages, index);
    try {
      const again = (): Promise<Buffer> => target.raw.sign(session, mechanism, key, message, digest);
      signatures.push(isWrong(index) ? await plainForm(object, mechanism, signature, again) : signature);
    } catch (error) {
      if (!(error instanceof CryptokiError)) throw error;
      failures.push({ index, error });
      signatures.push(Buffer.alloc(0));
    }
  }
  failures.sort((a, b) => a.index - b.index);
  return { ...raw, ...pack(signatures), failures };
}

/** Returns a function that returns true for a signature of a length that no valid one has. */
async function lengthCheck(
  { object }: BatchTarget,
  mechanism: RawMechanism,
  macLength: number | undefined,
): Promise<(signature: Buffer) => boolean> {
  const length = object === undefined ? undefined : await signatureLength(object, mechanism);
  return (signature) =>
    isImpossible(mechanism, signature) ||
    isOtherLength(signature, macLength) ||
    isOtherLength(signature, length);
}

/** Verifies the signatures of a piece with C_VerifyInit and C_Verify for each. Those of an impossible length are false without a call. */
export async function verifyPiece(
  target: BatchTarget,
  algorithm: MechanismInput,
  messages: RawPacked,
  signatures: RawPacked,
): Promise<RawBatch> {
  const { mechanism, macLength } = await prepare('Verify', target, algorithm, pack([]));
  const isImpossibleLength = await lengthCheck(target, mechanism, macLength);
  const count = messages.offsets.length - 1;
  const possible: number[] = [];
  for (let i = 0; i < count; i += 1) if (!isImpossibleLength(unpack(signatures, i))) possible.push(i);
  if (possible.length === count) return verifyAll(target, algorithm, messages, signatures);
  if (possible.length === 0) return { count, failures: [], time: 0, valid: new Uint8Array(count) };
  const [possibleMessages, possibleSignatures] = [select(messages, possible), select(signatures, possible)];
  const raw = await verifyAll(target, algorithm, possibleMessages, possibleSignatures);
  return spread(raw, possible, count);
}

async function verifyAll(
  target: BatchTarget,
  algorithm: MechanismInput,
  messages: RawPacked,
  signatures: RawPacked,
): Promise<RawBatch> {
  const prepared = await prepare('Verify', target, algorithm, messages);
  const { mechanism, digest } = prepared;
  const { data, offsets } = prepared.messages;
  return target.raw.verifyMany(
    ...([target.session, mechanism, target.key, data, offsets] as const),
    ...([signatures.data, signatures.offsets, digest] as const),
  );
}

/** Extends the results of some messages to those of all; the others are false. */
function spread(raw: RawBatch, indices: readonly number[], all: number): RawBatch {
  const count = raw.count < indices.length ? (indices[raw.count] as number) : all;
  const valid = new Uint8Array(count);
  for (let i = 0; i < raw.count; i += 1) valid[indices[i] as number] = raw.valid?.[i] ?? 0;
  const failures = raw.failures.map(({ index, error }) => ({ index: indices[index] as number, error }));
  return { ...raw, count, valid, failures };
}
