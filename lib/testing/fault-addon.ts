import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CryptokiError } from '../raw'; // also chooses the C library for node-gyp-build
import type { FaultCounters, Violation } from './fault-counters';

/** The exports of a copy of the fault module. */
export interface FaultAddon {
  useModule(path: string, environment: Readonly<Record<string, string>>): void;
  setVariable(name: string, value: string): void;
  setPlan(text: string): void;
  clearPlan(): void;
  resetCounters(): void;
  release(): number;
  removeToken(slot: bigint | undefined, milliseconds: number): void;
  insertToken(slot: bigint | undefined): void;
  loseSessions(slot: bigint | undefined): void;
  loseDevice(): void;
  logout(slot: bigint | undefined): void;
  counters(): FaultCounters;
  violations(): Violation[];
}

/** The file of the fault module as it is installed: beside the addon that is in use, in the folder `fault`. */
export function faultAddonPath(): string {
  const own = process.env.CRYPTOKI_ADDON;
  const addon =
    own !== undefined && own !== ''
      ? own
      : (require('node-gyp-build') as { resolve(folder: string): string }).resolve(
          join(__dirname, '..', '..'),
        );
  const path = join(dirname(addon), 'fault', basename(addon).replace(/^cryptoki/, 'cryptoki_fault'));
  if (existsSync(path)) return path;
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_NO_ADDON',
    detail: `there is no fault module at ${path}; build it from source with "npx cryptoki-build"`,
  });
}

/** Loads a copy of the fault module as an addon. */
export function loadFaultAddon(path: string): FaultAddon {
  return require(path) as FaultAddon;
}
