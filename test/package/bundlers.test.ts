import { execFile } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addonPath } from '../../lib/raw/addon-file';
import { ensureInstalled } from '../native-keys/support/install';

const exec = promisify(execFile);
const root = resolve(import.meta.dirname, '..', '..');

/** The version of each tool. They are installed in .cache, since nothing else needs them. */
const TOOLS = [
  ...['esbuild@0.28.2', 'webpack@5.113.0', 'webpack-cli@7.3.1', 'rollup@4.68.8', 'vite@7.3.8'],
  ...['@rollup/plugin-node-resolve@16.0.3', '@rollup/plugin-commonjs@29.0.3', '@rollup/plugin-json@6.1.0'],
  ...['@vercel/ncc@0.45.0', '@vercel/nft@1.11.5', 'postject@1.0.0-alpha.6'],
];

const COMMONJS = `
  const { Module } = require('cryptoki');
  Module.open('/no/such/module.so').catch((error) => console.log(error.code));`;
const ESM = `
  import { Module } from 'cryptoki';
  await Module.open('/no/such/module.so').catch((error) => console.log(error.code));`;
/** Printed by a program that has loaded the addon. */
const LOADED = 'ERR_CRYPTOKI_MODULE_NOT_FOUND';

let tools: string | undefined;
let folder: string;
let project: string;
/** The addon of this checkout, in the place of a prebuild in the installed package. */
let addon: string;

