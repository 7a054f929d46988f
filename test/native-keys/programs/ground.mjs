// Set-up for the programs here: a token behind a module that counts calls and fails on request, a client, keys with certificates.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const dist = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../../../dist');
export const { connect, httpsAgent, Module, tlsOptions } = require(dist);
const { createSoftToken, FaultModule } = require(join(dist, 'testing'));

export const KEYS = {
  rsa: ['RSA', { modulusBits: 2048, usage: ['sign', 'decrypt'] }],
  p256: ['EC', { curve: 'P-256', usage: ['sign', 'derive'] }],
  p384: ['EC', { curve: 'P-384' }],
  p521: ['EC', { curve: 'P-521' }],
  secp256k1: ['EC', { curve: 'secp256k1' }],
  ed25519: ['EC_EDWARDS', { curve: 'Ed25519' }],
  ed448: ['EC_EDWARDS', { curve: 'Ed448' }],
};

const openssl = (directory, ...args) =>
  execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });

/**
 * @param {string} library SoftHSM2
 * @param options of connect(); `mechanisms`: names of all that the token has; `plan`: the faults of the module
 */
export async function prepare(library, { mechanisms, plan, ...options } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'cryptoki-native-keys-'));
  const token = await createSoftToken({ module: library });
  if (mechanisms !== undefined) {
    appendFileSync(token.config, `slots.mechanisms = ${mechanisms.map((name) => `CKM_${name}`).join(',')}\n`);
  }
  const { module, environment } = token;
  const hsm = await FaultModule.create({ module, environment, plan });
  const open = (others = options) =>
    connect(
      { module: hsm.path, token: { label: token.label } },
      { pin: token.pin, recovery: { timeout: 3_000 }, ...others },
    );
  const client = await open();
  openssl(directory, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ca.key');
  openssl(
    directory,
    'req',
    '-x509',
    '-new',
    '-key',
    'ca.key',
    '-subj',
    '/CN=Test CA',
    '-days',
    '2',
    '-out',
    'ca.pem',
  );
  const read = (name) => readFileSync(join(directory, name), 'utf8');

  /** A certificate for localhost of the test CA. */
  const certify = (name, publicKey) => {
    writeFileSync(join(directory, `${name}.pub`), publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(join(directory, 'san.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl(directory, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'any.key');
    openssl(directory, 'req', '-new', '-key', 'any.key', '-subj', `/CN=${name}`, '-out', 'any.csr');
    openssl(
      directory,
      ...[
        'x509',
        '-req',
        '-in',
        'any.csr',
        '-force_pubkey',
        `${name}.pub`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
      ],
      ...['-CAcreateserial', '-days', '2', '-extfile', 'san.ext', '-out', `${name}.pem`],
    );
    return read(`${name}.pem`);
  };

  /** A key pair in the token and its certificate. */
  const make = async (name, token = true) => {
    const [type, given] = KEYS[name];
    const id = Buffer.from(name);
    const pair = await client.generateKeyPair(type, { ...given, token, label: name, id });
    const publicKey = await pair.publicKey.toKeyObject();
    return { ...pair, publicKey, publicKeyObject: pair.publicKey, cert: certify(name, publicKey) };
  };

  return {
    ...{ directory, token, hsm, client, open, make, certify, read, ca: read('ca.pem') },
    /** Number of signatures that the token has made. */
    signs: () => hsm.counters().calls.C_Sign ?? 0,
    async end() {
      await client.close();
      await hsm[Symbol.asyncDispose]();
      token.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Collects garbage until `work` returns a value or some seconds have passed. @returns the value */
export async function collectUntil(work) {
  for (let tries = 0; tries < 100; tries += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const value = await work();
    if (value) return value;
  }
  return false;
}

/** True if this version of Node.js can have private KeyObjects of a provider. */
export function hasKeyObjects() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return (major === 24 && minor >= 21) || (major === 26 && minor >= 7) || major > 26;
}

/** Runs an action and prints its result under a name as one line of JSON. */
export async function check(name, work) {
  try {
    const value = await work();
    console.log(JSON.stringify({ name, value: value ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ name, error: error.code ?? error.message, message: error.message }));
  }
}
