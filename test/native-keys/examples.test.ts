import { execFile, execFileSync, spawn } from 'node:child_process';
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type ClientPrivateKey, connect, formatUri } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signJwt } from '../../examples/jwt/sign-jwt.mjs';
import { createToken, type TestToken } from '../support/token';
import { hasOpenssl } from './support/nodes';

const run = promisify(execFile);
const example = (name: string): string => resolve(import.meta.dirname, '..', '..', 'examples', `${name}.mjs`);

let token: TestToken;
let publicKey: KeyObject;
const openssl = await hasOpenssl();

beforeAll(async () => {
  token = await createToken('web');
  await using client = await connect({ module: token.module, token: { label: 'web' } }, { pin: token.pin });
  const options = { curve: 'P-256', token: true, label: 'key', id: Buffer.from('1') } as const;
  const pair = await client.generateKeyPair('EC', options);
  publicKey = await pair.publicKey.toKeyObject();
});
afterAll(() => token.remove());

const uri = (): string =>
  formatUri({ token: { label: 'web' }, object: { label: 'key' }, modulePath: token.module });
const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  ...token.environment,
  CRYPTOKI_PIN: token.pin,
});

/** Returns the claims of a JWT after checking its signature. */
function claimsOf(jwt: string): Record<string, unknown> {
  const [header = '', claims = '', signature = ''] = jwt.trim().split('.');
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'ES256', typ: 'JWT' });
  const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
  const text = Buffer.from(`${header}.${claims}`);
  expect(verify('sha256', text, key, Buffer.from(signature, 'base64url'))).toBe(true);
  return JSON.parse(Buffer.from(claims, 'base64url').toString());
}

test('jwt prints a JWT', async () => {
  const { stdout } = await run(process.execPath, [example('jwt'), uri(), '{"sub":"me"}'], {
    env: environment(),
  });
  expect(claimsOf(stdout)).toMatchObject({ sub: 'me', exp: expect.any(Number) });
});

test.each([
  ['P-256', 'ES256', 'sha256'],
  ['P-384', 'ES384', 'sha384'],
  ['P-521', 'ES512', 'sha512'],
] as const)('signJwt uses the algorithm that belongs to the curve: %s', async (curve, alg, hash) => {
  await using client = await connect({ module: token.module, token: { label: 'web' } }, { pin: token.pin });
  const pair = await client.generateKeyPair('EC', {
    curve,
    token: true,
    label: curve,
    id: Buffer.from(curve),
  });
  const jwt = await signJwt(await client.privateKey({ label: curve }), { sub: 'me' });
  const [header = '', claims = '', signature = ''] = jwt.split('.');
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg, typ: 'JWT' });
  const key = { key: await pair.publicKey.toKeyObject(), dsaEncoding: 'ieee-p1363' } as const;
  expect(verify(hash, Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'))).toBe(
    true,
  );
});

test('signJwt refuses a curve without a JWT algorithm', async () => {
  const key = { keyType: 'EC', attributes: async () => ({ ecParams: Buffer.from('06052b8104000a', 'hex') }) };
  await expect(signJwt(key as unknown as ClientPrivateKey, {})).rejects.toThrow(
    'no algorithm of JWT for the curve',
  );
});

test('oauth-client authenticates with private_key_jwt', async () => {
  let assertion: Record<string, unknown> = {};
  const server = createServer(async (incoming, response) => {
    let text = '';
    for await (const part of incoming) text += part;
    const form = new URLSearchParams(text);
    assertion = claimsOf(form.get('client_assertion') ?? '');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: 'abc', token_type: 'Bearer', expires_in: 60 }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  try {
    const args = [example('oauth-client'), uri(), '--client', 'me', '--endpoint', endpoint];
    const { stdout } = await run(process.execPath, args, { env: environment() });
    expect(stdout.trim()).toBe('Bearer token for 60 s: abc');
    expect(assertion).toMatchObject({ iss: 'me', sub: 'me', aud: endpoint });
  } finally {
    server.close();
  }
});

describe.skipIf(!openssl)('the example https-server', () => {
  test('accepts only clients with a certificate', async () => {
    const folder = token.directory;
    const at = (name: string): string => join(folder, name);
    const certificate = (name: string, ...key: string[]): void => {
      const days = ['-days', '2', '-out', at(`${name}.pem`)];
      const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost'];
      execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...days], { stdio: 'ignore' });
    };
    const fresh = (name: string) => [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      at(`${name}.key`),
    ];
    certificate('client', ...fresh('client'));
    certificate('ca', ...fresh('ca'));
    // The certificate of the server belongs to the key in the token.
    writeFileSync(at('server.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    const csr = ['req', '-new', '-key', at('ca.key'), '-subj', '/CN=localhost', '-out', at('server.csr')];
    execFileSync('openssl', csr, { stdio: 'ignore' });
    const issue = ['x509', '-req', '-in', at('server.csr'), '-force_pubkey', at('server.pub'), '-days', '2'];
    const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-out', at('server.pem')];
    execFileSync('openssl', [...issue, ...by], { stdio: 'ignore' });
    expect(createPublicKey(readFileSync(at('server.pem'))).equals(publicKey)).toBe(true);

    const args = ['--cert', at('server.pem'), '--ca', at('client.pem'), '--port', '0'];
    const server = spawn(process.execPath, [example('https-server'), uri(), ...args], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const [line] = (await once(server.stdout, 'data')) as [Buffer];
      const { port } = new URL(line.toString().trim());
      const get = (options: object): Promise<string> =>
        new Promise((done, fail) => {
          const trust = { ca: readFileSync(at('ca.pem')), servername: 'localhost', agent: false };
          const asked = request({ port, host: 'localhost', ...trust, ...options }, (response) => {
            let text = '';
            response.on('data', (part) => {
              text += part;
            });
            response.on('end', () => done(text));
          });
          asked.on('error', fail).end();
        });
      const own = { key: readFileSync(at('client.key')), cert: readFileSync(at('client.pem')) };
      expect(await get(own)).toBe('Hello client\n');
      await expect(get({})).rejects.toThrow();
    } finally {
      server.kill();
      await once(server, 'exit');
    }
  });
});
