import type { Session } from '../../model/session';

/** How sessions are shared. */
export interface PoolOptions {
  /** How many sessions at most, the one that keeps the login not counted; also bounded by the token's own limit. */
  readonly max: number;
  /** How many may wait for a session. Those who share one do not wait. */
  readonly queue: number;
  /** How long they wait, in milliseconds. */
  readonly timeout: number;
  /** After so many milliseconds without use a session is closed. */
  readonly idleTimeout: number;
  /** How many sessions that hang in a call are replaced at a time; default as many as max. */
  readonly maxHung?: number;
}

/** The numbers of a pool. */
export interface PoolStatistics {
  /**
   * Sessions that are open: idle, lent, being closed, or kept for the session objects they own. The client has one more, which
   * keeps the login and is never lent, unless the token allows only one.
   */
  readonly open: number;
  readonly idle: number;
  readonly lent: number;
  readonly pinned: number;
  /** Of those that are lent: in a call that has not ended within operationTimeout. Others take their place; they are closed when the call ends. */
  readonly hung: number;
  /** Who waits for a session at this moment, also for one that is being opened. */
  readonly waiting: number;
  /** The bound at this moment: what the options, the token's information and its refusals allow. */
  readonly max: number;
  /**
   * Since the beginning: sessions opened and closed, given up since a call on them hung, operations that found all sessions
   * lent, and those that were refused.
   */
  readonly opened: number;
  readonly closed: number;
  readonly givenUp: number;
  readonly waits: number;
  readonly refused: number;
}

/** A session, lent. */
export interface Lease {
  readonly session: Session;
  /** Gives it back; with the error of the work, when it failed. Further calls do nothing. */
  release(error?: unknown): void;
  /** It has not come back in time: another session takes its place. It is closed when it comes back. */
  giveUp(): void;
  /** Whether {@link giveUp} was called: nobody waits for the result. */
  readonly isGivenUp: boolean;
  /** Keeps the session open until the returned function is called: it owns a session object. */
  pin(): () => void;
}

/** Users that share a session with others of their kind: whole operations, or pieces of batches. Each is one native call. */
export type Share = 'operation' | 'piece';
