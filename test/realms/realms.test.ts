import { type ExecFileException, execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import { binPath } from '../../scripts/tools.mjs';
import { ensureInstalled } from '../native-keys/support/install';

const root = resolve(import.meta.dirname, '..', '..');

let softhsm: string;
beforeAll(async () => {
  softhsm = await ensureSoftHSM();
});

/** Runs a program of Node in the project; it may fail. */
function run(...args: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const { VITEST: _, VITEST_POOL_ID: __, VITEST_WORKER_ID: ___, NODE_ENV: ____, ...env } = process.env;
  const options = { cwd: root, timeout: 120_000, env: { ...env, REALMS_SOFTHSM: softhsm } };
  return new Promise((done) => {
    execFile(process.execPath, ['--no-warnings', ...args], options, (error, stdout, stderr) => {
      const { code, signal } = (error ?? {}) as ExecFileException;
      done({ code: error === null ? 0 : (code ?? signal ?? 'unknown'), stdout, stderr });
    });
  });
}

interface Report {
  readonly numTotalTests: number;
  readonly testResults: {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: string[];
    }[];
  }[];
}

/** The failures in a report of jest or vitest (--json). */
function failures(report: Report): string[] {
  return report.testResults.flatMap(({ message, assertionResults }) => [
    ...(message === '' ? [] : [message]),
    ...assertionResults
      .filter(({ status }) => status !== 'passed')
      .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join()}`),
  ]);
}

function reportIn(output: { stdout: string; stderr: string }): Report {
  const line = output.stdout.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`no report: ${output.stdout}${output.stderr}`);
  return JSON.parse(line) as Report;
}

/** Files of the library, with what each line compares by `instanceof` to a class that each realm has one of. */
function comparisons(): string[] {
  const classes =
    'Promise|Error|TypeError|RangeError|ArrayBuffer|DataView|Date|AbortSignal|Map|Set|Array|Object';
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name.endsWith('.ts') && name !== join('core', 'realms.ts'))
    .flatMap((name) => {
      const text = readFileSync(join(root, 'lib', name), 'utf8');
      const found = text.match(new RegExp(`instanceof (${classes})\\b`, 'g')) ?? [];
      return found.map((comparison) => `${name}: ${comparison}`);
    });
}

test('the library uses lib/core/realms.ts for values that may belong to another realm', () => {
  expect(comparisons()).toEqual([]);
});

/** The number of checks in test/realms/checks.cjs and in copies.cjs. */
const CHECKS = 12;
const COPY_CHECKS = 4;

describe('a context of node:vm', () => {
  test.each([
    ['runs the package loaded as CommonJS', 'own', CHECKS],
    ['runs the package imported as ES modules', 'esm', CHECKS],
    ['gives values and callbacks to the package of the main realm', 'main', CHECKS],
    ['has copies of the package beside those of other realms and paths', 'copies', COPY_CHECKS],
    ['is collected with the package when it is given up', 'collected', 1],
  ])('%s', async (_, mode, count) => {
    const { code, stdout, stderr } = await run(
      ...['--expose-gc', '--experimental-vm-modules', join('test', 'realms', 'vm.cjs'), softhsm, mode],
    );
    const outcomes = stdout.split('\n').filter((line) => line.startsWith('{'));
    const failed = outcomes.map((line) => JSON.parse(line)).filter(({ error }) => error !== undefined);
    expect({ code, failed, stderr }).toEqual({ code: 0, failed: [], stderr: '' });
    expect(outcomes).toHaveLength(count);
  });
});

describe('vitest', () => {
  test.each(['vmForks', 'vmThreads'])(
    'runs all entry points in its pool %s',
    async (pool) => {
      const config = join('test', 'realms', 'vitest', 'vitest.config.mjs');
      const vitest = join(binPath('vitest'), '..', 'vitest.mjs');
      const report = reportIn(
        await run(vitest, 'run', '--config', config, '--pool', pool, '--reporter', 'json'),
      );
      expect(failures(report)).toEqual([]);
      expect(report.numTotalTests).toBe(2 * CHECKS + COPY_CHECKS + 1);
    },
    120_000,
  );
});

describe('jest', () => {
  test('runs all entry points, copies of them and a second file in one process', async (context) => {
    const folder = await ensureInstalled('jest-30', ['jest@30']);
    const jest = join(folder ?? '', 'node_modules', 'jest', 'bin', 'jest.js');
    if (!existsSync(jest)) return context.skip('the registry was not reached');
    const config = join('test', 'realms', 'jest', 'jest.config.json');
    const report = reportIn(
      await run('--experimental-vm-modules', jest, '--config', config, '--runInBand', '--json'),
    );
    expect(failures(report)).toEqual([]);
    expect(report.numTotalTests).toBe(3 * CHECKS + COPY_CHECKS);
  }, 300_000);
});
