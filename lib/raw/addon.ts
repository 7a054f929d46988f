import { isMainThread } from 'node:worker_threads';
import { refusedArgument } from '../core/argument-errors';
import { CryptokiError, type CryptokiErrorInit, type OwnCode, ownError } from '../core/errors';
import { mainProcess } from '../core/realms';
import { addonPath, describePlatform, loadAddonFile, usesMusl } from './addon-file';
import type { LoadOptions } from './options';
import type { RawModule } from './raw-module';
import { takeResult, useResultMemory } from './short-results';
import { useStateMemory } from './state-version';

/** The exports of the native addon. */
export interface Native {
  /** @returns memory for short results (short-results.ts) and the state version (state-version.ts); undefined without shared memory */
  setup(options: { isMainThread: boolean; functions: RealmFunctions }): Uint8Array | undefined;
  /** Passes the exit code of the process to native code, when the process ends. */
  exiting(code: number): void;
  /** The parameter structures. The index of a structure is part of a mechanism in flat form (flat-mechanism.ts). */
  structures(): { readonly name: string; readonly fields: readonly string[] }[];
  /** Returns the name of the parameter structure of a mechanism. */
  parameterName(mechanism: number): string | undefined;
  /** Returns true if the mechanism makes MACs. */
  isMac(mechanism: number): boolean;
  registerAttribute(type: number, kind: string, name: string): void;
  /** The PINs that tokens have refused, for all threads of the process; see lib/model/login/pin-guard.ts. */
  readonly lockout: {
    secret(candidate: Uint8Array): Buffer;
    has(account: string, digest: string): boolean;
    add(account: string, digest: string): void;
    delete(account: string, digest: string): void;
    deleteAll(prefix: string): void;
  };
  load(path: string, options?: LoadOptions): Promise<RawModule>;
  loadSync(path: string, options?: LoadOptions): RawModule;
}

/** Functions with which native code creates errors, dates and Buffers of this realm, because the program tests for its classes. */
export interface RealmFunctions {
  createError(code?: OwnCode, rv?: number | bigint, name?: string, detail?: string): CryptokiError;
  createArgumentError(isRange: boolean, message: string): Error;
  createDate(iso: string): Date;
  takeResult(length: number): Buffer;
}

function loadAddon(): Native {
  const file = addonPath();
  try {
    return loadAddonFile(file);
  } catch (cause) {
    throw ownError(
      'ERR_CRYPTOKI_NO_ADDON',
      `the native addon ${file} cannot be loaded (${describePlatform()}, Node ${process.versions.node}). ` +
        'Build it from source with "npx cryptoki-build" (needs CMake and a C++20 compiler)',
      { cause },
    );
  }
}

/** The addon of this environment. */
export const native: Native = loadAddon();

/**
 * The functions for native code, which holds them weakly, so that a realm can be collected. So each object on which a call can
 * begin must hold them: this module and the prototypes of sync-fast-path.ts do.
 */
export const realmFunctions: RealmFunctions = {
  createError: (code, rv, name, detail) => {
    const init: CryptokiErrorInit = { code, rv, function: name, detail };
    return new CryptokiError(init);
  },
  createArgumentError: refusedArgument,
  createDate: (iso) => new Date(iso),
  takeResult,
};

const sharedMemory = native.setup({ isMainThread, functions: realmFunctions });
if (sharedMemory !== undefined) useResultMemory(useStateMemory(sharedMemory));

// glibc passes the exit code to exit handlers; other C libraries do not.
const isGlibc = process.platform === 'linux' && !usesMusl();
if (isMainThread && !isGlibc) mainProcess.once('exit', (code) => native.exiting(code));
