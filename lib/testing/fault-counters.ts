import type { FunctionName } from './fault-plan';

/** What one rule of the plan has done. */
export interface RuleCounters {
  /** Calls that its functions and session fitted. */
  readonly matches: number;
  /** Those of them that were spoiled. */
  readonly injected: number;
}

/** What a {@link FaultModule} has seen. */
export interface FaultCounters {
  /** Calls by function; functions that were not called are absent. */
  readonly calls: Readonly<Partial<Record<FunctionName, number>>>;
  /** By rule, in the order of the plan. */
  readonly rules: readonly RuleCounters[];
  /** Sessions that are open in the real module. */
  readonly openSessions: number;
  /** Sessions that were opened, ever: the ordinal of the last one. */
  readonly openedSessions: number;
  /** Calls in flight, without C_WaitForSlotEvent. */
  readonly inFlight: number;
  /** How many calls were in flight at once at most. */
  readonly mostInFlight: number;
  /** Calls that wait because of a delay. */
  readonly delayed: number;
  /** How many calls waited because of a delay at once at most. */
  readonly mostDelayed: number;
  /** Calls that hang. */
  readonly hanging: number;
  /** Calls of C_WaitForSlotEvent in flight. */
  readonly waiting: number;
  /** How many violations there were; {@link FaultModule.violations} keeps the first 1,000. */
  readonly violations: number;
}

/**
 * What no program may do, whatever its token does. It is counted and not passed on to the real module, many of which
 * crash on it.
 *
 * - `overlapping-calls`: two calls at once on one session; the second answers CKR_OPERATION_ACTIVE
 * - `closed-session`: a session is used that the program itself has closed
 * - `close-during-call`: C_CloseSession or C_CloseAllSessions while a call is made on the session; CKR_FUNCTION_FAILED
 * - `call-during-finalize`: a call while C_Finalize runs; CKR_CRYPTOKI_NOT_INITIALIZED
 * - `finalize-during-call`: C_Finalize while calls are in flight, C_WaitForSlotEvent excepted; CKR_FUNCTION_FAILED
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
  /** What was under way. */
  readonly during?: FunctionName;
  /** Ordinal of the session, from 1. */
  readonly session?: number;
}
