import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';
import { peers } from './support/peers';

const page = readFileSync(resolve(import.meta.dirname, '..', '..', 'docs', 'pkcs11js.md'), 'utf8');
const programs = [...page.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code ?? '');

let token: TestToken;
let folder: string;

beforeAll(async () => {
  token = await createToken('payments');
  folder = mkdtempSync(join(await peers(), 'docs-')); // inside the project, so that the packages can be resolved
}, 300_000);
afterAll(() => {
  token.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program of the page with no change but the path of the module. */
async function run(code: string, index: number): Promise<string[]> {
  const file = join(folder, `program${index}.${/^import /m.test(code) ? 'mjs' : 'cjs'}`);
  writeFileSync(file, code.replaceAll('/usr/lib/softhsm/libsofthsm2.so', token.module));
  const env = { ...process.env, ...token.environment, HSM_PIN: token.pin };
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env });
  return stdout.trim().split('\n');
}

/** Expected output: the comments after console.log. */
const promised = (code: string): string[] =>
  [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text ?? '');

test('docs/pkcs11js.md: the programs print the documented output in order', { timeout: 60_000 }, async () => {
  expect(programs).toHaveLength(10);
  for (const [index, code] of programs.entries()) {
    const wanted = promised(code);
    expect(wanted.length).toBeGreaterThan(0);
    const printed = await run(code, index);
    // One half of the key pair is public. Private objects are visible only after a login.
    expect([index, ...printed]).toEqual([index, ...wanted]);
  }
});
