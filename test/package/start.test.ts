import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

const program = resolve(import.meta.dirname, '..', '..', 'examples', 'start.mjs');

let token: TestToken;
let pinFile: string;

beforeAll(async () => {
  token = await createToken('demo');
  pinFile = join(dirname(token.config), 'pin.txt');
  writeFileSync(pinFile, `${token.pin}\nnot the PIN\n`);
});
afterAll(() => token.remove());

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the main job without a terminal. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  return new Promise((done) => {
    const options = { env: { ...process.env, ...env } };
    const child = execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    child.stdin?.end();
  });
}

const onToken = (...more: string[]) => [
  '--module',
  token.module,
  '--token',
  'demo',
  '--count',
  '50',
  ...more,
];

describe('the main job (npm start)', () => {
  test('succeeds on a token of its own, twice', async () => {
    for (let run = 0; run < 2; run++) {
      const { code, stdout } = await start(['--count', '200'], { SOFTHSM2_CONF: undefined });
      expect(code).toBe(0);
      expect(stdout).toMatch(/Module.*SoftHSM/);
      expect(stdout).toMatch(/Slot .*\d+/);
      expect(stdout).toContain('"cryptoki"');
      expect(stdout).toContain('Session: RW_USER_FUNCTIONS');
      expect(stdout).toMatch(/EC P-256.*ECDSA-SHA256.*200 valid/);
      expect(stdout).toMatch(/RSA-2048.*RSA-PKCS1-SHA256.*200 valid/);
    }
  });

  test('succeeds on any token, with the PIN from a file or the environment', async () => {
    expect(await start(onToken('--pin-file', pinFile))).toMatchObject({ code: 0 });
    const { code, stdout } = await start(onToken(), { CRYPTOKI_PIN: token.pin });
    expect(code).toBe(0);
    expect(stdout).toContain('50 valid');
  });

  test('leaves no object on the token', async () => {
    const { Module } = await import('cryptoki');
    await using module = await Module.open(token.module);
    await using session = await (await module.token({ label: 'demo' })).openSession();
    await session.login(token.pin);
    expect(await session.find()).toEqual([]);
  });

  test.each<[string, () => [string[], NodeJS.ProcessEnv?], RegExp]>([
    ['no PIN and no terminal', () => [onToken()], /give --pin-file or set CRYPTOKI_PIN/],
    ['a PIN on the command line', () => [onToken('--pin', '1234')], /never taken from the command line/],
    ['a wrong PIN', () => [onToken(), { CRYPTOKI_PIN: '99990000' }], /CKR_PIN_INCORRECT/],
    ['a PIN file that is not there', () => [onToken('--pin-file', '/nowhere/pin')], /ENOENT/],
    ['an unknown token', () => [['--module', token.module, '--token', 'other']], /no token matches.*"demo"/],
    ['a module that is not there', () => [['--module', '/nowhere/module.so']], /does not exist/],
    ['a count that is no number', () => [['--count', 'many']], /--count must be a number/],
  ])('ends with one clear line for %s', async (_, make, message) => {
    const { code, stderr } = await start(...make());
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr).not.toContain('99990000');
  });
});
