import { unknownName, wrongValue } from '../../core/argument-errors';
import { requireInteger, requireOptions, requireOptionsObject, requireString } from '../../core/arguments';
import { requirePlain } from '../../core/selection';
import { copyPin } from '../../model/login/login';
import { type ConnectOptions, type ConnectTarget, longTimeOf, toSettings } from '../connect-options';
import type { BreakerOptions } from './circuit-breaker';

/** The choice of the member for an operation. */
export type GroupStrategy = 'roundRobin' | 'leastInFlight' | 'primary';

/** A token of a group with its own options, which override those for all members. */
export interface GroupTarget extends ConnectOptions {
  /** As for connect(): a PKCS#11 URI, or { module, token }. */
  readonly target: string | ConnectTarget;
  /** Name in events, errors and statistics; default: the token's label in the target, with a number if it is not unique. */
  readonly name?: string | undefined;
}

/** Options of a group. Options of connect() apply to all members. Times are in milliseconds. */
export interface GroupOptions extends ConnectOptions {
  /**
   * The choice of the member for an operation. 'roundRobin' (default): in turn, except members that take at least 8 times as long
   * as the fastest one and 50 ms longer: such a member gets one operation per second until it is fast again. 'leastInFlight': the
   * member with the fewest operations in flight. 'primary': the first member that is well, in the order of the targets.
   */
  readonly strategy?: GroupStrategy | undefined;
  /** Members that connect() must reach: 'any' (default) or 'all'. The group tries missing ones again in the background. */
  readonly require?: 'any' | 'all' | undefined;
  /** Limits of the circuit breaker, which excludes a member after failures. */
  readonly breaker?:
    | {
        /** Number of successive failures after which a member is excluded; default 3. */
        readonly failures?: number | undefined;
        /** Time until the first trial of an excluded member, doubled after each failed trial; default 1,000. */
        readonly openTime?: number | undefined;
        /** Limit of the time between trials; default 30,000. */
        readonly maxOpenTime?: number | undefined;
        /** Limit of the time that a member takes to connect or to answer a trial; default 5,000. */
        readonly probeTimeout?: number | undefined;
      }
    | undefined;
  /** Time after which a key is searched again on a member that did not have it; default 30,000. */
  readonly retryMissingKeyAfter?: number | undefined;
}

/** {@link GroupOptions} with all defaults, without those for the members. */
export interface GroupSettings {
  readonly strategy: GroupStrategy;
  readonly require: 'any' | 'all';
  readonly breaker: BreakerOptions;
  readonly probeTimeout: number;
  readonly retryMissingKeyAfter: number;
}

/** The configuration of a member. */
export interface MemberConfig {
  readonly name: string;
  readonly target: string | ConnectTarget;
  readonly options: ConnectOptions;
  /** Time for a recovery of its client, in milliseconds, before other members do its work. */
  readonly recoveryLimit: number;
}

const STRATEGIES: readonly GroupStrategy[] = ['roundRobin', 'leastInFlight', 'primary'];

/** Default of recovery.timeout in a group, so that other members take over soon. */
const RECOVERY_LIMIT_MS = 1_000;
/** Default of operationTimeout in a group, so that a call that hangs is detected. */
const OPERATION_TIMEOUT_MS = 10_000;

function timeOf(value: number | undefined, name: string, fallback: number): number {
  return longTimeOf(value, name, fallback, 1);
}

/** Returns an option that is one of several names; by default the first. */
function nameOf<T extends string>(value: T | undefined, option: string, known: readonly T[]): T {
  if (value === undefined) return known[0] as T;
  requireString(value, option);
  if (!known.includes(value)) throw unknownName(`value of ${option}`, value, known);
  return value;
}

/**
 * Separates the options of a group from those of its members.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE
 */
export function toGroupSettings(options: GroupOptions): { settings: GroupSettings; common: ConnectOptions } {
  requireOptionsObject(options, 'the options of connect');
  const { strategy, require, breaker = {}, retryMissingKeyAfter, ...common } = options;
  requireOptions(breaker, 'the options breaker', ['failures', 'openTime', 'maxOpenTime', 'probeTimeout']);
  const { failures = 3 } = breaker;
  requireInteger(failures, 'breaker.failures', { min: 1 });
  const openTime = timeOf(breaker.openTime, 'breaker.openTime', 1_000);
  const settings = {
    strategy: nameOf(strategy, 'strategy', STRATEGIES),
    require: nameOf(require, 'require', ['any', 'all']),
    breaker: {
      failures,
      openTime,
      maxOpenTime: Math.max(timeOf(breaker.maxOpenTime, 'breaker.maxOpenTime', 30_000), openTime),
    },
    probeTimeout: timeOf(breaker.probeTimeout, 'breaker.probeTimeout', 5_000),
    retryMissingKeyAfter: timeOf(retryMissingKeyAfter, 'retryMissingKeyAfter', 30_000),
  };
  return { settings, common };
}

/**
 * Returns the configurations of the members of a group.
 * @param describe returns module and token label of a target, as far as it names them
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE, ERR_CRYPTOKI_URI
 */
export function toMemberConfigs(
  targets: readonly (string | ConnectTarget | GroupTarget)[],
  common: ConnectOptions,
  describe: (target: string | ConnectTarget) => { module: string; label: string | undefined },
): MemberConfig[] {
  if (targets.length === 0) throw wrongValue('the list of targets is empty; give a group at least one token');
  const members = targets.map((groupTarget) => {
    const { target, name, ...memberOptions } = asGroupTarget(groupTarget);
    if (name !== undefined) requireString(name, 'name');
    return { target, name, memberOptions, ...describe(target) };
  });
  const names = members.map(({ name, label }) => name ?? label ?? 'token');
  return members.map(({ target, memberOptions, module }, index) => {
    const name = names[index] as string;
    const isTaken = names.filter((other) => other === name).length > 1;
    // C_Finalize would end the sessions of the other members in the same module.
    const isAlone = members.filter((other) => other.module === module).length === 1;
    const options: ConnectOptions = {
      operationTimeout: OPERATION_TIMEOUT_MS,
      ...common,
      ...memberOptions,
      recovery: {
        timeout: RECOVERY_LIMIT_MS,
        reinitialise: isAlone,
        ...common.recovery,
        ...memberOptions.recovery,
      },
    };
    const { pin } = options;
    const isFunction = pin === undefined || typeof pin === 'function';
    const recoveryLimit = toSettings(options).recovery.timeout;
    return {
      name: isTaken ? `${name} #${index + 1}` : name,
      target,
      // A copy, because the group connects a missing member later.
      options: isFunction ? options : { ...options, pin: copyPin(pin) },
      recoveryLimit,
    };
  });
}

function asGroupTarget(target: string | ConnectTarget | GroupTarget): GroupTarget {
  if (typeof target === 'string') return { target };
  requirePlain(target, 'each target of a group');
  return 'target' in target ? target : { target };
}
