import { copyFileSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { outOfRange, refusedArgument, wrongType, wrongValue } from '../core/argument-errors';
import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireObject,
  requireOptions,
  requireString,
} from '../core/arguments';
import { CryptokiError, type OwnCode, ownError } from '../core/errors';
import { asyncDispose } from '../core/realms';
import { type FaultAddon, faultAddonPath, loadFaultAddon } from './fault-addon';
import type { FaultCounters, Violation } from './fault-counters';
import { type FaultRule, planText } from './fault-plan';

/** The options of {@link FaultModule.create}. */
export interface FaultModuleOptions {
  /** Path of the real module. */
  readonly module: string;
  /**
   * True to copy the real module too, so that this FaultModule alone uses the copy. Otherwise two FaultModules over one library
   * share one C_Initialize. Not for modules that need other files in their folder (NSS).
   */
  readonly copyModule?: boolean | undefined;
  /** The plan. Without one, all calls are passed on. */
  readonly plan?: readonly FaultRule[] | undefined;
  /**
   * Variables that are set in the environment of the process at each initialisation of the real module, in any thread, for
   * example {@link SoftToken.environment}.
   */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

const OPTIONS = ['module', 'copyModule', 'plan', 'environment'] as const;

/** A longer removal would be a mistake in a test: a day. */
const MAX_REMOVAL_MS = 86_400_000;

/** Converts the identifier of a slot to the form that the addon accepts. */
function slotNumber(slot: number | bigint | undefined): bigint | undefined {
  if (slot === undefined || typeof slot === 'bigint') return slot;
  if (typeof slot !== 'number') throw wrongType('slot', 'the identifier of a slot (number or bigint)', slot);
  requireInteger(slot, 'slot');
  return BigInt(slot);
}

/** Checks a time in milliseconds, which may have a fraction. */
function requireMilliseconds(value: unknown, name: string, max: number): asserts value is number {
  if (typeof value !== 'number') throw wrongType(name, 'a number of milliseconds', value);
  if (value >= 0 && value <= max) return;
  const limits = max === Number.POSITIVE_INFINITY ? 'of at least 0' : `from 0 to ${max}`;
  throw outOfRange(name, `a number ${limits} milliseconds`, value);
}

/** Runs an action of the addon, and converts its errors to those of the package. */
function converting<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code, rv, message } = error as Error & { code?: string; rv?: number };
    if (code === 'ERR_OUT_OF_RANGE') throw refusedArgument(true, message);
    if (code === 'ERR_INVALID_ARG_VALUE') throw wrongValue(message);
    if (rv !== undefined) throw new CryptokiError({ rv, function: 'C_GetSlotList' });
    if (code?.startsWith('ERR_CRYPTOKI_')) throw ownError(code as OwnCode, message);
    throw error;
  }
}

/**
 * A PKCS#11 module that wraps a real one and injects faults according to a plan: errors, delays, lost sessions, removed tokens.
 * Open its {@link path} with `Module.open`, `load` or any other program, and test its reaction.
 *
 * ```ts
 * await using token = await createSoftToken();
 * await using hsm = await FaultModule.create({ module: token.module, environment: token.environment });
 * await using module = await Module.open(hsm.path);
 * hsm.plan([{ function: 'C_Sign', nth: 3, return: 'CKR_DEVICE_ERROR' }]);
 * ```
 *
 * Each FaultModule is a copy of the library, so it is independent of others in the process. Its methods take effect at once, for
 * the calls of all threads.
 */
export class FaultModule implements AsyncDisposable {
  /** Path of the library, for use as PKCS#11 module. */
  readonly path: string;
  readonly #addon: FaultAddon;
  readonly #directory: string | undefined;

  private constructor(path: string, directory: string | undefined) {
    this.path = path;
    this.#addon = loadFaultAddon(path);
    this.#directory = directory;
  }

