import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Module } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..', '..');
const program = (name: string) => fileURLToPath(new URL(`../support/programs/${name}.mjs`, import.meta.url));

let token: TestToken;
let folder: string;

beforeAll(async () => {
  token = await createToken();
  folder = mkdtempSync(join(tmpdir(), 'cryptoki-test-'));
});

afterAll(() => {
  token.remove();
  rmSync(folder, { recursive: true, force: true });
});

describe('the end of the process', () => {
  test.each([1, 2, 3, 4, 5])('process.exit() with calls in flight ends with code 0 (%i)', async () => {
    const { stderr } = await run(process.execPath, [
      program('exit'),
      token.module,
      token.label,
      token.pin,
      'exit',
    ]);
    expect(stderr).toBe('');
  });

  test('an uncaught error with calls in flight ends with code 1, not with a signal', async () => {
    const end = run(process.execPath, [program('exit'), token.module, token.label, token.pin, 'throw']);
    await expect(end).rejects.toMatchObject({ code: 1, signal: null });
  });

  test('a process stays alive until its calls have ended, and then ends although nothing was closed', async () => {
    const { stdout } = await run(process.execPath, [
      program('exit'),
      token.module,
      token.label,
      token.pin,
      'return',
    ]);
    expect(stdout.trim()).toBe('done 160');
  });
});

describe('garbage collection', () => {
  test('frees nothing that a call in flight uses', async () => {
    const { stdout } = await run(process.execPath, [
      '--expose-gc',
      program('collect'),
      token.module,
      token.label,
      token.pin,
    ]);
    expect(stdout.trim()).toBe('collected');
  });
});

describe.skipIf(process.platform === 'win32')('a forked process', () => {
  test('refuses all calls in the child, and the parent continues', async () => {
    const program = join(folder, 'fork_guard');
    const sources = [
      join(root, 'test', 'native', 'fork_guard.cc'),
      join(root, 'binding', 'module', 'process.cc'),
    ];
    const flags = ['-std=c++20', `-I${join(root, 'binding')}`, '-pthread', '-o', program];
    await run(process.env.CXX ?? 'c++', [
      ...flags,
      ...sources,
      ...(process.platform === 'linux' ? ['-ldl'] : []),
    ]);
    const { stdout } = await run(program);
    expect(stdout.trim()).toBe('the child knows');
  });
});

describe('two copies of the package in one process', () => {
  test('share the initialisation, so the module remains usable after one of them closes it', async () => {
    const copy = join(folder, 'copy');
    for (const part of ['dist', 'package.json', join('build', 'Release', 'cryptoki.node')]) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const other = createRequire(import.meta.url)(join(copy, 'dist', 'index.js')) as { Module: typeof Module };
    expect(other.Module).not.toBe(Module);

    const first = await Module.open(token.module);
    const second = await other.Module.open(token.module);
    const session = await (await second.token({ label: token.label })).openSession();
    await first.close();
    expect(await session.random(8)).toHaveLength(8);
    await second.close();
    await expect(second.raw.C_GetInfo()).rejects.toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });

    // The last of the two has finalised the module, because another initialisation by a raw call is the first again.
    await second.raw.C_Initialize();
    await second.raw.C_Finalize();
  });
});
