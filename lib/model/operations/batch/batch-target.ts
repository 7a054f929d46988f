/** The sessions on which a batch runs. */
import type { RawModule } from '../../../raw';
import type { RawBatch } from '../../../raw/batches';
import type { ModelObject } from '../../model-types';
import type { BatchOptions } from './batch';

/** Where a piece of a batch is done. */
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

/** Sessions to do batches on. */
export interface BatchSessions {
  /** How many pieces may be under way at once. */
  readonly lanes: number;
  /** What stays from batch to batch: a client, a slot. What was learnt of an operation's pace is kept by it. */
  readonly owner: object;
  /**
   * @param messages how many there are in the piece
   * @param work does the messages with the indexes `only`, or all
   */
  run(
    operation: string,
    messages: number,
    work: (target: BatchTarget, only?: readonly number[]) => Promise<RawBatch>,
    options: BatchOptions,
  ): Promise<RawBatch>;
}
