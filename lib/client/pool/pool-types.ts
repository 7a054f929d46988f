import type { Session } from '../../model/session';

/** The limits of a pool. */
export interface PoolOptions {
  /** Limit of sessions, not counting the one that keeps the login; the token's own limit applies as well. */
  readonly max: number;
  /** Limit of operations that wait for a session. Those that share one do not wait. */
  readonly queue: number;
  /** Limit of the time that they wait, in milliseconds. */
  readonly timeout: number;
  /** Time without use, in milliseconds, after which a session is closed. */
  readonly idleTimeout: number;
  /** Limit of sessions that are replaced at the same time because their call hangs; default: the value of max. */
  readonly maxHung?: number;
}

/** The numbers of a pool. */
export interface PoolStatistics {
  /**
   * Open sessions: idle, lent, being closed, or kept for the session objects they own. The client has one more, which keeps the
   * login and is never lent, unless the token allows only one.
   */
  readonly open: number;
  readonly idle: number;
  readonly lent: number;
  readonly pinned: number;
  /** Lent sessions whose call has not ended within operationTimeout. Others replace them; they are closed when the call ends. */
  readonly hung: number;
  /** Operations that wait for a session at this moment, also for one that is being opened. */
  readonly waiting: number;
  /** The present limit, from the options, the token's information and its refusals. */
  readonly max: number;
  /**
   * Totals since connect(): sessions opened, closed, and given up because a call on them hung; operations that found all
   * sessions lent, and operations that were refused.
   */
  readonly opened: number;
  readonly closed: number;
  readonly givenUp: number;
  readonly waits: number;
  readonly refused: number;
}

/** A lent session. */
export interface Lease {
  readonly session: Session;
  /** Returns the session to the pool. Further calls do nothing. @param error the error of the work, if it failed */
  release(error?: unknown): void;
  /** Replaces the session by another one, because its call has not ended in time. It is closed when it is released. */
  giveUp(): void;
  /** True after {@link giveUp}: nobody waits for the result. */
  readonly isGivenUp: boolean;
  /** Keeps the session open for a session object that it owns, until the returned function is called. */
  pin(): () => void;
}

/** Work that shares a session with others of the same kind: whole operations, or pieces of batches. Each is one native call. */
export type Share = 'operation' | 'piece';