/** Makes a project with the package as npm would install it: without build/, with the addon among the prebuilds. */
beforeAll(async () => {
  tools = await ensureInstalled('bundlers', TOOLS);
  folder = mkdtempSync(join(tmpdir(), 'cryptoki-bundlers-'));
  project = join(folder, 'project');
  const installed = join(project, 'node_modules', 'cryptoki');
  mkdirSync(installed, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  writeFileSync(join(project, 'app.cjs'), COMMONJS);
  writeFileSync(join(project, 'app.mjs'), ESM);
  for (const name of ['dist', 'package.json']) {
    cpSync(join(root, name), join(installed, name), { recursive: true });
  }
  const libc = process.platform === 'linux' ? '.glibc' : '';
  addon = join(installed, 'prebuilds', `${process.platform}-${process.arch}`, `cryptoki${libc}.node`);
  cpSync(addonPath(), addon);
  const require = createRequire(join(root, 'package.json'));
  const loader = dirname(require.resolve('node-gyp-build/package.json'));
  cpSync(loader, join(project, 'node_modules', 'node-gyp-build'), { recursive: true });
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tool = (...path: string[]): string => join(tools ?? '', 'node_modules', ...path);

/** Runs a tool in the project, which finds the tool's packages beside its own. */
async function node(...args: string[]): Promise<string> {
  const { stdout, stderr } = await exec(process.execPath, args, { cwd: project });
  return stdout + stderr;
}

/** Runs a program and returns the last line of its output, or its error. */
async function outputOf(
  program: string,
  args: readonly string[],
  variables: NodeJS.ProcessEnv = {},
): Promise<string> {
  const env = { ...process.env, CRYPTOKI_ADDON: '', ...variables };
  try {
    const { stdout } = await exec(program, args, { cwd: dirname(args[0] ?? program), env });
    return stdout.trim().split('\n').at(-1) ?? '';
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error);
  }
}

/** Checks a bundle in the project, alone, with CRYPTOKI_ADDON, and with the prebuilds beside it. */
async function checkBundle(bundle: string): Promise<void> {
  expect(await outputOf(process.execPath, [bundle])).toBe(LOADED);
  const alone = mkdtempSync(join(folder, 'alone-'));
  const copied = join(alone, basename(bundle));
  cpSync(dirname(bundle), alone, { recursive: true });
  const message = await outputOf(process.execPath, [copied]);
  expect(message).toContain('ERR_CRYPTOKI_NO_ADDON');
  expect(message).toContain('declare "cryptoki" as an external module of the bundler');
  expect(message).toContain('CRYPTOKI_ADDON');
  expect(await outputOf(process.execPath, [copied], { CRYPTOKI_ADDON: addon })).toBe(LOADED);
  cpSync(dirname(dirname(addon)), join(alone, 'prebuilds'), { recursive: true });
  expect(await outputOf(process.execPath, [copied])).toBe(LOADED);
}

/** An import of a file in the folder of tools. */
const imported = (name: string): string => JSON.stringify(createRequire(tool('x.js')).resolve(name));

describe('a program that is bundled by', () => {
  const BANNER =
    "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  const builders: readonly (readonly [string, () => Promise<string>])[] = [
    [
      'esbuild, as CommonJS',
      async () => {
        const out = join(project, 'out', 'esbuild', 'app.cjs');
        await exec(tool('.bin', 'esbuild'), ['app.cjs', '--bundle', '--platform=node', `--outfile=${out}`], {
          cwd: project,
        });
        return out;
      },
    ],
    [
      'esbuild, as an ES module',
      async () => {
        const out = join(project, 'out', 'esbuild-esm', 'app.mjs');
        const args = ['app.mjs', '--bundle', '--platform=node', '--format=esm', `--outfile=${out}`, BANNER];
        await exec(tool('.bin', 'esbuild'), args, { cwd: project });
        return out;
      },
    ],
    [
      'webpack, without a warning',
      async () => {
        const out = join(project, 'out', 'webpack');
        const text = await node(
          tool('webpack', 'bin', 'webpack.js'),
          ...['./app.cjs', '--target', 'node', '--mode', 'production', '-o', out],
          ...['--output-filename', 'app.cjs'],
        );
        expect(text).not.toMatch(/WARNING|ERROR/);
        return join(out, 'app.cjs');
      },
    ],
    [
      'rollup',
      async () => {
        const out = join(project, 'out', 'rollup', 'app.cjs');
        writeFileSync(
          join(project, 'rollup.config.mjs'),
          `import nodeResolve from ${imported('@rollup/plugin-node-resolve')};
          import commonjs from ${imported('@rollup/plugin-commonjs')};
          import json from ${imported('@rollup/plugin-json')};
          export default {
            input: 'app.cjs',
            output: { file: ${JSON.stringify(out)}, format: 'cjs' },
            plugins: [nodeResolve({ preferBuiltins: true }), commonjs(), json()],
          };`,
        );
        await node(tool('rollup', 'dist', 'bin', 'rollup'), '-c');
        return out;
      },
    ],
    [
      'vite, for a server',
      async () => {
        const out = join(project, 'out', 'vite');
        const config = {
          build: {
            ssr: 'app.mjs',
            outDir: out,
            rollupOptions: { output: { entryFileNames: 'app.mjs' } },
          },
          ssr: { noExternal: true },
        };
        writeFileSync(join(project, 'vite.config.mjs'), `export default ${JSON.stringify(config)};`);
        await node(tool('vite', 'bin', 'vite.js'), 'build');
        return join(out, 'app.mjs');
      },
    ],
    [
      'ncc',
      async () => {
        const out = join(project, 'out', 'ncc');
        await node(tool('@vercel', 'ncc', 'dist', 'ncc', 'cli.js'), 'build', 'app.cjs', '-o', out);
        return [join(out, 'index.cjs'), join(out, 'index.js')].find((file) => existsSync(file)) ?? '';
      },
    ],
  ];
  test.each(builders)(
    '%s finds the addon, or says what to do',
    async (_, build) => {
      await checkBundle(await build());
    },
    120_000,
  );
});

test('@vercel/nft, with which Next traces files, finds the addon', async () => {
  const { nodeFileTrace } = createRequire(tool('x.js'))('@vercel/nft');
  const { fileList } = await nodeFileTrace([join(project, 'app.cjs')], {
    base: project,
    processCwd: project,
  });
  const files = [...fileList].map((file: string) => resolve(project, file));
  expect(files).toContain(addon);
}, 60_000);

test('a single executable of Node finds the addon beside it', async () => {
  const out = join(project, 'out', 'single');
  mkdirSync(out, { recursive: true });
  const bundle = join(out, 'app.cjs');
  await exec(tool('.bin', 'esbuild'), ['app.cjs', '--bundle', '--platform=node', `--outfile=${bundle}`], {
    cwd: project,
  });
  const config = { main: bundle, output: join(out, 'app.blob'), disableExperimentalSEAWarning: true };
  writeFileSync(join(out, 'sea.json'), JSON.stringify(config));
  await node('--experimental-sea-config', join(out, 'sea.json'));
  const program = join(out, 'app');
  cpSync(process.execPath, program, { dereference: true });
  chmodSync(program, 0o755);
  await node(
    tool('postject', 'dist', 'cli.js'),
    ...[program, 'NODE_SEA_BLOB', config.output],
    ...['--sentinel-fuse', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'],
  );
  const alone = mkdtempSync(join(folder, 'single-'));
  cpSync(program, join(alone, 'app'));
  expect(await outputOf(join(alone, 'app'), [])).toContain('ERR_CRYPTOKI_NO_ADDON');
  cpSync(dirname(dirname(addon)), join(alone, 'prebuilds'), { recursive: true });
  expect(await outputOf(join(alone, 'app'), [])).toBe(LOADED);
}, 120_000);
