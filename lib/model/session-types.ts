import type { StateName } from '../generated/session-states';
import type { BytesLike } from '../raw/raw-module';

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

/** A PIN: bytes can be overwritten by the caller afterwards, a string stays in memory until it is collected. */
export type Pin = string | BytesLike;

/** C_GetSessionInfo. */
export interface SessionInfo {
  readonly slot: bigint;
  readonly state: SessionState;
  readonly readWrite: boolean;
  /** The vendor's own error code; 0 for none. */
  readonly deviceError: number | undefined;
}
