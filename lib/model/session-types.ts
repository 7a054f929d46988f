import type { StateName } from '../generated/session-states';

/** The options of Token.openSession. */
export interface SessionOptions {
  /** True to allow token objects to be created, changed and destroyed. Default false. */
  readonly readWrite?: boolean | undefined;
}

/** One of the five states of a session (CKS_, without the prefix), or 'CLOSED'; see docs/sessions.md. */
export type SessionState = StateName | 'CLOSED';

/** The events of a {@link Session}. */
export interface SessionEvents {
  state: [state: SessionState, previous: SessionState];
}

/** A user who can log in. */
export type User = 'USER' | 'SO';

/** The result of C_GetSessionInfo. */
export interface SessionInfo {
  readonly slot: bigint;
  readonly state: SessionState;
  readonly readWrite: boolean;
  /** The vendor's own error code; 0 for none. */
  readonly deviceError: number | undefined;
}
