import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModuleOptions, TokenSelector } from 'cryptoki';
import type { Expectations } from '../expectations/expectations';

/** A started module: its path and its credentials. */
export interface Started {
  /** Path of the library. */
  readonly path: string;
  readonly options?: ModuleOptions;
  readonly selector: TokenSelector;
  /** Undefined for a token without login. */
  readonly pin: string | undefined;
  /** Undefined if the security officer cannot log in. */
  readonly soPin: string | undefined;
  /** Stops the processes that were started and removes their files. */
  stop(): Promise<void>;
}

/** One real module that the contract suite tests. */
export interface ContractModule {
  readonly name: string;
  /** Reason why the module cannot be started on this machine; undefined if it can. */
  readonly whyNot: string | undefined;
  /** True if the tests fail in continuous integration without it. In all other cases a missing module is skipped by name. */
  readonly alwaysInCi?: true;
  readonly expectations: Expectations;
  start(): Promise<Started>;
}

/** Returns true if the tests fail without the module: under CI (CI systems and .ci/run set CI) on Linux, where all are available. */
export function isRequired(its: ContractModule): boolean {
  return its.alwaysInCi === true && process.platform === 'linux' && /^(1|true)$/.test(process.env.CI ?? '');
}

/** A process that the module needs did not start on this machine. Faults of the module itself are other errors. */
export class NotStarted extends Error {}

/** Finds a file below /usr/lib, with or without the directory of the architecture. */
export function library(...names: string[]): string | undefined {
  if (!existsSync('/usr/lib')) return undefined;
  const triplets = readdirSync('/usr/lib').filter((folder) => folder.endsWith('-linux-gnu'));
  const folders = ['/usr/lib', ...triplets.map((folder) => join('/usr/lib', folder)), '/usr/lib64'];
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** Finds a program in the usual directories, because a user's PATH may lack sbin. */
export function program(name: string): string | undefined {
  return ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin']
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** Creates a private directory with a short name: paths of sockets are limited to 107 bytes. */
export function privateDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ck-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a daemon that ends with this process, even if this process ends before it stops the daemon. */
export function start(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, { stdio: 'ignore', ...options });
  process.once('exit', () => child.kill());
  return child;
}
