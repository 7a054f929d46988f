import { execFile } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';
import { peers } from './support/peers';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..', '..');

let folder: string;
let token: TestToken;

beforeAll(async () => {
  folder = await peers();
  token = await createToken('peers');
}, 300_000);
afterAll(() => token.remove());

/** Runs an unmodified program and returns its output. */
async function program(name: string): Promise<unknown> {
  const file = join(import.meta.dirname, 'programs', name);
  const env = { ...process.env, ...token.environment, PIN: token.pin };
  const { stdout } = await run(process.execPath, ['--expose-gc', file, folder, token.module], { env });
  return JSON.parse(stdout);
}

describe('packages built on pkcs11js, overridden to use this one', { timeout: 60_000 }, () => {
  test('use no other copy of pkcs11js', () => {
    const lock = JSON.parse(readFileSync(join(folder, 'node_modules', '.package-lock.json'), 'utf8'));
    const installed = Object.keys(lock.packages).filter((path) => path.endsWith('node_modules/pkcs11js'));
    expect(installed).toEqual(['node_modules/pkcs11js']);
    const index = realpathSync(join(folder, 'node_modules', 'pkcs11js', 'index.js'));
    expect(readFileSync(index, 'utf8')).toBe(
      readFileSync(join(root, 'compat', 'pkcs11js', 'index.js'), 'utf8'),
    );
    const there = createRequire(join(folder, 'program.js'));
    expect(there('pkcs11js')).toBe(there('cryptoki/pkcs11js'));
  });

  test('graphene-pk11 signs, verifies, encrypts, wraps, derives, stores and finds', async () => {
    expect(await program('graphene.cjs')).toEqual({
      module: ['SoftHSM', 2, true],
      token: ['peers', true, true],
      digest: true,
      ec: [true, true],
      ecForged: false,
      derived: 32,
      rsa: [256, true],
      oaep: true,
      pss: true,
      cbc: true,
      gcm: [54, true, true],
      wrapped: [256, true],
      dated: true,
      data: [1, 'stored'],
      found: { keys: 3, certificates: 1, certificate: '30030101ff', copies: 0 },
      random: 32,
    });
  });

  test('graphene-pk11 digests data that is garbage-collected', async () => {
    expect(await program('graphene-collected.cjs')).toBe(1000);
  });

  test('node-webcrypto-p11 gives the results of node:crypto', async () => {
    expect(await program('webcrypto.cjs')).toEqual({
      digest: true,
      ecdsa: [true, false, true],
      rsa: [true, false, true],
      pss: [true, false, true],
      cbc: [true, true, true],
      gcm: [true, true, true],
      oaep: true,
      derives: true,
      stores: {
        keys: expect.any(Number),
        signature: true,
        certificates: 2, // the one of graphene is on the token as well
        subject: 'CN=test',
        certificate: true,
        verified: true,
      },
      random: true,
      second: true,
    });
  });

  test("Hyperledger Fabric's signer signs", async () => {
    expect(await program('fabric.cjs')).toEqual({
      isValid: true,
      refused: expect.stringMatching(/another|not found|unable/i),
    });
  });
});
