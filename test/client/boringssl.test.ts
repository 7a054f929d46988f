import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createToken, type TestToken } from '../support/token';

const root = resolve(import.meta.dirname, '..', '..');
let token: TestToken;
beforeAll(async () => {
  token = await createToken();
});
afterAll(() => token.remove());

test('a client signs with EC keys where node:crypto writes no explicit parameters (Electron, Bun)', async () => {
  const program = join(root, 'test', 'support', 'programs', 'boringssl.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [
    program,
    token.module,
    token.label,
    token.pin,
  ]);
  expect(JSON.parse(stdout)).toEqual({
    ...{ 'P-224': true, 'P-256': true, 'P-384': true, 'P-521': true, secp256k1: true },
  });
});

test('the parameters of the curves of BoringSSL are those that OpenSSL writes', () => {
  const { DOMAINS } = createRequire(import.meta.url)(
    join(root, 'dist', 'model', 'mechanisms', 'curve-domains.js'),
  );
  const names: Record<string, string> = { 'P-256': 'prime256v1', secp256r1: 'prime256v1' };
  Object.assign(names, { 'P-384': 'secp384r1', 'P-521': 'secp521r1' });
  expect(DOMAINS.size).toBe(7);
  for (const [name, { p, a, b, n, base, size }] of DOMAINS) {
    const namedCurve = names[name] ?? name;
    const { publicKey } = generateKeyPairSync('ec', { namedCurve, paramEncoding: 'explicit' });
    const der = publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
    const field = (value: bigint) => value.toString(16).padStart(size * 2, '0');
    for (const text of [field(p), field(a), field(b), field(n), field(base.x) + field(base.y)]) {
      expect(der, name).toContain(text);
    }
  }
});
