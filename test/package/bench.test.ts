import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Results } from '../../bench/report/results.mjs';

const bench = join(import.meta.dirname, '..', '..', 'bench', 'index.mjs');
const directory = mkdtempSync(join(realpathSync(tmpdir()), 'cryptoki-bench-test-'));
const file = join(directory, 'out.json');
let results: Results;
let output: string;

function run(...args: string[]) {
  return spawnSync(process.execPath, [bench, ...args], { encoding: 'utf8', timeout: 120_000 });
}

beforeAll(() => {
  const only = ['null module', 'SoftHSM2', 'sign-p256', 'session-info'].flatMap((name) => ['--only', name]);
  const given = ['--quick', '--seconds', '3', '--without-peers', '--sessions', '1,4', '--json', file];
  const { status, stdout, stderr } = run(...given, ...only);
  expect(stderr.split('\n').filter((line) => /error/i.test(line))).toEqual([]);
  expect(status).toBe(0);
  output = stdout;
  results = JSON.parse(readFileSync(file, 'utf8')) as Results;
}, 180_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('measures each form on each module beside the C loop', () => {
  expect(results.modules.map(({ name }) => name)).toEqual(['null module', 'SoftHSM2']);
  for (const module of ['null module', 'SoftHSM2']) {
    for (const sessions of [1, 4]) {
      const own = results.operations.filter(
        (result) =>
          result.module === module && result.sessions === sessions && result.operation === 'sign-p256',
      );
      const measured = own.filter(({ skipped }) => skipped === undefined);
      const forms = measured.map(({ contender, form }) => `${contender} ${form}`);
      const ours = (form: string): string => `cryptoki ${form}`;
      const alone = ['raw sync', 'model sync'].map(ours);
      expect(forms).toEqual([
        'C loop loop',
        ...(sessions === 1 ? alone : []),
        ...['raw async', 'model', 'client', 'model, queued', 'client, queued'].map(ours),
        ...['raw batch', 'model batch', 'client batch'].map(ours),
      ]);
      for (const { perSecond, ratio, cpu } of measured) {
        expect(perSecond?.median).toBeGreaterThan(0);
        expect(cpu?.median).toBeGreaterThanOrEqual(0);
        expect(ratio?.min).toBeLessThanOrEqual(ratio?.max ?? 0);
      }
      expect(measured[0]?.ratio).toEqual({ min: 1, median: 1, max: 1 });
    }
  }
});

test('reports the reason for a form that was not measured', () => {
  const batches = results.operations.filter(
    ({ operation, form }) => operation === 'session-info' && form.endsWith('batch'),
  );
  expect(batches.length).toBeGreaterThan(0);
  for (const { skipped, perSecond } of batches) {
    expect(skipped).toMatch(/no .*batch|has no/);
    expect(perSecond).toBeUndefined();
  }
});

test('describes the machine and checks the targets', () => {
  expect(results.machine.node).toBe(process.versions.node);
  expect(results.machine.cores).toBeGreaterThan(0);
  expect(results.targets.map(({ name }) => name)).toContain('CPU per synchronous call');
  for (const { passed, measured } of results.targets) {
    expect(typeof passed).toBe('boolean');
    expect(measured).not.toMatch(/NaN|undefined/);
  }
});

test('prints the results, and writes a page if the chart library is installed', () => {
  expect(output).toContain('C loop');
  const page = join(directory, 'out.html');
  const library = join(bench, '..', 'peers', 'node_modules', 'chart.js');
  expect(existsSync(page)).toBe(existsSync(library));
  if (existsSync(page)) expect(readFileSync(page, 'utf8')).not.toMatch(/(src|href)="?https?:/);
});

test('refuses unknown options', () => {
  const { status, stderr } = run('--only', 'nonsense');
  expect(status).toBe(1);
  expect(stderr).toContain('nonsense');
  expect(run('--help').stdout).toContain('--pin-file');
});
