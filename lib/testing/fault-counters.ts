import type { FunctionName } from './fault-plan';

/** The counters of a rule of the plan. */
export interface RuleCounters {
  /** Calls of its functions on its session. */
  readonly matches: number;
  /** Those of them on which the rule acted. */
  readonly injected: number;
}

/** The counters of a {@link FaultModule}. */
export interface FaultCounters {
  /** Number of calls by function; functions that were not called are absent. */
  readonly calls: Readonly<Partial<Record<FunctionName, number>>>;
  /** Counters by rule, in the order of the plan. */
  readonly rules: readonly RuleCounters[];
  /** Number of sessions that are open in the real module. */
  readonly openSessions: number;
  /** Number of sessions that were ever opened: the ordinal of the last one. */
  readonly openedSessions: number;
  /** Number of calls in flight, without C_WaitForSlotEvent. */
  readonly inFlight: number;
  /** Maximum of `inFlight`. */
  readonly mostInFlight: number;
  /** Number of calls that wait because of a delay. */
  readonly delayed: number;
  /** Maximum of `delayed`. */
  readonly mostDelayed: number;
  /** Number of calls that hang. */
  readonly hanging: number;
  /** Number of calls of C_WaitForSlotEvent in flight. */
  readonly waiting: number;
  /** Number of violations; {@link FaultModule.violations} has the first 1,000. */
  readonly violations: number;
}

/**
 * A call that no program may make, whatever its token does. The fault module counts it and does not pass it to the real module,
 * because many modules crash on it.
 *
 * - `overlapping-calls`: two concurrent calls on one session; the second returns CKR_OPERATION_ACTIVE
 * - `closed-session`: use of a session that the program has closed
 * - `close-during-call`: C_CloseSession or C_CloseAllSessions during a call on the session; returns CKR_FUNCTION_FAILED
 * - `call-during-finalize`: a call during C_Finalize; returns CKR_CRYPTOKI_NOT_INITIALIZED
 * - `finalize-during-call`: C_Finalize during other calls than C_WaitForSlotEvent; returns CKR_FUNCTION_FAILED
 */
export interface Violation {
  readonly kind:
    | 'overlapping-calls'
    | 'closed-session'
    | 'close-during-call'
    | 'call-during-finalize'
    | 'finalize-during-call';
  /** The call that broke the rule. */
  readonly function: FunctionName;
  /** The call that was in flight. */
  readonly during?: FunctionName;
  /** Ordinal of the session, from 1. */
  readonly session?: number;
}
