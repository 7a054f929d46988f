import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ownError } from '../core/errors';
import { addonPath, loadAddonFile } from '../raw/addon-file';
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

/** Returns the path of the installed fault module: in the folder `fault` beside the addon that is in use. */
export function faultAddonPath(): string {
  const addon = addonPath();
  const path = join(dirname(addon), 'fault', basename(addon).replace(/^cryptoki/, 'cryptoki_fault'));
  if (existsSync(path)) return path;
  throw ownError(
    'ERR_CRYPTOKI_NO_ADDON',
    `the fault module ${path} does not exist; build it from source with "npx cryptoki-build"`,
  );
}

/** Loads a copy of the fault module as an addon. */
export function loadFaultAddon(path: string): FaultAddon {
  return loadAddonFile(path);
}
