import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

const root = resolve(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const samples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code ?? '');

let token: TestToken;
let folder: string;

beforeAll(async () => {
  token = await createToken('payments');
  mkdirSync(join(root, '.cache'), { recursive: true });
  folder = mkdtempSync(join(root, '.cache', 'readme-')); // inside the project, so that 'cryptoki' can be resolved
});

afterAll(() => {
  token.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a sample of README.md with no change but the path of the module. */
async function run(code: string, index: number): Promise<string> {
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const { outputText } = ts.transpileModule(
    code.replaceAll('/usr/lib/softhsm/libsofthsm2.so', token.module),
    {
      compilerOptions: options,
    },
  );
  const file = join(folder, `sample${index}.mjs`);
  writeFileSync(file, outputText);
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    env: { ...process.env, HSM_PIN: token.pin },
  });
  return stdout.trim();
}

describe('README.md', () => {
  test('contains samples that run in their order and print the documented output', async () => {
    expect(samples).toHaveLength(5);
    const [sign, find, service, raw, testing] = samples as [string, string, string, string, string];
    expect(await run(sign, 1)).toBe('true');
    expect(await run(find, 2)).toBe('3');
    expect(await run(service, 3)).toBe('64 1000 0 0');
    expect(await run(raw, 4)).toMatch(/^<Buffer (?:[0-9a-f]{2} ){31}[0-9a-f]{2}>$/);
    expect(await run(testing, 5)).toBe('true 0');
  });
});
