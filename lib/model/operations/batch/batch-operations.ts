/** The operations of batches, on sessions of the caller or of a client. */
import { shown, wrongType } from '../../../core/argument-errors';
import { isBytes } from '../../../core/arguments';
import { ownError } from '../../../core/errors';
import type { RawBatch } from '../../../raw/batches';
import type { BytesLike, RawMechanism } from '../../../raw/values';
import { cipherMechanism } from '../../mechanisms/cipher';
import { digestMechanism } from '../../mechanisms/digest';
import { checkKeyType } from '../../mechanisms/families';
import { type Ciphertext, watchIv, withIv } from '../../mechanisms/made-iv';
import { type Algorithm, type MechanismInput, nameOf } from '../../mechanisms/mechanism';
import { wrongCiphertext } from '../../mechanisms/padding';
import type { ModelObject } from '../../model-types';
import {
  type BatchOptions,
  type BatchWork,
  batchArray,
  batchIterable,
  checkBatchOptions,
  Pace,
} from './batch';
import type { BatchItem, BatchResults } from './batch-results';
import type { BatchSessions } from './batch-target';
import { copyOf, pack } from './packed-bytes';
import { select } from './piece-results';
import { signPiece, verifyPiece } from './signatures';

/** Messages of a batch: an array, for all results at the end, or an iterable, for results one by one. */
export type Messages<T> = readonly T[] | Iterable<T> | AsyncIterable<T>;

/** All results of an array; those of an iterable one by one. */
export type BatchOutcome<M extends Messages<unknown>, T> = M extends readonly unknown[]
  ? Promise<BatchResults<T>>
  : AsyncGenerator<BatchItem<T>, void, undefined>;

/** A signature to verify, with its message. */
export interface SignedMessage {
  readonly data: BytesLike;
  readonly signature: BytesLike;
}

/** An algorithm for all messages, or a function that returns one for each: algorithms with an IV need a new one each time. */
export type CipherInput = MechanismInput | ((index: number) => MechanismInput);

const sizeOf = (data: BytesLike): number => (isBytes(data) ? data.byteLength : 0); // pack() refuses others

function start<Message, T, M extends Messages<Message>>(
  messages: M,
  options: BatchOptions,
  work: BatchWork<Message, T>,
): BatchOutcome<M, T> {
  checkBatchOptions(options);
  if (Array.isArray(messages)) return batchArray(messages, work, options) as BatchOutcome<M, T>;
  const isIterable =
    typeof messages === 'object' &&
    messages !== null &&
    !isBytes(messages) &&
    (Symbol.asyncIterator in messages || Symbol.iterator in messages);
  if (!isIterable) throw wrongType('the messages', 'an array, an iterable or an async iterable', messages);
  return batchIterable(messages as Iterable<Message>, work, options) as BatchOutcome<M, T>;
}

/** Starts a batch whose results are bytes. */
function bytesBatch<M extends Messages<BytesLike>>(
  messages: M,
  options: BatchOptions,
  { concurrency }: BatchSessions,
  pace: Pace,
  run: (messages: readonly BytesLike[], first: number) => Promise<RawBatch>,
): BatchOutcome<M, Ciphertext> {
  return start<BytesLike, Ciphertext, M>(messages, options, {
    concurrency,
    pace,
    size: sizeOf,
    piece: run,
    value: ({ data, offsets, ivs }: RawBatch & MadeIvs, index) =>
      data === undefined || offsets === undefined
        ? Buffer.alloc(0)
        : withIv(copyOf({ data, offsets }, index), ivs?.get(index)),
  });
}

const paces = new WeakMap<object, Map<string, Pace>>();

/** Returns the pace of earlier batches of this operation on these sessions. */
function paceOf({ owner }: BatchSessions, operation: string, algorithm: unknown): Pace {
  const byOperation = paces.get(owner) ?? new Map<string, Pace>();
  paces.set(owner, byOperation);
  const { name, mechanism } = (
    typeof algorithm === 'object' && algorithm !== null ? algorithm : {}
  ) as Algorithm;
  const key = `${operation} ${typeof algorithm === 'string' ? algorithm : shown(name ?? mechanism)}`;
  let pace = byOperation.get(key);
  if (pace === undefined) {
    pace = new Pace();
    byOperation.set(key, pace);
  }
  return pace;
}

/** Signs many messages; see PrivateKey.signMany. */
export function signMany<M extends Messages<BytesLike>>(
  sessions: BatchSessions,
  algorithm: MechanismInput,
  messages: M,
  options: BatchOptions = {},
): BatchOutcome<M, Buffer> {
  return bytesBatch(
    messages,
    options,
    sessions,
    paceOf(sessions, 'sign', algorithm),
    async (piece, first) => {
      const packed = pack(piece, first); // at once: the caller may change the messages later
      return sessions.run(
        'signMany',
        piece.length,
        (target, only) => signPiece(target, algorithm, select(packed, only)),
        options,
      );
    },
  );
}

/** Verifies many signatures; see PublicKey.verifyMany. */
export function verifyMany<M extends Messages<SignedMessage>>(
  sessions: BatchSessions,
  algorithm: MechanismInput,
  messages: M,
  options: BatchOptions = {},
): BatchOutcome<M, boolean> {
  return start<SignedMessage, boolean, M>(messages, options, {
    concurrency: sessions.concurrency,
    pace: paceOf(sessions, 'verify', algorithm),
    size: (message) => sizeOf(message?.data) + sizeOf(message?.signature),
    piece: async (piece, first) => {
      const packed = pack(
        piece.map((message) => message?.data),
        first,
      );
      const signatures = pack(
        piece.map((message) => message?.signature),
        first,
        'signature',
      );
      return sessions.run(
        'verifyMany',
        piece.length,
        (target, only) => verifyPiece(target, algorithm, select(packed, only), select(signatures, only)),
        options,
      );
    },
    value: ({ valid }, index) => valid?.[index] === 1,
  });
}

