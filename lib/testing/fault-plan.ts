import { shown, wrongType, wrongValue } from '../core/argument-errors';
import { requireOptions } from '../core/arguments';
import type { CKR } from '../generated/constants';
import { ODDITIES as TABLE } from '../generated/oddities';
import type { RawModule } from '../raw';

/** A function of PKCS#11 by its name. */
export type FunctionName =
  | Exclude<Extract<keyof RawModule, `C_${string}`>, `${string}Sync`>
  | 'C_GetFunctionList';

/** A return value: a name of PKCS#11, or a number (vendors define their own). */
export type ReturnCode = `CKR_${Extract<keyof typeof CKR, string>}` | number;

/** The name of an oddity: one of {@link ODDITIES}. */
export type Oddity = keyof typeof TABLE;

/** The description of an oddity. */
export interface OddityDescription {
  /** The subject under which the documents list it. */
  readonly subject: string;
  /** The functions to which it applies; '*' as a rule's function means all of these. */
  readonly functions: readonly FunctionName[];
  /** The code that it returns by default; `return` of the rule replaces it. Absent if it returns none. */
  readonly code?: ReturnCode;
  /** The effect, in one line. */
  readonly does: string;
  /** The public report on which it is based; "no report: ..." if there is none. */
  readonly follows: string;
}

/**
 * The oddities for rules, by name: deviations of real modules from PKCS#11. docs/testing.md shows them as tables.
 */
export const ODDITIES: Readonly<Record<Oddity, OddityDescription>> = TABLE;

/**
 * The conditions for the calls on which a rule acts. All must be fulfilled; a rule without conditions acts on each call of its
 * functions. `nth`, `every`, `from` and `probability` count the calls of the functions on the session, from 1.
 */
export interface FaultConditions {
  /** The functions; '*' for all, or for all to which the rule's oddity applies. */
  readonly function: FunctionName | '*' | readonly FunctionName[];
  /** Calls on the session that was opened as the Nth through this module, counted from 1 and never reset. */
  readonly session?: number | undefined;
  /** Calls on the session with this handle. */
  readonly handle?: bigint | undefined;
  /** The Nth call only. */
  readonly nth?: number | undefined;
  /** Each Nth call. */
  readonly every?: number | undefined;
  /** Calls from the Nth on: `count` calls, or all. */
  readonly from?: number | undefined;
  /** The number of calls from `from` (or the first) on. */
  readonly count?: number | undefined;
  /** Each call with this probability (0 to 1), which depends on `seed` and the number of the call only. */
  readonly probability?: number | undefined;
  /** The seed for `probability`; default 0. */
  readonly seed?: number | undefined;
}

/**
 * The actions of a rule on a call, in this order. Several rules may act on one call: delays are added, and the first return code
 * is returned.
 */
