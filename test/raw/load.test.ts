import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CryptokiError, Module } from 'cryptoki';
import { load, loadSync } from 'cryptoki/raw';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure, wrong } from '../support/open';
import { createToken, type TestToken } from '../support/token';

let token: TestToken;
let folder: string;
beforeAll(async () => {
  token = await createToken();
  folder = mkdtempSync(join(tmpdir(), 'cryptoki-load-'));
});
afterAll(() => {
  token.remove();
  rmSync(folder, { recursive: true, force: true });
});
// After each failure the process must still be able to use a real module.
afterEach(async () => {
  await using module = await Module.open(token.module);
  expect((await module.info()).manufacturer).toBe('SoftHSM');
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Checks that Module.open, load and loadSync fail with the same error. */
async function refusal(path: string): Promise<CryptokiError> {
  const error = await failure(Module.open(path));
  expect(error).toBeInstanceOf(CryptokiError);
  const others = [await failure(load(path)), await failure(() => loadSync(path))];
  for (const other of others) {
    expect(other).toMatchObject({ name: error.name, code: error.code, message: error.message });
  }
  return error as CryptokiError;
}

describe('a path', () => {
  test('that does not exist is named in the error', async () => {
    const path = join(folder, 'no', 'such', 'module.so');
    const error = await refusal(path);
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_MODULE_NOT_FOUND', rv: undefined, action: 'fatal' });
    expect(error.message).toContain(path);
  });

  test('of a folder is refused', async () => {
    const path = join(folder, 'folder.so');
    mkdirSync(path);
    const error = await refusal(path);
    expect(error.code).toBe('ERR_CRYPTOKI_MODULE_LOAD');
    expect(error.message).toContain(path);
  });

  test.each([
    ['an empty file', () => ''],
    ['a text file', () => 'This is no library.\n'.repeat(100)],
    ['a script', () => '#!/bin/sh\nexit 0\n'],
    ['a library of which only 100 bytes arrived', () => readFileSync(token.module).subarray(0, 100)],
  ])('of %s is refused with the reason of the system', async (name, content) => {
    const path = file(`${name.replaceAll(' ', '-')}.so`, content());
    const error = await refusal(path);
    expect(error.code).toBe('ERR_CRYPTOKI_MODULE_LOAD');
    expect(error.message).toContain(path);
    expect(error.message).toMatch(/^[\x20-\x7e]+$/);
  });

  // In a process of its own, because glibc maps such a file and crashes with SIGBUS.
  test('of a truncated library is refused without a crash', async () => {
    const content = readFileSync(token.module);
    const path = file('half.so', content.subarray(0, content.length / 2));
    const program = `require('cryptoki/raw').loadSync(process.argv[1])`;
    const child = spawnSync(process.execPath, ['-e', program, path], { encoding: 'utf8' });
    expect(child.signal).toBeNull();
    expect(child.stderr).toContain('ERR_CRYPTOKI_MODULE_LOAD');
  });

  test('with spaces, umlauts and emoji is passed on unchanged', async () => {
    const path = file('Modul für 🔑 1.so', readFileSync(token.module));
    await using module = await Module.open(path);
    expect(module.path).toBe(path);
    expect(module.raw.description()).toMatchObject({ path, version: { major: 2, minor: 40 } });
  });

  test('relative to the working directory is found', async () => {
    const path = file('relative.so', readFileSync(token.module));
    const before = process.cwd();
    process.chdir(folder);
    try {
      await using module = await Module.open('./relative.so');
      expect((await module.info()).manufacturer).toBe('SoftHSM');
    } finally {
      process.chdir(before);
    }
    expect(path).toContain('relative.so');
  });
});

describe('a bare name', () => {
  test('that the system cannot find is an error', async () => {
    const error = await refusal('libno-such-module.so');
    expect(error.code).toBe('ERR_CRYPTOKI_MODULE_NOT_FOUND');
    expect(error.message).toContain('libno-such-module.so');
    expect(error.message).toMatch(/^[\x20-\x7e]+$/);
  });

  test.runIf(process.platform === 'linux')('of a library without PKCS#11 is refused', async () => {
    const error = await refusal('libm.so.6');
    expect(error.code).toBe('ERR_CRYPTOKI_MODULE_NOT_PKCS11');
    expect(error.message).toContain('C_GetFunctionList');
  });
});

describe('a wrong argument', () => {
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 5],
    ['a bigint', 5n],
    ['an object', {}],
    ['an array', ['a']],
    ['a symbol', Symbol('path')],
    ['a Buffer', Buffer.from('/path')],
    ['an empty string', ''],
    ['a string with a NUL', '/path\0.so'],
  ])('path: %s is a TypeError that names it', async (_, path) => {
    const wanted = {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('"path"'),
    };
    await expect(Module.open(wrong(path))).rejects.toMatchObject(wanted);
    await expect(load(wrong(path))).rejects.toMatchObject(wanted);
    expect(await failure(() => loadSync(wrong(path)))).toMatchObject(wanted);
  });

  test.each<[string, unknown]>([
    ['symbolBinding', 'deep'],
    ['symbolBinding', 1],
    ['symbolBinding', null],
    ['interface', '3.0'],
    ['interface', 2.4],
    ['locking', 'none'],
    ['locking', true],
    ['libraryParameters', 5],
    ['libraryParameters', {}],
  ])('option %s: %o is a TypeError that names it', async (name, value) => {
    await expect(Module.open(token.module, wrong({ [name]: value }))).rejects.toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining(name),
    });
  });

  test.each<[unknown]>([[null], [5], ['os'], [true]])('options: %o is a TypeError', async (options) => {
    const wanted = {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('options'),
    };
    await expect(Module.open(token.module, wrong(options))).rejects.toMatchObject(wanted);
    await expect(load(token.module, wrong(options))).rejects.toMatchObject(wanted);
  });
});

describe('options', () => {
  test.each([
    { symbolBinding: 'none' },
    { symbolBinding: 'auto' },
    { interface: '2.40' },
    { interface: 'auto' },
    { locking: 'module' },
    { locking: 'os' },
    { symbolBinding: undefined, interface: undefined, locking: undefined, libraryParameters: undefined },
  ] as const)('%o opens the module', async (options) => {
    await using module = await Module.open(token.module, options);
    await using session = await (await module.token({ label: token.label })).openSession();
    expect(await session.random(8)).toHaveLength(8);
  });

  test('that the module refuses fail with its error code, and the module can then be opened without them', async () => {
    await expect(Module.open(token.module, { libraryParameters: 'configdir=/tmp' })).rejects.toMatchObject({
      code: 'CKR_ARGUMENTS_BAD',
      function: 'C_Initialize',
    });
  });
});

test('that are refused a hundred times leave nothing open', async () => {
  const path = file('again.so', 'no library');
  for (let i = 0; i < 100; i++) await failure(Module.open(path));
  if (process.platform === 'linux') {
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain('again.so');
  }
});