  /**
   * Creates a FaultModule, and loads its real module.
   * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD, ERR_CRYPTOKI_MODULE_NOT_PKCS11 of the real module;
   *   ERR_CRYPTOKI_NO_ADDON when the fault module itself is not built; TypeError and RangeError for wrong options
   *   and rules, as in {@link plan}
   */
  static async create(options: FaultModuleOptions): Promise<FaultModule> {
    requireOptions(options, 'the options of FaultModule.create', OPTIONS);
    const { module, copyModule = false, environment } = options;
    requireString(module, 'module');
    requireBoolean(copyModule, 'copyModule');
    if (environment !== undefined) requireObject(environment, 'environment');
    const directory = mkdtempSync(join(realpathSync(tmpdir()), 'cryptoki-fault-'));
    try {
      const path = join(directory, 'cryptoki_fault.node');
      copyFileSync(faultAddonPath(), path);
      let realPath = module;
      if (copyModule) {
        realPath = join(directory, basename(module));
        copyFileSync(resolve(module), realPath);
      }
      const fault = new FaultModule(path, directory);
      converting(() => fault.#addon.useModule(realPath, environment ?? {}));
      if (options.plan !== undefined) fault.plan(options.plan);
      return fault;
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Returns the FaultModule that {@link create} has created at this path, for worker threads, which share it. */
  static attach(path: string): FaultModule {
    return new FaultModule(path, undefined);
  }

  /**
   * Replaces the plan. Calls in flight continue under the old one. The counters of rules start at 0.
   * @throws TypeError ERR_INVALID_ARG_TYPE; TypeError ERR_INVALID_ARG_VALUE for an unknown name or a rule that can never act;
   *   RangeError ERR_OUT_OF_RANGE for a number
   */
  plan(rules: readonly FaultRule[]): void {
    const text = planText(rules);
    converting(() => this.#addon.setPlan(text));
  }

  /** Ends the plan: calls are passed on, and those that hang continue. Removed tokens stay removed. */
  clear(): void {
    this.#addon.clearPlan();
    this.#addon.release();
  }

  /** Continues the calls that hang. @returns their number */
  release(): number {
    return this.#addon.release();
  }

  /**
   * Removes the token from a slot, or the tokens from all slots. Its sessions are lost, calls in flight on it return
   * CKR_DEVICE_REMOVED, and a slot event occurs (C_WaitForSlotEvent, PKCS#11 3.1, section 5.5.4).
   * @param options.for milliseconds until it is inserted again; default: until {@link insertToken}
   * @throws CKR_CRYPTOKI_NOT_INITIALIZED without a slot, when the real module cannot list its slots
   */
  removeToken(options: { slot?: number | bigint | undefined; for?: number | undefined } = {}): void {
    requireOptions(options, 'the options of removeToken', ['slot', 'for']);
    const milliseconds = options.for ?? 0;
    requireMilliseconds(milliseconds, 'for', MAX_REMOVAL_MS);
    const slot = slotNumber(options.slot);
    converting(() => this.#addon.removeToken(slot, milliseconds));
  }

  /** Inserts the token that was removed from this slot, or all removed tokens. Slot events occur. */
  insertToken(slot?: number | bigint): void {
    this.#addon.insertToken(slotNumber(slot));
  }

  /** Ends all sessions, or those on one slot. Calls in flight on them return CKR_SESSION_CLOSED. */
  loseSessions(slot?: number | bigint): void {
    this.#addon.loseSessions(slotNumber(slot));
  }

  /** Simulates the loss of the device: all calls return CKR_DEVICE_ERROR until C_Finalize and C_Initialize. */
  loseDevice(): void {
    this.#addon.loseDevice();
  }

  /** Logs out without a call of the program, on one slot or on all with open sessions. */
  logout(slot?: number | bigint): void {
    this.#addon.logout(slotNumber(slot));
  }

  /** Returns the current counters. */
  counters(): FaultCounters {
    return this.#addon.counters();
  }

  /** Sets the counters of calls, the maxima and the violations to 0. Counters of rules and ordinals of sessions continue. */
  resetCounters(): void {
    this.#addon.resetCounters();
  }

  /** The first 1,000 violations of rules for all programs. A test should expect none. */
  get violations(): readonly Violation[] {
    return this.#addon.violations();
  }

  /**
   * Waits until the counters fulfil a condition, for example until a call hangs.
   * @param options.timeout milliseconds; default 10,000
   * @throws ERR_CRYPTOKI_TIMEOUT with the last counters; TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE
   */
  async until(
    condition: (counters: FaultCounters) => boolean,
    options: { timeout?: number } = {},
  ): Promise<FaultCounters> {
    requireFunction(condition, 'condition');
    requireOptions(options, 'the options of until', ['timeout']);
    const { timeout = 10_000 } = options;
    requireMilliseconds(timeout, 'timeout', Number.POSITIVE_INFINITY);
    const end = performance.now() + timeout;
    for (;;) {
      const counters = this.counters();
      if (condition(counters)) return counters;
      if (performance.now() > end) {
        throw ownError(
          'ERR_CRYPTOKI_TIMEOUT',
          `the condition was not fulfilled within ${timeout} ms; the counters are ${JSON.stringify(counters)}`,
        );
      }
      await wait(1);
    }
  }

  /**
   * Continues the calls that hang, and removes the files. Before, close the modules that were opened from {@link path}. The code
   * stays in memory until the process ends.
   */
  async [asyncDispose](): Promise<void> {
    this.clear();
    if (this.#directory !== undefined) removeDirectory(this.#directory);
  }
}

/** Removes a directory. On Windows the files of loaded libraries stay in the folder for temporary files. */
export function removeDirectory(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    if (process.platform !== 'win32') throw error;
  }
}
