/** What batches do, whatever sessions they do it on. */
import { argumentError, isBytes, shown } from '../../../core/arguments';
import { CryptokiError } from '../../../core/errors';
import type { RawModule } from '../../../raw';
import type { RawBatch } from '../../../raw/batches';
import type { BytesLike } from '../../../raw/values';
import { cipherMechanism } from '../../mechanisms/cipher';
import { digestMechanism } from '../../mechanisms/digest';
import { type Algorithm, asMechanism, type MechanismInput } from '../../mechanisms/mechanism';
import { isOtherLength, prepareSignatures } from '../../mechanisms/signature';
import {
  type BatchOptions,
  type BatchWork,
  batchArray,
  batchIterable,
  checkBatchOptions,
  Pace,
} from './batch';
import type { BatchItem, BatchResults } from './batch-results';
import { copyOf, pack, unpack } from './packed-bytes';

/** Where a piece of a batch is done. */
export interface BatchTarget {
  readonly raw: RawModule;
  /** CK_SESSION_HANDLE */
  readonly session: bigint;
  /** CK_OBJECT_HANDLE; 0 for digests. */
  readonly key: bigint;
  /** The mechanisms of the token. */
  readonly available: ReadonlySet<number>;
}

/** Sessions to do batches on. */
export interface BatchSessions {
  /** How many pieces may be under way at once. */
  readonly lanes: number;
  /** What stays from batch to batch: a client, a slot. What was learnt of an operation's pace is kept by it. */
  readonly owner: object;
  /** @param messages how many there are in the piece */
  run(
    operation: string,
    messages: number,
    work: (target: BatchTarget) => Promise<RawBatch>,
    options: BatchOptions,
  ): Promise<RawBatch>;
}

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
): BatchOutcome<M, Buffer> {
  return start<BytesLike, Buffer, M>(messages, options, {
    lanes,
    pace,
    size: sizeOf,
    piece: run,
    value: ({ data, offsets }, index) =>
      data === undefined || offsets === undefined ? Buffer.alloc(0) : copyOf({ data, offsets }, index),
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
        (target) => {
          const { mechanism, messages: packed, digest } = prepareSignatures(algorithm, target.available, own);
          return target.raw.signMany(
            ...([target.session, mechanism, target.key, packed.data, packed.offsets, digest] as const),
          );
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
        async (target) => {
          const plan = prepareSignatures(algorithm, target.available, own);
          const { data, offsets } = plan.messages;
          const raw = await target.raw.verifyMany(
            ...([target.session, plan.mechanism, target.key, data, offsets] as const),
            ...([signatures.data, signatures.offsets, plan.digest] as const),
          );
          const wrong = new Set<number>();
          for (let i = 0; i < piece.length; i += 1) {
            if (isOtherLength(unpack(signatures, i), plan.macLength)) wrong.add(i);
          }
          if (wrong.size === 0) return raw;
          for (const index of wrong) raw.valid?.fill(0, index, index + 1);
          return { ...raw, failures: raw.failures.filter(({ index }) => !wrong.has(index)) };
        },
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
      const { data, offsets } = pack(piece, first);
      return sessions.run(
        'digestMany',
        piece.length,
        ({ raw, session }) => {
          return raw.digestMany(session, mechanism, data, offsets);
        },
        options,
      );
    },
  );
}

/** Two messages under one of these with the same IV give away what is in them. */
const NEVER_TWICE = ['AES-GCM', 'AES-CTR'];

export function cipherMany<M extends Messages<BytesLike>>(
  operation: 'encryptMany' | 'decryptMany',
  sessions: BatchSessions,
  algorithm: CipherInput,
  messages: M,
  options: BatchOptions = {},
): BatchOutcome<M, Buffer> {
  const each = typeof algorithm === 'function' ? algorithm : undefined;
  const one = typeof algorithm === 'function' ? undefined : algorithm;
  if (operation === 'encryptMany' && one !== undefined && asMechanism(one) === undefined) {
    const name = typeof one === 'string' ? one : shown((one as { name?: unknown }).name);
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
    const { data, offsets } = pack(piece, first);
    const mechanism =
      common ??
      piece.map((_, index) => cipherMechanism((each as (index: number) => MechanismInput)(first + index)));
    return sessions.run(
      operation,
      piece.length,
      ({ raw, session, key }) => {
        return raw[operation](session, mechanism, key, data, offsets);
      },
      options,
    );
  });
}
