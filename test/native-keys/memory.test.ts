import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'cryptoki-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Compiler definitions from CMakeLists.txt. */
const DEFINITIONS = [
  ...['NAPI_VERSION=8', 'NODE_ADDON_API_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED'],
  ...['NODE_ADDON_API_REQUIRE_BASIC_FINALIZERS', 'NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED'],
];
const SOURCES = [
  ...['key_management', 'key_exchange', 'asym_cipher', 'decoder', 'signature', 'signature_context'].map(
    (name) => `openssl_provider/${name}`,
  ),
  ...['rsa_padding', 'hash', 'software_key'].map((name) => `openssl/${name}`),
];

/** Runs the compiler on one source file. */
async function compile(source: string): Promise<string> {
  const object = join(folder, `${source.replaceAll(/\W/g, '_')}.o`);
  const includes = ['binding', 'node_modules/node-addon-api', 'node_modules/node-api-headers/include'];
  await run(process.env.CXX ?? 'c++', [
    ...['-std=c++20', '-pthread', '-ffunction-sections', '-c', join(root, source), '-o', object],
    ...includes.map((path) => `-I${join(root, path)}`),
    ...DEFINITIONS.map((name) => `-D${name}`),
  ]);
  return object;
}

describe.skipIf(process.platform !== 'linux')('the OpenSSL provider without free memory', () => {
  test('lets no exception leave a function that OpenSSL calls', async () => {
    const sources = [
      'test/native/provider_memory.cc',
      'binding/runtime/secret.cc',
      ...SOURCES.map((name) => `binding/${name}.cc`),
    ];
    const objects: string[] = [];
    // At most two compilers at a time, because each needs much memory for the headers of Node-API.
    for (let i = 0; i < sources.length; i += 2)
      objects.push(...(await Promise.all(sources.slice(i, i + 2).map(compile))));
    const program = join(folder, 'provider_memory');
    await run(process.env.CXX ?? 'c++', ['-pthread', '-Wl,--gc-sections', '-o', program, ...objects]);
    const { stdout } = await run(program).catch((error) => error as { stdout: string });
    expect(stdout.trim()).toBe('no exception');
  }, 300_000);
});