export interface FaultActions {
  /** Waits before the call: milliseconds, also fractions. Holds no lock, so other sessions continue. */
  readonly delay?: number | undefined;
  /** Waits before the call until {@link FaultModule.release}. Not for synchronous calls, which nothing could release. */
  readonly hang?: boolean | undefined;
  /** Logs out on the token of the call (or on all tokens with sessions if the call has no token), before the call. */
  readonly logout?: boolean | undefined;
  /** Ends the session of the call: this call and later ones return CKR_SESSION_HANDLE_INVALID. */
  readonly loseSession?: boolean | undefined;
  /** Ends all sessions. Calls in flight on them return CKR_SESSION_CLOSED. */
  readonly loseSessions?: boolean | undefined;
  /**
   * Removes the token of the call (all tokens if the call has none), until it is inserted, or for a number of milliseconds. Calls
   * in flight on it return CKR_DEVICE_REMOVED, its sessions are lost, C_OpenSession and C_GetTokenInfo return
   * CKR_TOKEN_NOT_PRESENT, and a slot event occurs.
   */
  readonly removeToken?: boolean | number | undefined;
  /** Simulates the loss of the device: all calls return CKR_DEVICE_ERROR until C_Finalize and C_Initialize. */
  readonly loseDevice?: boolean | undefined;
  /**
   * A name of {@link ODDITIES}: the call deviates from PKCS#11 like a real module. The rule counts only calls on which the oddity
   * can act: queries of a length, or calls that fetch a result. Several oddities may act on one call, in the order of the list.
   * Some access memory outside that of the program, or end the process: use those in separate processes. Not with `grown`; with
   * `return` only if the oddity returns a code, which `return` replaces.
   */
  readonly oddity?: Oddity | undefined;
  /** Returns this code without a call of the real module. With `oddity` it is the code that the oddity returns. */
  readonly return?: ReturnCode | undefined;
  /**
   * A call that fetches bytes or attributes returns CKR_BUFFER_TOO_SMALL, as if the result were this number of bytes longer than
   * the buffer. The rule counts such calls only.
   */
  readonly grown?: number | undefined;
  /**
   * A query of the length of a result returns a length that differs by this number of bytes (or list elements). The rule counts
   * such calls only.
   */
  readonly size?: number | undefined;
  /** Inverts this bit of the bytes that the call returns. The rule counts calls that fetch bytes only. */
  readonly flipBit?: number | undefined;
  /** Waits after the call: milliseconds. */
  readonly delayAfter?: number | undefined;
  /** Makes the call, then returns this code: the program cannot detect that the call had an effect. */
  readonly callReturn?: ReturnCode | undefined;
}

/** A rule of a plan: conditions for calls, and actions on them. */
export interface FaultRule extends FaultConditions, FaultActions {}

/** The words of the text form (fault/plan.h). */
const WORDS: Readonly<Record<Exclude<keyof FaultRule, 'function'>, string>> = {
  session: 'session',
  handle: 'handle',
  nth: 'nth',
  every: 'every',
  from: 'from',
  count: 'count',
  probability: 'probability',
  seed: 'seed',
  delay: 'delay',
  hang: 'hang',
  logout: 'logout',
  loseSession: 'lose-session',
  loseSessions: 'lose-sessions',
  removeToken: 'remove-token',
  loseDevice: 'lose-device',
  return: 'return',
  grown: 'grown',
  size: 'size',
  flipBit: 'flip-bit',
  delayAfter: 'delay-after',
  callReturn: 'call-return',
  oddity: 'oddity',
};

/** Returns the text form of a value. Numbers have no exponent there. */
function valueText(value: unknown): string {
  const text = String(value);
  if (/\s/.test(text)) throw wrongValue(`a value of a rule must not contain white space: "${shown(text)}"`);
  return typeof value === 'number' && text.includes('e') ? value.toFixed(9) : text;
}

function functionText(value: FaultRule['function']): string {
  const names: unknown = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw wrongType('function of a rule', "a name of PKCS#11, an array of names, or '*'", value);
  }
  if (names.length === 0) throw wrongValue('function of a rule must not be an empty array');
  const wrongName = names.find((name) => !/^(\*|C_\w+)$/.test(name));
  if (wrongName === undefined) return names.join(',');
  throw wrongValue(`function of a rule must be a name of PKCS#11 or '*', not "${shown(wrongName)}"`);
}

function ruleText(rule: FaultRule): string {
  requireOptions(rule, 'a rule of the plan', ['function', ...Object.keys(WORDS)]);
  const words = Object.entries(WORDS).flatMap(([key, word]) => {
    const value: unknown = rule[key as keyof typeof WORDS];
    if (value === undefined || value === false) return [];
    return [value === true ? word : `${word}=${valueText(value)}`];
  });
  return [functionText(rule.function), ...words].join(' ');
}

/**
 * Returns the text form of a plan, for the variable CRYPTOKI_FAULT_PLAN of a program outside Node that uses the fault module: one
 * rule per line, the functions first.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function planText(rules: readonly FaultRule[]): string {
  if (!Array.isArray(rules)) throw wrongType('a plan', 'an array of rules', rules);
  return rules.map(ruleText).join('\n');
}
