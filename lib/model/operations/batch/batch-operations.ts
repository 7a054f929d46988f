/** What batches do, whatever sessions they do it on. */
import { argumentError, isBytes, shown } from '../../../core/arguments';
import { CryptokiError } from '../../../core/errors';
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

/** Messages: an array, of which all results are kept, or something that gives one after the other. */
export type Messages<T> = readonly T[] | Iterable<T> | AsyncIterable<T>;

/** All results of an array; those of an iterable as they come. */
export type BatchOutcome<M extends Messages<unknown>, T> = M extends readonly unknown[]
  ? Promise<BatchResults<T>>
  : AsyncGenerator<BatchItem<T>, void, undefined>;

/** A signature to verify, with its message. */
export interface SignedMessage {
  readonly data: BytesLike;
  readonly signature: BytesLike;
}

/** An algorithm for all messages, or one for each: what takes an IV needs another one each time. */
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
  if (!isIterable)
    throw argumentError(TypeError, 'the messages must be an array, an iterable or an async iterable');
  return batchIterable(messages as Iterable<Message>, work, options) as BatchOutcome<M, T>;
}

/** A batch whose results are bytes. */
function bytesBatch<M extends Messages<BytesLike>>(
  messages: M,
  options: BatchOptions,
  { lanes }: BatchSessions,
  pace: Pace,
  run: (messages: readonly BytesLike[], first: number) => Promise<RawBatch>,
): BatchOutcome<M, Ciphertext> {
  return start<BytesLike, Ciphertext, M>(messages, options, {
    lanes,
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

/** How fast an operation was on these sessions before. */
function paceOf({ owner }: BatchSessions, operation: string, algorithm: unknown): Pace {
  const known = paces.get(owner) ?? new Map<string, Pace>();
  paces.set(owner, known);
  const { name, mechanism } = (
    typeof algorithm === 'object' && algorithm !== null ? algorithm : {}
  ) as Algorithm;
  const called = `${operation} ${typeof algorithm === 'string' ? algorithm : shown(name ?? mechanism)}`;
  let pace = known.get(called);
  if (pace === undefined) {
    pace = new Pace();
    known.set(called, pace);
  }
  return pace;
}

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
      const own = pack(piece, first); // what is to be signed is what it is now
      return sessions.run(
        'signMany',
        piece.length,
        (target, only) => {
          return signPiece(target, algorithm, select(own, only));
        },
        options,
      );
    },
  );
}

export function verifyMany<M extends Messages<SignedMessage>>(
  sessions: BatchSessions,
  algorithm: MechanismInput,
  messages: M,
  options: BatchOptions = {},
): BatchOutcome<M, boolean> {
  return start<SignedMessage, boolean, M>(messages, options, {
    lanes: sessions.lanes,
    pace: paceOf(sessions, 'verify', algorithm),
    size: (message) => sizeOf(message?.data) + sizeOf(message?.signature),
    piece: async (piece, first) => {
      const own = pack(
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
        (target, only) => verifyPiece(target, algorithm, select(own, only), select(signatures, only)),
        options,
      );
    },
    value: ({ valid }, index) => valid?.[index] === 1,
  });
}

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
      const own = pack(piece, first);
      return sessions.run(
        'digestMany',
        piece.length,
        ({ raw, session }, only) => {
          const { data, offsets } = select(own, only);
          return raw.digestMany(session, mechanism, data, offsets);
        },
        options,
      );
    },
  );
}

/** Two messages under one of these with the same IV give away what is in them. */
const NEVER_TWICE = ['AES-GCM', 'AES-CTR', 'AES_GCM', 'CKM_AES_GCM'];

export function cipherMany<M extends Messages<BytesLike>>(
  operation: 'encryptMany' | 'decryptMany',
  sessions: BatchSessions,
  algorithm: CipherInput,
  messages: M,
  options: BatchOptions = {},
): BatchOutcome<M, Ciphertext> {
  const each = typeof algorithm === 'function' ? algorithm : undefined;
  const one = typeof algorithm === 'function' ? undefined : algorithm;
  if (operation === 'encryptMany' && one !== undefined) {
    const name = nameOf(one);
    if (NEVER_TWICE.includes(name)) {
      throw new CryptokiError({
        code: 'ERR_CRYPTOKI_UNSUPPORTED',
        detail: `${name} must never use one IV for two messages: give encryptMany a function of the index that returns the algorithm with a new one`,
      });
    }
  }
  const common = one === undefined ? undefined : cipherMechanism(one);
  const pace = paceOf(sessions, operation, one ?? each);
  return bytesBatch(messages, options, sessions, pace, async (piece, first) => {
    const own = pack(piece, first);
    const algorithms =
      each === undefined ? [one as MechanismInput] : piece.map((_, index) => each(first + index));
    const mechanisms = common === undefined ? algorithms.map(cipherMechanism) : [common];
    const watched =
      operation === 'encryptMany'
        ? algorithms.map((input, i) => watchIv(input, mechanisms[i] as RawMechanism))
        : [];
    const raw = await sessions.run(
      operation,
      piece.length,
      async ({ raw: module, session, key, object }, only) => {
        // One for all messages, or one for each of those that are done now.
        const those = <T>(all: readonly T[]): readonly T[] =>
          only === undefined || common !== undefined ? all : only.map((index) => all[index] as T);
        const { data, offsets } = select(own, only);
        const theirs = those(mechanisms);
        if (object !== undefined) checkKeyTypes(operation, object, those(algorithms), theirs);
        const done = await module[operation](session, common ?? [...theirs], key, data, offsets);
        return operation === 'decryptMany' ? withWrong(done, theirs, offsets) : done;
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
  const kind = operation === 'encryptMany' ? 'Encrypt' : 'Decrypt';
  const keyType = key.identity.keyType;
  mechanisms.forEach(({ mechanism }, i) => {
    checkKeyType(kind, algorithms[i] as MechanismInput, mechanism, keyType);
  });
}

/** Modules say different things of ciphertexts that cannot be right, or nothing. */
function withWrong(raw: RawBatch, mechanisms: readonly RawMechanism[], offsets: Uint32Array): RawBatch {
  const failures = new Map(raw.failures.map(({ index, error }) => [index, error]));
  let isChanged = false;
  for (let index = 0; index < raw.count; index += 1) {
    const length = (offsets[index + 1] as number) - (offsets[index] as number);
    const wrong = wrongCiphertext((mechanisms[index] ?? mechanisms[0]) as RawMechanism, length);
    if (wrong === undefined) continue;
    failures.set(index, wrong);
    isChanged = true;
  }
  if (!isChanged) return raw;
  const sorted = [...failures].sort(([a], [b]) => a - b);
  return { ...raw, failures: sorted.map(([index, error]) => ({ index, error })) };
}

/** IVs that the module has made, by message of the piece. */
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
