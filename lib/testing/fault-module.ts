import { copyFileSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { argumentError, requireObject, requireOptions } from '../core/arguments';
import { CryptokiError, type CryptokiErrorInit } from '../core/errors';
import { asyncDispose } from '../core/realms';
import { type FaultAddon, faultAddonPath, loadFaultAddon } from './fault-addon';
import type { FaultCounters, Violation } from './fault-counters';
import { type FaultRule, planText } from './fault-plan';

/** How a {@link FaultModule} is made. */
export interface FaultModuleOptions {
  /** Path of the real module. */
  readonly module: string;
  /**
   * Whether the real module is copied too, so that this FaultModule has it for itself: two FaultModules over one library
   * are otherwise two programs that share one C_Initialize. Not for modules that look for files beside their own (NSS).
   */
  readonly copyModule?: boolean | undefined;
  /** The plan; none lets all calls through. */
  readonly plan?: readonly FaultRule[] | undefined;
  /**
   * Variables to set in the environment of the process whenever the real module is initialised, from whichever thread:
   * {@link SoftToken.environment}, for example.
   */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

const OPTIONS = ['module', 'copyModule', 'plan', 'environment'] as const;

/** A slot's identifier as the addon takes it. */
function slotNumber(slot: number | bigint | undefined): bigint | undefined {
  if (slot === undefined || typeof slot === 'bigint') return slot;
  if (Number.isSafeInteger(slot) && slot >= 0) return BigInt(slot);
  throw argumentError(TypeError, 'slot must be the identifier of a slot (number or bigint)');
}

/** Errors of the addon, as those of the package. */
function translated<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code, rv, message } = error as Error & { code?: string; rv?: number };
    if (code === 'ERR_OUT_OF_RANGE') throw argumentError(RangeError, message);
    if (rv !== undefined) throw new CryptokiError({ rv, function: 'C_GetSlotList' });
    if (code?.startsWith('ERR_CRYPTOKI_')) {
      throw new CryptokiError({ code: code as NonNullable<CryptokiErrorInit['code']>, detail: message });
    }
    throw error;
  }
}

/**
 * A PKCS#11 module that wraps a real one and spoils calls by plan: errors, delays, lost sessions, removed tokens. Open its
 * {@link path} with `Module.open`, `load` or any other program, and see how that copes.
 *
 * ```ts
 * await using token = await createSoftToken();
 * await using hsm = await FaultModule.create({ module: token.module, environment: token.environment });
 * await using module = await Module.open(hsm.path);
 * hsm.plan([{ function: 'C_Sign', nth: 3, return: 'CKR_DEVICE_ERROR' }]);
 * ```
 *
 * Each FaultModule is a copy of the library and so independent of the others in the process. All of its methods act at
 * once on calls of all threads.
 */
export class FaultModule implements AsyncDisposable {
  /** Path of the library to use as PKCS#11 module. */
  readonly path: string;
  readonly #addon: FaultAddon;
  readonly #directory: string | undefined;

  private constructor(path: string, directory: string | undefined) {
    this.path = path;
    this.#addon = loadFaultAddon(path);
    this.#directory = directory;
  }

