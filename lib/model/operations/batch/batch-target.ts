/** The sessions on which a batch runs. */
import type { RawModule } from '../../../raw';
import type { RawBatch } from '../../../raw/batches';
import type { ModelObject } from '../../model-types';
import type { BatchOptions } from './batch';

/** The session and the key for a piece of a batch. */
export interface BatchTarget {
  readonly raw: RawModule;
  /** CK_SESSION_HANDLE */
  readonly session: bigint;
  /** CK_OBJECT_HANDLE; 0 for digests. */
  readonly key: bigint;
  /** The key itself, not for digests. */
  readonly object: ModelObject | undefined;
  /** The mechanisms of the token. */
  readonly available: ReadonlySet<number>;
}

/** The sessions of batches. */
export interface BatchSessions {
  /** The number of sessions that can work at the same time. */
  readonly concurrency: number;
  /** An object that exists longer than one batch: a client or a slot. The measured pace of operations belongs to it. */
  readonly owner: object;
  /**
   * Runs a piece of a batch.
   * @param messages the number of messages in the piece
   * @param work processes the messages with the indices `only`, or all
   */
  run(
    operation: string,
    messages: number,
    work: (target: BatchTarget, only?: readonly number[]) => Promise<RawBatch>,
    options: BatchOptions,
  ): Promise<RawBatch>;
}
