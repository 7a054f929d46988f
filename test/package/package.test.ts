import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesOf, ownTarget, targets } from '../../scripts/prebuild/targets.mjs';

const run = promisify(execFile);
type Target = (typeof targets)[string];
const inPrebuilds = (file: string) => file.replace('prebuilds/', '');

const root = resolve(import.meta.dirname, '..', '..');
const shell = process.platform === 'win32'; // npm is a batch file on Windows

let folder: string;
let project: string;
let installed: string;

/** Packs the project as for publishing and installs the tarball in an empty project, without running scripts. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cryptoki-package-'));
  project = join(folder, 'project');
  installed = join(project, 'node_modules', 'cryptoki');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  // Packs an existing prebuild if it is current; otherwise builds one with the local compiler, which is faster.
  const env = { CRYPTOKI_PREBUILD_COMPILER: 'system', ...process.env };
  await run('npm', ['pack', '--pack-destination', folder], { cwd: root, env, shell });
  await run('npm', ['pack', '--pack-destination', folder], { cwd: join(root, 'compat', 'pkcs11js'), shell });
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  await run(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs.map((name) => join(folder, name))],
    { cwd: project, shell },
  );
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const node = (...args: string[]) => run(process.execPath, args, { cwd: project });
const show = 'console.log(typeof Module.open, new CryptokiError({ rv: 0xa0 }).code)';
/** Loads the fault module, which then finds no module to wrap. */
const wrapNothing = `
  FaultModule.create({ module: '/no/such/module' }).catch((error) => console.log(error.code));`;