  /**
   * Makes a FaultModule over a real module, which is loaded.
   * @throws ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD, ERR_CRYPTOKI_MODULE_NOT_PKCS11 of the real module;
   *   ERR_CRYPTOKI_NO_ADDON when the fault module itself is not built; RangeError for a rule that cannot be
   */
  static async create(options: FaultModuleOptions): Promise<FaultModule> {
    requireOptions(options, 'the options of FaultModule.create', OPTIONS);
    if (typeof options.module !== 'string')
      throw argumentError(TypeError, 'module must be the path of a module');
    const { copyModule, environment } = options;
    if (copyModule !== undefined && typeof copyModule !== 'boolean')
      throw argumentError(TypeError, 'copyModule must be a boolean');
    if (environment !== undefined) requireObject(environment, 'environment');
    const directory = mkdtempSync(join(realpathSync(tmpdir()), 'cryptoki-fault-'));
    try {
      const path = join(directory, 'cryptoki_fault.node');
      copyFileSync(faultAddonPath(), path);
      let real = options.module;
      if (options.copyModule) {
        real = join(directory, basename(options.module));
        copyFileSync(resolve(options.module), real);
      }
      const made = new FaultModule(path, directory);
      translated(() => made.#addon.useModule(real, options.environment ?? {}));
      if (options.plan !== undefined) made.plan(options.plan);
      return made;
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** The FaultModule that {@link create} has made at this path: for worker threads, which share it. */
  static attach(path: string): FaultModule {
    return new FaultModule(path, undefined);
  }

  /**
   * Replaces the plan; calls in flight go on under the old one. Rules count anew.
   * @throws RangeError ERR_OUT_OF_RANGE, TypeError ERR_INVALID_ARG_TYPE for a rule that cannot be
   */
  plan(rules: readonly FaultRule[]): void {
    const text = planText(rules);
    translated(() => this.#addon.setPlan(text));
  }

  /** Ends the plan: calls are let through, and those that hang go on. Removed tokens stay removed. */
  clear(): void {
    this.#addon.clearPlan();
    this.#addon.release();
  }

  /** Lets the calls that hang go on. @returns how many they were */
  release(): number {
    return this.#addon.release();
  }

  /**
   * Removes the token from a slot, or from all slots. Its sessions are gone, calls in flight on it answer
   * CKR_DEVICE_REMOVED, and a slot event happens (C_WaitForSlotEvent, PKCS#11 3.1, section 5.5.4).
   * @param options.for milliseconds until it is back; without, until {@link insertToken}
   * @throws CKR_CRYPTOKI_NOT_INITIALIZED when no slot is named and the real module cannot say which there are
   */
  removeToken(options: { slot?: number | bigint | undefined; for?: number | undefined } = {}): void {
    requireOptions(options, 'the options of removeToken', ['slot', 'for']);
    const milliseconds = options.for ?? 0;
    if (!(milliseconds >= 0 && milliseconds <= 86_400_000)) {
      throw argumentError(RangeError, 'for must be from 0 to 86400000 milliseconds');
    }
    const slot = slotNumber(options.slot);
    translated(() => this.#addon.removeToken(slot, milliseconds));
  }

  /** Inserts the token that was removed from this slot, or all of them; slot events happen. */
  insertToken(slot?: number | bigint): void {
    this.#addon.insertToken(slotNumber(slot));
  }

  /** All sessions, or those on one slot, are gone. Calls in flight on them answer CKR_SESSION_CLOSED. */
  loseSessions(slot?: number | bigint): void {
    this.#addon.loseSessions(slotNumber(slot));
  }

  /** The device is gone: all answer CKR_DEVICE_ERROR until C_Finalize and C_Initialize. */
  loseDevice(): void {
    this.#addon.loseDevice();
  }

  /** C_Logout behind the program's back, on one slot or on all with open sessions. */
  logout(slot?: number | bigint): void {
    this.#addon.logout(slotNumber(slot));
  }

  /** What was seen so far. */
  counters(): FaultCounters {
    return this.#addon.counters();
  }

  /** Sets the counters of calls, the maxima and the violations to nothing. Rules and ordinals of sessions go on. */
  resetCounters(): void {
    this.#addon.resetCounters();
  }

  /** What the program did that no program may do: expect none. The first 1,000. */
  get violations(): readonly Violation[] {
    return this.#addon.violations();
  }

  /**
   * Waits until the counters are as wanted: until a call hangs, for example.
   * @param options.timeout milliseconds; 10,000 when left out
   * @throws ERR_CRYPTOKI_TIMEOUT with the counters as they were
   */
  async until(
    condition: (counters: FaultCounters) => boolean,
    options: { timeout?: number } = {},
  ): Promise<FaultCounters> {
    if (typeof condition !== 'function') throw argumentError(TypeError, 'condition must be a function');
    requireOptions(options, 'the options of until', ['timeout']);
    const { timeout = 10_000 } = options;
    if (typeof timeout !== 'number' || !(timeout >= 0)) {
      throw argumentError(RangeError, 'timeout must be a number of milliseconds');
    }
    const end = performance.now() + timeout;
    for (;;) {
      const counters = this.counters();
      if (condition(counters)) return counters;
      if (performance.now() > end) {
        const error = new Error(`the counters did not become as wanted in time: ${JSON.stringify(counters)}`);
        throw Object.assign(error, { code: 'ERR_CRYPTOKI_TIMEOUT' });
      }
      await wait(1);
    }
  }

  /**
   * Lets go of calls that hang and removes the files. Close the modules opened from {@link path} first; the code stays in
   * memory until the process ends.
   */
  async [asyncDispose](): Promise<void> {
    this.clear();
    if (this.#directory !== undefined) removeDirectory(this.#directory);
  }
}

/** Windows keeps the files of loaded libraries; they are in the folder for temporary files. */
export function removeDirectory(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    if (process.platform !== 'win32') throw error;
  }
}
