import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { CryptokiError, type CryptokiErrorInit, type OwnCode } from '../core/errors';
import type { LoadOptions } from './options';
import type { RawModule } from './raw-module';
import { candidate, takeResult, useMemory } from './short-results';

/** The exports of the native addon. */
export interface Native {
  setup(options: {
    createError: (code?: OwnCode, rv?: number | bigint, name?: string, detail?: string) => CryptokiError;
    isMainThread: boolean;
    /** Memory for short results; see results.ts. */
    crossing: Uint8Array | undefined;
    takeResult: (length: number) => Buffer;
  }): Uint8Array | undefined;
  /** What the process ends with. */
  exiting(code: number): void;
  /** The parameter structures, in an order of their own, which counts in brief.ts. */
  structures(): { readonly name: string; readonly fields: readonly string[] }[];
  /** That of a mechanism. */
  parameterName(mechanism: number): string | undefined;
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

/** Loads build/Release/cryptoki.node if there is one, else the prebuild that fits. */
function loadAddon(): Native {
  const own = process.env.CRYPTOKI_ADDON; // another build of the addon: sanitizers, debugging
  if (process.platform === 'linux' && process.env.LIBC === undefined && usesMusl()) process.env.LIBC = 'musl';
  try {
    if (own !== undefined && own !== '') return require(own) as Native;
    return (require('node-gyp-build') as (folder: string) => Native)(ROOT);
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

useMemory(
  native.setup({
    isMainThread,
    createError: (code, rv, name, detail) => {
      const init: CryptokiErrorInit = { code, rv, function: name, detail };
      return new CryptokiError(init);
    },
    crossing: candidate,
    takeResult,
  }),
);

// Elsewhere the C library tells exit handlers what the process ends with.
const isGlibc = process.platform === 'linux' && !usesMusl();
if (isMainThread && !isGlibc) process.once('exit', (code) => native.exiting(code));
