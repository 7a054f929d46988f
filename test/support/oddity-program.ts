import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createSoftToken, FaultModule, type FaultRule, type Oddity, planText } from 'cryptoki/testing';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..', '..');

/** Reason why the program cannot be used: it needs POSIX, and it does not contain the runtime of a sanitizer. */
export const isUnusable = process.platform === 'win32' || (process.env.LD_PRELOAD ?? '').includes('san');

/** A program without Node.js that calls a module with oddities: test/native/oddities. */
export interface OddityProgram {
  /** Runs a probe with a plan and returns its output lines. */
  run(plan: readonly FaultRule[], probe: string, ...args: string[]): Promise<string[]>;
  /** Runs a probe with one oddity in all functions to which it applies, or with none. */
  probe(oddity: Oddity | undefined, probe: string, ...args: string[]): Promise<string[]>;
  /** Runs a probe that is expected to crash or hang: returns the signal, also that of the time limit, and stderr. */
  fails(oddity: Oddity, probe: string, ...args: string[]): Promise<{ signal: string | null; errors: string }>;
  /** Removes the program and its token. */
  close(): Promise<void>;
}

/** Compiles the program, with a SoftHSM2 token for it. @param flags more flags of the compiler */
export async function compileOddityProgram(...flags: string[]): Promise<OddityProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'cryptoki-oddities-'));
  const program = join(folder, 'oddity_program');
  const sources = join(root, 'test', 'native', 'oddities');
  const files = readdirSync(sources).filter((name) => name.endsWith('.cc'));
  await run(process.env.CXX ?? 'c++', [
    ...['-std=c++20', '-O1', `-I${join(root, 'binding')}`, '-pthread', ...flags, '-o', program],
    ...files.map((name) => join(sources, name)),
    ...(process.platform === 'linux' ? ['-ldl'] : []),
  ]);
  const token = await createSoftToken({ module: await ensureSoftHSM() });
  const hsm = await FaultModule.create({ module: token.module });
  const start = (plan: readonly FaultRule[], args: string[], timeout = 20_000) =>
    run(program, [hsm.path, ...args], {
      timeout,
      env: {
        ...process.env,
        ...token.environment,
        CRYPTOKI_FAULT_MODULE: token.module,
        CRYPTOKI_FAULT_PLAN: planText(plan),
        PROBE_PIN: token.pin,
      },
    });
  const started = async (plan: readonly FaultRule[], args: string[]) =>
    (await start(plan, args)).stdout.trimEnd().split('\n');
  const only = (oddity: Oddity | undefined): FaultRule[] =>
    oddity === undefined ? [] : [{ function: '*', oddity }];
  return {
    run: (plan, ...args) => started(plan, args),
    probe: (oddity, ...args) => started(only(oddity), args),
    fails: (oddity, ...args) =>
      start(only(oddity), args, 3_000).then(
        () => Promise.reject(new Error('the program ended well')),
        (error: { signal: string | null; stderr: string }) => ({
          signal: error.signal,
          errors: error.stderr,
        }),
      ),
    close: async () => {
      await hsm[Symbol.asyncDispose]();
      token.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
