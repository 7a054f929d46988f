import type { StateName } from '../generated/session-states';

/** How a session is opened. */
export interface SessionOptions {
  /** Whether token objects can be created, changed and destroyed. Default false. */
  readonly readWrite?: boolean | undefined;
}

/** One of the five states of a session (CKS_, without the prefix), or 'CLOSED'; see docs/sessions.md. */
export type SessionState = StateName | 'CLOSED';

/** What a {@link Session} tells; see there. */
export interface SessionEvents {
  state: [state: SessionState, previous: SessionState];
}

/** Who logs in. */
export type User = 'USER' | 'SO';

/** C_GetSessionInfo. */
export interface SessionInfo {
  readonly slot: bigint;
  readonly state: SessionState;
  readonly readWrite: boolean;
  /** The vendor's own error code; 0 for none. */
  readonly deviceError: number | undefined;
}