const prebuilt = () =>
  readdirSync(join(installed, 'prebuilds'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.node'))
    .map((name) => name.replaceAll('\\', '/'))
    .sort();

describe('the packed tarball', () => {
  test('has no install script and few dependencies', () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
    expect(Object.keys(manifest.dependencies).sort()).toEqual([
      'node-addon-api',
      'node-api-headers',
      'node-gyp-build',
    ]);
  });

  test('contains a prebuild for this system, and neither build files nor tests', () => {
    const files = prebuilt();
    expect(files).toEqual(expect.arrayContaining(filesOf(targets[ownTarget()] as Target).map(inPrebuilds)));
    const known = Object.values(targets).flatMap((target) => filesOf(target).map(inPrebuilds));
    expect(files.filter((name) => !known.includes(name))).toEqual([]);
    expect(existsSync(join(installed, 'build'))).toBe(false);
    expect(existsSync(join(installed, 'test'))).toBe(false);
  });

  test('can be loaded by require()', async () => {
    const { stdout } = await node('-e', `const { Module, CryptokiError } = require('cryptoki'); ${show}`);
    expect(stdout.trim()).toBe('function CKR_PIN_INCORRECT');
  });

  test('can be imported, with the same classes', async () => {
    const code = `
      import { createRequire } from 'node:module';
      import { Module, CryptokiError } from 'cryptoki';
      import * as raw from 'cryptoki/raw';
      const required = createRequire(process.cwd() + '/x.js')('cryptoki');
      if (required.Module !== Module || raw.CryptokiError !== CryptokiError) throw new Error('two copies');
      ${show}`;
    const { stdout } = await node('--input-type=module', '-e', code);
    expect(stdout.trim()).toBe('function CKR_PIN_INCORRECT');
  });

  test('contains the fault module, which import and require() find', async () => {
    const required = await node('-e', `const { FaultModule } = require('cryptoki/testing'); ${wrapNothing}`);
    expect(required.stdout.trim()).toBe('ERR_CRYPTOKI_MODULE_NOT_FOUND');
    const code = `import { FaultModule } from 'cryptoki/testing'; ${wrapNothing}`;
    const imported = await node('--input-type=module', '-e', code);
    expect(imported.stdout.trim()).toBe('ERR_CRYPTOKI_MODULE_NOT_FOUND');
  });

  test('replaces pkcs11js, directly and as @cryptoki/pkcs11js', async () => {
    const code = `
      const pkcs11js = require('cryptoki/pkcs11js');
      const error = new pkcs11js.Pkcs11Error('CKR_X', pkcs11js.CKR_PIN_INCORRECT);
      console.log(require('@cryptoki/pkcs11js') === pkcs11js, typeof new pkcs11js.PKCS11().C_Sign, error.code);`;
    expect((await node('-e', code)).stdout.trim()).toBe('true function 160');
    const imported = `
      import pkcs11js, { CKM_AES_GCM } from 'cryptoki/pkcs11js';
      import stand, { PKCS11 } from '@cryptoki/pkcs11js';
      console.log(stand === pkcs11js, PKCS11 === pkcs11js.PKCS11, CKM_AES_GCM);`;
    expect((await node('--input-type=module', '-e', imported)).stdout.trim()).toBe('true true 4231');
    const manifest = JSON.parse(
      readFileSync(join(project, 'node_modules', '@cryptoki', 'pkcs11js', 'package.json'), 'utf8'),
    );
    const own = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(manifest.version).toBe(own.version);
  });

  test('imports only modules that Electron allows', () => {
    for (const file of prebuilt()) {
      const binary = readFileSync(join(installed, 'prebuilds', file), 'latin1');
      expect(binary).toContain('napi_create_object');
      expect(binary).not.toMatch(/napi_create_external_(buffer|arraybuffer)|node_api_create_external/);
    }
  });

  test('reports a missing prebuild, and the remedy', async () => {
    const other = join(folder, 'other', 'node_modules', 'cryptoki');
    const options = { recursive: true, verbatimSymlinks: true };
    cpSync(join(project, 'node_modules'), join(folder, 'other', 'node_modules'), options);
    rmSync(join(other, 'prebuilds'), { recursive: true });
    const code = `
      try { require('cryptoki') } catch ({ code, message }) { console.log(JSON.stringify({ code, message })) }`;
    const { stdout } = await run(process.execPath, ['-e', code], { cwd: join(folder, 'other') });
    const { code: errorCode, message } = JSON.parse(stdout);
    expect(errorCode).toBe('ERR_CRYPTOKI_NO_ADDON');
    expect(message).toContain(process.platform);
    expect(message).toContain(process.arch);
    if (process.platform === 'linux') expect(message).toMatch(/glibc|musl/);
    expect(message).toContain('npx cryptoki-build');
  });

  test('answers --help of every program, and a wrong argument, without side effects', async () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    const before = readdirSync(installed, { recursive: true }).sort();
    expect(Object.keys(manifest.bin)).toContain('cryptoki-build');
    for (const name of Object.keys(manifest.bin)) {
      for (const option of ['--help', '-h']) {
        const { stdout, stderr } = await run('npx', ['--no-install', name, option], { cwd: project, shell });
        expect(stdout, name).toContain(`npx ${name}`);
        expect(stderr, name).toBe('');
      }
      const refused = run('npx', ['--no-install', name, '--no-such-option'], { cwd: project, shell });
      await expect(refused, name).rejects.toMatchObject({ code: 2 });
    }
    expect(readdirSync(installed, { recursive: true }).sort()).toEqual(before);
  });

  test('can be built from source by cryptoki-build', async () => {
    const other = join(folder, 'other');
    await run('npx', ['--no-install', 'cryptoki-build'], { cwd: other, shell });
    const { stdout } = await run(
      process.execPath,
      ['-e', `const { Module, CryptokiError } = require('cryptoki'); ${show}`],
      { cwd: other },
    );
    expect(stdout.trim()).toBe('function CKR_PIN_INCORRECT');
    const code = `const { FaultModule } = require('cryptoki/testing'); ${wrapNothing}`;
    const built = await run(process.execPath, ['-e', code], { cwd: other });
    expect(built.stdout.trim()).toBe('ERR_CRYPTOKI_MODULE_NOT_FOUND');
  }, 300_000);
});
