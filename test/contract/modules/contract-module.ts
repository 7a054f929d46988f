import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModuleOptions, TokenSelector } from 'cryptoki';
import type { Expectations } from '../expectations/expectations';

/** A module that was started: where it is and how to get in. */
export interface Started {
  /** Path of the library. */
  readonly path: string;
  readonly options?: ModuleOptions;
  readonly selector: TokenSelector;
  /** Undefined for a token without login. */
  readonly pin: string | undefined;
  /** Undefined where nobody can log in as the security officer. */
  readonly soPin: string | undefined;
  /** Ends what was started and removes its files. */
  stop(): Promise<void>;
}

/** One real module under the contract. */
export interface ContractModule {
  readonly name: string;
  /** Why it cannot be started on this machine; undefined when it can. */
  readonly whyNot: string | undefined;
  /** Whether continuous integration fails without it; elsewhere, as all others, it is skipped by name. */
  readonly alwaysInCi?: true;
  readonly expectations: Expectations;
  start(): Promise<Started>;
}

/** Whether the tests fail without it. CI systems, and .ci/run, set CI; on other systems than Linux not all can be had. */
export function isRequired(its: ContractModule): boolean {
  return its.alwaysInCi === true && process.platform === 'linux' && /^(1|true)$/.test(process.env.CI ?? '');
}

/** A program beside the module did not come up on this machine; what the module itself does wrong is no such error. */
export class NotStarted extends Error {}

/** A file below /usr/lib, with or without the folder of the architecture. */
export function library(...names: string[]): string | undefined {
  if (!existsSync('/usr/lib')) return undefined;
  const triplets = readdirSync('/usr/lib').filter((folder) => folder.endsWith('-linux-gnu'));
  const folders = ['/usr/lib', ...triplets.map((folder) => join('/usr/lib', folder)), '/usr/lib64'];
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** A program in the usual places; PATH of a user may leave out sbin. */
export function program(name: string): string | undefined {
  return ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin']
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** A private directory; its name is short, since paths of sockets are limited to 107 bytes. */
export function privateDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ck-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a daemon that does not outlive this process, should it end before the daemon is stopped. */
export function start(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, { stdio: 'ignore', ...options });
  process.once('exit', () => child.kill());
  return child;
}
