import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'cryptoki-fuzz-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly code: number | null;
  readonly output: string;
  /** Reads the journal of the target. */
  readonly journal: string;
}

/** Runs one target of the fuzzer. */
async function fuzz(target: string, ...options: string[]): Promise<Run> {
  const program = new URL('../fuzz/main.mjs', import.meta.url).pathname;
  const own = mkdtempSync(join(folder, 'run-'));
  const args = [program, '--plain', '--only', target, '--folder', own, '--seconds', '20', ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output, journal: readFileSync(join(own, `${target}.journal`), 'utf8') };
}

describe('the runner of the fuzzers', () => {
  test('exits with 0 after a target without failures and prints the calls by result', async () => {
    const { code, output } = await fuzz('planted-quiet', '--seed', '1', '--steps', '40');
    expect(code).toBe(0);
    expect(output).toContain('seed 1');
    expect(output).toMatch(/^planted +40 {2}ok 40$/m);
  });

  test('reports a failure with seed, step, the last calls and the command that repeats it', async () => {
    const { code, output } = await fuzz('planted-failure', '--seed', '7', '--steps', '40');
    expect(code).toBe(1);
    expect(output).toContain('FAILED planted-failure: planted failure, step 20');
    expect(output).toMatch(/^ {2}19\.1 planted\(\d+, [0-9a-f]{8}\)$/m);
    expect(output).toContain('npm run fuzz -- --seed 7 --only planted-failure --leg 0 --plain');
  });

  test.each([
    ['a crash', 'planted-abort', 'crash: SIGABRT'],
    ['a hang', 'planted-hang', 'hang'],
    ['a promise that is never settled', 'planted-unsettled', 'planted: promise never settled'],
    ['an unhandled rejection', 'planted-rejection', 'unhandled rejection'],
  ])('reports %s with the last calls', async (_, target, key) => {
    const { code, output } = await fuzz(target, '--seed', '7', '--steps', '25', '--patience', '2');
    expect(code).toBe(1);
    expect(output).toContain(`FAILED ${target}: ${key}`);
    expect(output).toMatch(/^ {2}20\.1 planted\(\d+, [0-9a-f]{8}\)$/m);
  });

  test('refuses an unknown target', async () => {
    const program = new URL('../fuzz/main.mjs', import.meta.url).pathname;
    const child = spawn(process.execPath, [program, '--plain', '--only', 'nothing']);
    let output = '';
    child.stderr.on('data', (text) => {
      output += text;
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(1);
    expect(output).toContain('no target "nothing"');
  });

  test('makes the same calls for the same seed and others for another seed', async () => {
    const [first, second, other] = await Promise.all(
      ['3', '3', '4'].map((seed) => fuzz('uri', '--seed', seed, '--steps', '40')),
    );
    expect(first?.journal.split('\n').length).toBeGreaterThan(120);
    expect(second?.journal).toBe(first?.journal);
    expect(other?.journal).not.toBe(first?.journal);
  });
});
