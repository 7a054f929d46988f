import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { argumentError } from '../core/arguments';
import { CryptokiError, type CryptokiErrorInit, type OwnCode } from '../core/errors';
import { mainProcess } from '../core/realms';
import type { LoadOptions } from './options';
import type { RawModule } from './raw-module';
import { takeResult, useResultMemory } from './short-results';
import { useStateMemory } from './state-version';

/** The exports of the native addon. */
export interface Native {
  /** @returns memory for short results (short-results.ts) and the state version (state-version.ts); undefined without shared memory */
  setup(options: { isMainThread: boolean; functions: RealmFunctions }): Uint8Array | undefined;
  /** What the process ends with. */
  exiting(code: number): void;
  /** The parameter structures, in an order of their own, which counts in brief.ts. */
  structures(): { readonly name: string; readonly fields: readonly string[] }[];
  /** That of a mechanism. */
  parameterName(mechanism: number): string | undefined;
  /** Whether a mechanism makes MACs. */
  isMac(mechanism: number): boolean;
  registerAttribute(type: number, kind: string, name: string): void;
  /** Which PINs tokens have refused, for all threads of the process; see lib/model/login/pin-guard.ts. */
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

/** Functions by which native code makes errors, dates and Buffers of this realm, whose classes the program knows. */
export interface RealmFunctions {
  createError(code?: OwnCode, rv?: number | bigint, name?: string, detail?: string): CryptokiError;
  createArgumentError(isRange: boolean, message: string): Error;
  createDate(iso: string): Date;
  takeResult(length: number): Buffer;
}

const ROOT = join(__dirname, '..', '..');

/** On Linux: whether this process runs on musl. node-gyp-build knows only Alpine by itself. */
function usesMusl(): boolean {
  try {
    return /\/ld-musl-/.test(readFileSync('/proc/self/maps', 'latin1'));
  } catch {
    return false;
  }
}

function describePlatform(): string {
  const libc = process.platform === 'linux' ? `, ${usesMusl() ? 'musl' : 'glibc'}` : '';
  return `${process.platform}, ${process.arch}${libc}`;
}

function available(): string {
  const folder = join(ROOT, 'prebuilds');
  const targets = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.node'))
    : [];
  return targets.length > 0 ? `prebuilt are: ${targets.join(', ')}` : 'the package holds no prebuilt addon';
}

/** In the exports of the addon, when a copy of this package uses them. */
const USED = Symbol.for('cryptoki.used');

/**
 * Exports of the addon for this copy of the package alone. `require` gives the same ones to each copy in the thread (each test
 * file of jest and each jest.resetModules() make one), but an error must be of the copy and the realm that made the call.
 */
function ownExports(file: string): Native {
  const shared = require(file) as Native & { [USED]?: boolean };
  if (shared[USED] !== true || typeof process.dlopen !== 'function') {
    Object.defineProperty(shared, USED, { value: true });
    return shared;
  }
  const own = { exports: {} as Native };
  process.dlopen(own, require.resolve(file));
  return own.exports;
}

/** Loads build/Release/cryptoki.node if there is one, else the prebuild that fits. */
function loadAddon(): Native {
  const own = process.env.CRYPTOKI_ADDON; // another build of the addon: sanitizers, debugging
  if (process.platform === 'linux' && process.env.LIBC === undefined && usesMusl()) process.env.LIBC = 'musl';
  try {
    if (own !== undefined && own !== '') return ownExports(own);
    return ownExports((require('node-gyp-build') as { resolve(folder: string): string }).resolve(ROOT));
  } catch (cause) {
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_NO_ADDON',
      detail:
        `no native addon loads on this system (${describePlatform()}, Node ${process.versions.node}); ${available()}. ` +
        'Build it from source with "npx cryptoki-build" (needs CMake and a C++20 compiler)',
      cause,
    });
  }
}

/** The addon, ready for use in this environment. */
export const native: Native = loadAddon();

/**
 * Native code holds them weakly, so that a realm can be collected: every object by which a call can begin has to hold them, as
 * this module and the prototypes of direct.ts do.
 */
export const realmFunctions: RealmFunctions = {
  createError: (code, rv, name, detail) => {
    const init: CryptokiErrorInit = { code, rv, function: name, detail };
    return new CryptokiError(init);
  },
  createArgumentError: (isRange, message) => argumentError(isRange ? RangeError : TypeError, message),
  createDate: (iso) => new Date(iso),
  takeResult,
};

const sharedMemory = native.setup({ isMainThread, functions: realmFunctions });
if (sharedMemory !== undefined) useResultMemory(useStateMemory(sharedMemory));

// Elsewhere the C library tells exit handlers what the process ends with.
const isGlibc = process.platform === 'linux' && !usesMusl();
if (isMainThread && !isGlibc) mainProcess.once('exit', (code) => native.exiting(code));