/** Digests many messages; see Session.digestMany. */
export function digestMany<M extends Messages<BytesLike>>(
  sessions: BatchSessions,
  algorithm: MechanismInput,
  messages: M,
  options: BatchOptions = {},
): BatchOutcome<M, Buffer> {
  const mechanism = digestMechanism(algorithm);
  return bytesBatch(
    messages,
    options,
    sessions,
    paceOf(sessions, 'digest', algorithm),
    async (piece, first) => {
      const packed = pack(piece, first);
      return sessions.run(
        'digestMany',
        piece.length,
        ({ raw, session }, only) => {
          const { data, offsets } = select(packed, only);
          return raw.digestMany(session, mechanism, data, offsets);
        },
        options,
      );
    },
  );
}

/** Algorithms that reveal the content of two messages that are encrypted with the same IV. */
const NEEDS_NEW_IV = ['AES-GCM', 'AES-CTR', 'AES_GCM', 'CKM_AES_GCM'];

/** Encrypts or decrypts many messages; see SecretKey.encryptMany. */
export function cipherMany<M extends Messages<BytesLike>>(
  operation: 'encryptMany' | 'decryptMany',
  sessions: BatchSessions,
  algorithm: CipherInput,
  messages: M,
  options: BatchOptions = {},
): BatchOutcome<M, Ciphertext> {
  const algorithmOf = typeof algorithm === 'function' ? algorithm : undefined;
  const commonAlgorithm = typeof algorithm === 'function' ? undefined : algorithm;
  if (operation === 'encryptMany' && commonAlgorithm !== undefined) {
    const name = nameOf(commonAlgorithm);
    if (NEEDS_NEW_IV.includes(name)) {
      throw ownError(
        'ERR_CRYPTOKI_UNSUPPORTED',
        `${name} must never use one IV for two messages; give encryptMany a function of the index that returns the algorithm with a new one`,
      );
    }
  }
  const common = commonAlgorithm === undefined ? undefined : cipherMechanism(commonAlgorithm);
  const pace = paceOf(sessions, operation, algorithm);
  return bytesBatch(messages, options, sessions, pace, async (piece, first) => {
    const packed = pack(piece, first);
    const algorithms =
      algorithmOf === undefined
        ? [commonAlgorithm as MechanismInput]
        : piece.map((_, index) => algorithmOf(first + index));
    const mechanisms = common === undefined ? algorithms.map(cipherMechanism) : [common];
    const watched =
      operation === 'encryptMany'
        ? algorithms.map((input, i) => watchIv(input, mechanisms[i] as RawMechanism))
        : [];
    const raw = await sessions.run(
      operation,
      piece.length,
      async ({ raw: module, session, key, object }, only) => {
        // One element for all messages, or one for each message of this attempt.
        const selected = <T>(all: readonly T[]): readonly T[] =>
          only === undefined || common !== undefined ? all : only.map((index) => all[index] as T);
        const { data, offsets } = select(packed, only);
        const selectedMechanisms = selected(mechanisms);
        if (object !== undefined) {
          checkKeyTypes(operation, object, selected(algorithms), selectedMechanisms);
        }
        const result = await module[operation](
          ...([session, common ?? [...selectedMechanisms], key, data, offsets] as const),
        );
        return operation === 'decryptMany' ? withLengthErrors(result, selectedMechanisms, offsets) : result;
      },
      options,
    );
    return withMadeIvs(raw, watched);
  });
}

function checkKeyTypes(
  operation: 'encryptMany' | 'decryptMany',
  key: ModelObject,
  algorithms: readonly MechanismInput[],
  mechanisms: readonly RawMechanism[],
): void {
  const keyOperation = operation === 'encryptMany' ? 'Encrypt' : 'Decrypt';
  const keyType = key.identity.keyType;
  mechanisms.forEach(({ mechanism }, i) => {
    checkKeyType(keyOperation, algorithms[i] as MechanismInput, mechanism, keyType);
  });
}

/** Replaces the results of ciphertexts of an impossible length, for which modules return various errors or none. */
function withLengthErrors(
  raw: RawBatch,
  mechanisms: readonly RawMechanism[],
  offsets: Uint32Array,
): RawBatch {
  const failures = new Map(raw.failures.map(({ index, error }) => [index, error]));
  let isChanged = false;
  for (let index = 0; index < raw.count; index += 1) {
    const length = (offsets[index + 1] as number) - (offsets[index] as number);
    const error = wrongCiphertext((mechanisms[index] ?? mechanisms[0]) as RawMechanism, length);
    if (error === undefined) continue;
    failures.set(index, error);
    isChanged = true;
  }
  if (!isChanged) return raw;
  const sorted = [...failures].sort(([a], [b]) => a - b);
  return { ...raw, failures: sorted.map(([index, error]) => ({ index, error })) };
}

/** IVs that the module has generated, by message of the piece. */
interface MadeIvs {
  readonly ivs?: ReadonlyMap<number, Buffer>;
}

function withMadeIvs(raw: RawBatch, watched: readonly ReturnType<typeof watchIv>[]): RawBatch & MadeIvs {
  const failed = new Set(raw.failures.map(({ index }) => index));
  const ivs = new Map<number, Buffer>();
  watched.forEach((madeIv, index) => {
    const iv = index < raw.count && !failed.has(index) ? madeIv?.() : undefined;
    if (iv !== undefined) ivs.set(index, iv);
  });
  return ivs.size === 0 ? raw : { ...raw, ivs };
}
