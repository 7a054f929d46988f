import { argumentError, requireOptions } from '../core/arguments';
import type { CKR } from '../generated/constants';
import { ODDITIES as TABLE } from '../generated/oddities';
import type { RawModule } from '../raw';

/** A function of PKCS#11 by its name. */
export type FunctionName =
  | Exclude<Extract<keyof RawModule, `C_${string}`>, `${string}Sync`>
  | 'C_GetFunctionList';

/** A return value: a name of PKCS#11, or a number (vendors have their own). */
export type ReturnCode = `CKR_${Extract<keyof typeof CKR, string>}` | number;

/** The name of an oddity: one of {@link ODDITIES}. */
export type Oddity = keyof typeof TABLE;

/** What is known of an oddity. */
export interface OddityDescription {
  /** The subject under which the documents list it. */
  readonly subject: string;
  /** The functions to which it applies; '*' as a rule's function means all of these. */
  readonly functions: readonly FunctionName[];
  /** The code that it returns where the rule's `return` does not choose another; absent where it returns none. */
  readonly code?: ReturnCode;
  /** What it does, in one line. */
  readonly does: string;
  /** The public report that it follows, or that there is none. */
  readonly follows: string;
}

/**
 * The oddities that a rule can ask for: deviations of real modules from PKCS#11, by name. docs/testing.md
 * shows it as tables.
 */
export const ODDITIES: Readonly<Record<Oddity, OddityDescription>> = TABLE;

/**
 * Which calls a rule spoils. All conditions must hold; a rule without conditions spoils each call of its functions.
 * `nth`, `every`, `from` and `probability` number the calls that the functions and the session fit, from 1.
 */
export interface FaultConditions {
  /** The functions; '*' for all, or for all to which the rule's oddity applies. */
  readonly function: FunctionName | '*' | readonly FunctionName[];
  /** Calls on the session that was opened as the Nth through this module, counted from 1 and never anew. */
  readonly session?: number | undefined;
  /** Calls on the session with this handle. */
  readonly handle?: bigint | undefined;
  /** The Nth call only. */
  readonly nth?: number | undefined;
  /** Each Nth call. */
  readonly every?: number | undefined;
  /** Calls from the Nth on; `count` of them, or all that follow. */
  readonly from?: number | undefined;
  /** How many calls from `from` (or the first) on. */
  readonly count?: number | undefined;
  /** Each call with this probability (0 to 1), decided by `seed` and the number of the call alone. */
  readonly probability?: number | undefined;
  /** For `probability`; 0 when left out. */
  readonly seed?: number | undefined;
}

/**
 * What a rule does to a call, in this order. Several rules may spoil one call: delays add up, the first return code
 * counts.
 */
export interface FaultActions {
  /** Waits before the call: milliseconds, fractions too. No lock is held, so other sessions go on. */
  readonly delay?: number | undefined;
  /** Waits before the call until {@link FaultModule.release}. Not for synchronous calls: nothing else could run then. */
  readonly hang?: boolean | undefined;
  /** Logs out on the token of the call (on all tokens with sessions when the call names none), before the call. */
  readonly logout?: boolean | undefined;
  /** The session of the call is gone: this call and later ones answer CKR_SESSION_HANDLE_INVALID. */
  readonly loseSession?: boolean | undefined;
  /** All sessions are gone. Calls in flight on them answer CKR_SESSION_CLOSED. */
  readonly loseSessions?: boolean | undefined;
  /**
   * The token of the call (all tokens when it names none) is removed: until it is inserted, or for some milliseconds.
   * Calls in flight on it answer CKR_DEVICE_REMOVED, its sessions are gone, C_OpenSession and C_GetTokenInfo answer
   * CKR_TOKEN_NOT_PRESENT, and a slot event happens.
   */
  readonly removeToken?: boolean | number | undefined;
  /** The device is gone: all answer CKR_DEVICE_ERROR until C_Finalize and C_Initialize. */
  readonly loseDevice?: boolean | undefined;
  /**
   * The call deviates from PKCS#11 as a real module does: a name of {@link ODDITIES}. The rule counts only calls on which
   * the oddity can act: those that ask for a length, or those that fetch. Several oddities may act on one call, in the
   * order of the list. Some write or read past the memory of the program, or end the process: use those in processes made
   * for that. Not with `grown`; with `return` only where the oddity returns a code, which this replaces.
   */
  readonly oddity?: Oddity | undefined;
  /** Answers this without a call of the real module; with `oddity` it is the code that the oddity returns. */
  readonly return?: ReturnCode | undefined;
  /**
   * A call that fetches bytes, or attributes, answers CKR_BUFFER_TOO_SMALL as if the answer had become this many bytes
   * longer than the buffer. The rule counts such calls only.
   */
  readonly grown?: number | undefined;
  /**
   * A call that asks for the length of its answer is given so many bytes (or list members) more, or fewer. The rule
   * counts such calls only.
   */
  readonly size?: number | undefined;
  /** Inverts this bit of the bytes that the call answers. The rule counts calls that fetch bytes only. */
  readonly flipBit?: number | undefined;
  /** Waits after the call: milliseconds. */
  readonly delayAfter?: number | undefined;
  /** Makes the call, then answers this: the program cannot know whether it happened. */
  readonly callReturn?: ReturnCode | undefined;
}

/** One rule of a plan: which calls, and what is done to them. */
export interface FaultRule extends FaultConditions, FaultActions {}

/** The words of the text form, which fault/plan.h describes. */
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

/** A number without an exponent, which the text form does not have; others as they are. */
function valueText(value: unknown): string {
  const text = String(value);
  if (/\s/.test(text)) throw argumentError(RangeError, `a rule cannot have the value "${text}"`);
  return typeof value === 'number' && text.includes('e') ? value.toFixed(9) : text;
}

function ruleText(rule: FaultRule): string {
  requireOptions(rule, 'a rule of the plan', ['function', ...Object.keys(WORDS)]);
  const names = typeof rule.function === 'string' ? [rule.function] : rule.function;
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => /^(\*|C_\w+)$/.test(name))) {
    throw argumentError(TypeError, "a rule's function must be a name of PKCS#11, several of them, or '*'");
  }
  const words = Object.entries(WORDS).flatMap(([key, word]) => {
    const value: unknown = rule[key as keyof typeof WORDS];
    if (value === undefined || value === false) return [];
    return [value === true ? word : `${word}=${valueText(value)}`];
  });
  return [names.join(','), ...words].join(' ');
}

/**
 * The text form of a plan, which CRYPTOKI_FAULT_PLAN takes where a program outside of Node uses the fault module: one
 * rule per line, the functions first.
 * @throws TypeError ERR_INVALID_ARG_TYPE for what is no rule
 */
export function planText(rules: readonly FaultRule[]): string {
  if (!Array.isArray(rules)) throw argumentError(TypeError, 'a plan must be an array of rules');
  return rules.map(ruleText).join('\n');
}
