import { argumentError, requireOptions, requireOptionsObject } from '../../core/arguments';
import { requirePlain } from '../../core/selection';
import { copyPin } from '../../model/login/login';
import { type ConnectOptions, type ConnectTarget, toSettings } from '../connect-options';
import type { BreakerOptions } from './circuit-breaker';

/** Which member does an operation. */
export type GroupStrategy = 'roundRobin' | 'leastInFlight' | 'primary';

/** A token of a group with options of its own, which go before those for all. */
export interface GroupTarget extends ConnectOptions {
  /** As for connect(): a PKCS#11 URI, or { module, token }. */
  readonly target: string | ConnectTarget;
  /** What events, errors and statistics call it; default the token's label as the target has it, with a number if needed. */
  readonly name?: string | undefined;
}

/** How a group spreads its work. Options of connect() are for all members. Times are in milliseconds. */
export interface GroupOptions extends ConnectOptions {
  /**
   * 'roundRobin' (default): in turn, but for those that take at least 8 times as long as the quickest, and 50 ms longer: these get one
   * operation in a second, until they are quick again; 'leastInFlight': the one with the fewest operations at that moment; 'primary': the first
   * that is well, in the order given.
   */
  readonly strategy?: GroupStrategy | undefined;
  /** Whether connect() needs every member or, by default, any. Those that are missing are tried again in the background. */
  readonly require?: 'any' | 'all' | undefined;
  /** When a member is left alone, and for how long. */
  readonly breaker?:
    | {
        /** After so many failures in a row; default 3. */
        readonly failures?: number | undefined;
        /** For so long at first, then twice as long each time; default 1,000. */
        readonly openTime?: number | undefined;
        /** For so long at most; default 30,000. */
        readonly maxOpenTime?: number | undefined;
        /** How long a member may take to connect or to answer when it is tried again; default 5,000. */
        readonly probeTimeout?: number | undefined;
      }
    | undefined;
  /** How often a member that did not have a key is asked for it again; default 30,000. */
  readonly lookAgain?: number | undefined;
}

/** {@link GroupOptions} with all defaults, without those for the members. */
export interface GroupSettings {
  readonly strategy: GroupStrategy;
  readonly require: 'any' | 'all';
  readonly breaker: BreakerOptions;
  readonly probeTimeout: number;
  readonly lookAgain: number;
}

/** A member as it is to be connected. */
export interface MemberPlan {
  readonly name: string;
  readonly target: string | ConnectTarget;
  readonly options: ConnectOptions;
  /** How long its client may try to recover before other members do its work. */
  readonly patience: number;
}

const STRATEGIES: readonly GroupStrategy[] = ['roundRobin', 'leastInFlight', 'primary'];

/** How long a member's client tries to get back what it lost before others do its work, in milliseconds. */
const PATIENCE = 1_000;
/** How long a call in the module of a member may take, in milliseconds. */
const OPERATION_TIMEOUT = 10_000;

function time(value: number | undefined, name: string, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number') throw argumentError(TypeError, `${name} must be a number`);
  if (!(value >= 1)) throw argumentError(RangeError, `${name} must be 1 or more`);
  return value;
}

function oneOf<T extends string>(value: T | undefined, name: string, known: readonly T[]): T {
  const [first] = known;
  if (value === undefined) return first as T;
  if (known.includes(value)) return value;
  throw argumentError(TypeError, `${name} must be one of ${known.join(', ')}`);
}

/**
 * Parts the options of a group into its own and those of each member.
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE
 */
export function toGroupSettings(options: GroupOptions): { settings: GroupSettings; common: ConnectOptions } {
  requireOptionsObject(options, 'the options of connect');
  const { strategy, require, breaker = {}, lookAgain, ...common } = options;
  requireOptions(breaker, 'the options breaker', ['failures', 'openTime', 'maxOpenTime', 'probeTimeout']);
  const failures = time(breaker.failures, 'breaker.failures', 3);
  if (!Number.isInteger(failures)) throw argumentError(RangeError, 'breaker.failures must be a whole number');
  const openTime = time(breaker.openTime, 'breaker.openTime', 1_000);
  const settings = {
    strategy: oneOf(strategy, 'strategy', STRATEGIES),
    require: oneOf(require, 'require', ['any', 'all']),
    breaker: {
      failures,
      openTime,
      maxOpenTime: Math.max(time(breaker.maxOpenTime, 'breaker.maxOpenTime', 30_000), openTime),
    },
    probeTimeout: time(breaker.probeTimeout, 'breaker.probeTimeout', 5_000),
    lookAgain: time(lookAgain, 'lookAgain', 30_000),
  };
  return { settings, common };
}

/**
 * How each member is connected.
 * @param describe module and token label of a target, as far as it names them
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE, ERR_CRYPTOKI_URI
 */
export function toPlans(
  targets: readonly (string | ConnectTarget | GroupTarget)[],
  common: ConnectOptions,
  describe: (target: string | ConnectTarget) => { module: string; label: string | undefined },
): MemberPlan[] {
  if (targets.length === 0) throw argumentError(RangeError, 'a group needs at least one token');
  const given = targets.map((target) => {
    const { target: its, name, ...own } = asGroupTarget(target);
    if (name !== undefined && typeof name !== 'string')
      throw argumentError(TypeError, 'name must be a string');
    return { target: its, name, own, ...describe(its) };
  });
  const names = given.map(({ name, label }) => name ?? label ?? 'token');
  return given.map(({ target, own, module }, index) => {
    const name = names[index] as string;
    const isTaken = names.filter((other) => other === name).length > 1;
    // C_Finalize would end the sessions of the other members in the same module.
    const isAlone = given.filter((other) => other.module === module).length === 1;
    const options: ConnectOptions = {
      operationTimeout: OPERATION_TIMEOUT,
      ...common,
      ...own,
      recovery: { timeout: PATIENCE, reinitialise: isAlone, ...common.recovery, ...own.recovery },
    };
    const { pin } = options;
    const isFunction = pin === undefined || typeof pin === 'function';
    const patience = toSettings(options).recovery.timeout;
    return {
      name: isTaken ? `${name} #${index + 1}` : name,
      target,
      // A member that connects later needs the PIN then.
      options: isFunction ? options : { ...options, pin: copyPin(pin) },
      patience,
    };
  });
}

function asGroupTarget(target: string | ConnectTarget | GroupTarget): GroupTarget {
  if (typeof target === 'string') return { target };
  requirePlain(target, 'each member of a group');
  return 'target' in target ? target : { target };
}
