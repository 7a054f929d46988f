import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Module, type Session } from 'cryptoki';
import { FaultModule } from 'cryptoki/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { issue } from '../../support/certificate';
import { failure, wrong } from '../../support/open';
import { createToken, type TestToken } from '../../support/token';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = (key: KeyObject, more = {}) =>
  key.export({ type: 'pkcs8', format: 'pem', ...more } as never) as unknown as string;
const encrypted = { cipher: 'aes-256-cbc', passphrase: 'right' };
const jwk = ec.privateKey.export({ format: 'jwk' });
const certificate = issue({ subject: 'cert', key: ec.publicKey, signer: ec.privateKey }).toString();
const damaged = (text: string) => text.replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA');

let created: TestToken;
let fault: FaultModule;
let module: Module;
let session: Session;
beforeAll(async () => {
  created = await createToken('bad');
  fault = await FaultModule.create({ module: created.module });
  module = await Module.open(fault.path);
  const token = await module.token({ label: 'bad' });
  session = await token.openSession({ readWrite: true });
  await session.login(created.pin);
});
afterAll(async () => {
  await module?.close();
  await fault?.[Symbol.asyncDispose]();
  created?.remove();
});
beforeEach(() => fault.resetCounters());

const calls = (): number =>
  Object.values(fault.counters().calls).reduce<number>((sum, count) => sum + (count ?? 0), 0);

type Case = readonly [title: string, input: unknown, options: object, code: string, message: RegExp];
const VALUE = 'ERR_INVALID_ARG_VALUE';
const TYPE = 'ERR_INVALID_ARG_TYPE';
const RANGE = 'ERR_OUT_OF_RANGE';
const UNSUPPORTED = 'ERR_CRYPTOKI_UNSUPPORTED';

const KEYS: readonly Case[] = [
  ['text without PEM', 'hello', {}, VALUE, /not PEM/],
  ['PEM without its end', pem(ec.privateKey).slice(0, -10), {}, VALUE, /with its end/],
  ['damaged PEM', damaged(pem(ec.privateKey)), {}, VALUE, /private key is damaged/],
  [
    'a damaged public key',
    damaged(pem(ec.publicKey as KeyObject, { type: 'spki' })),
    {},
    VALUE,
    /public key is damaged/,
  ],
  ['bytes that are no key', Buffer.from('hello'), {}, VALUE, /give keyType/],
  [
    'DER with bytes behind it',
    Buffer.concat([ec.publicKey.export({ type: 'spki', format: 'der' }), Buffer.of(0)]),
    {},
    VALUE,
    /not a key/,
  ],
  ['two private keys', pem(ec.privateKey) + pem(rsa.privateKey), {}, VALUE, /2 blocks "PRIVATE KEY"/],
  [
    'a key of OpenSSH',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----',
    {},
    VALUE,
    /ssh-keygen -p -m PKCS8/,
  ],
  ['a certificate', certificate, {}, VALUE, /importCertificate/],
  ['an encrypted key without passphrase', pem(ec.privateKey, encrypted), {}, VALUE, /give its passphrase/],
  [
    'a wrong passphrase',
    pem(ec.privateKey, encrypted),
    { passphrase: 'wrong' },
    VALUE,
    /passphrase is wrong/,
  ],
  [
    'a wrong passphrase for DER',
    ec.privateKey.export({ type: 'pkcs8', format: 'der', ...encrypted } as never),
    { passphrase: 'wrong' },
    VALUE,
    /passphrase is wrong/,
  ],
  [
    'a passphrase that is a number',
    pem(ec.privateKey, encrypted),
    { passphrase: 7 },
    TYPE,
    /passphrase must be a string or bytes/,
  ],
  ['a number', 7, {}, TYPE, /must be PEM, DER/],
  ['a Map', new Map(), {}, TYPE, /must be PEM, DER/],
  [
    'an EC key where RSA was asked for',
    pem(ec.privateKey),
    { keyType: 'RSA' },
    VALUE,
    /type EC, and the type RSA/,
  ],
  [
    'a public key where a private was asked for',
    ec.publicKey,
    { class: 'PRIVATE_KEY' },
    VALUE,
    /a public key, and the class PRIVATE_KEY/,
  ],
  [
    'a private key where a secret was asked for',
    ec.privateKey,
    { class: 'SECRET_KEY' },
    VALUE,
    /a private key, and the class SECRET_KEY/,
  ],
  ['an unknown class', ec.privateKey, { class: 'PRIVATE' }, VALUE, /Unknown class "PRIVATE"/],
  ['an unknown keyType', ec.privateKey, { keyType: 'ECC' }, VALUE, /Unknown CKK_ name "ECC"/],
  [
    'an unknown curve of a JSON web key',
    { ...jwk, crv: 'P-512' },
    {},
    VALUE,
    /Unknown curve "P-512".*did you mean "P-5[12]/,
  ],
  ['a JSON web key without kty', { ...jwk, kty: undefined }, {}, VALUE, /Unknown kty/],
  [
    'a JSON web key with key_ops of text',
    { ...jwk, key_ops: 'sign' },
    {},
    TYPE,
    /key_ops of the JSON web key/,
  ],
  ['a JSON web key without y', { ...jwk, y: undefined }, {}, VALUE, /damaged/],
  [
    'a JSON web key with a number',
    { ...jwk, d: 123_456_789 },
    {},
    TYPE,
    /d of the JSON web key must be a string, not a number/,
  ],
  [
    'a JSON web key of two keys',
    { ...jwk, d: other.privateKey.export({ format: 'jwk' }).d },
    {},
    VALUE,
    /damaged/,
  ],
  [
    'an OKP key with another x',
    {
      ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }),
      x: generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x,
    },
    {},
    VALUE,
    /x and d/,
  ],
  ['a secret JSON web key without k', { kty: 'oct', alg: 'A128GCM' }, {}, VALUE, /k of the JSON web key/],
  [
    'a secret JSON web key of another length',
    { kty: 'oct', alg: 'A128GCM', k: Buffer.alloc(32).toString('base64url') },
    {},
    VALUE,
    /value of 256 bits/,
  ],
  [
    'a secret key without keyType',
    { kty: 'oct', k: 'AAAA' },
    {},
    VALUE,
    /type of a secret key must be given/,
  ],
  ['an AES key of 17 bytes', Buffer.alloc(17), { keyType: 'AES' }, RANGE, /16, 24 or 32 bytes, not 17/],
  ['an empty HMAC key', Buffer.alloc(0), { keyType: 'GENERIC_SECRET' }, RANGE, /at least 1 byte/],
  [
    'a DSA key',
    generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).publicKey,
    {},
    UNSUPPORTED,
    /type dsa cannot be imported/,
  ],
  [
    'a key restricted to RSA-PSS',
    generateKeyPairSync('rsa-pss', { modulusLength: 1024 }).privateKey,
    {},
    UNSUPPORTED,
    /restricted to RSA-PSS/,
  ],
  ['an unknown option', ec.privateKey, { lable: 'x' }, VALUE, /Unknown option "lable".*did you mean "label"/],
  ['an unknown usage', ec.privateKey, { usage: ['signing'] }, VALUE, /Unknown usage "signing"/],
  ['a usage that is a string', ec.privateKey, { usage: 'sign' }, TYPE, /usage must be an array/],
  ['an id that is a string', ec.privateKey, { id: 'x' }, TYPE, /id must be bytes/],
  ['token as a string', ec.privateKey, { token: 'yes' }, TYPE, /token must be a boolean/],
  [
    'extractable for a public key',
    ec.publicKey,
    { extractable: true },
    VALUE,
    /must not be given for a public key/,
  ],
  ['an unknown attribute', ec.privateKey, { attributes: { lable: 'x' } }, VALUE, /Unknown attribute "lable"/],
];

const CERTIFICATES: readonly Case[] = [
  ['text without a certificate', 'hello', {}, VALUE, /no certificate in PEM/],
  ['a private key', pem(ec.privateKey), {}, VALUE, /no certificate in PEM/],
  ['bytes that are no certificate', Buffer.from('hello'), {}, VALUE, /not an X.509 certificate/],
  [
    'a public key in DER',
    ec.publicKey.export({ type: 'spki', format: 'der' }),
    {},
    VALUE,
    /not an X.509 certificate/,
  ],
  ['a damaged certificate', damaged(certificate), {}, VALUE, /not an X.509 certificate/],
  [
    'two certificates',
    certificate + certificate,
    {},
    VALUE,
    /2 certificates: import all with importCertificates/,
  ],
  ['an object', { certificate }, {}, TYPE, /an X509Certificate, PEM or DER/],
  [
    'an unknown option',
    certificate,
    { lable: 'x' },
    VALUE,
    /Unknown option "lable" in the options of importCertificate/,
  ],
];

describe('importKey() refuses before any call', () => {
  test.each(KEYS)('%s', async (_title, input, options, code, message) => {
    const error = await failure(session.importKey(wrong<string>(input), wrong<object>(options)));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(calls()).toBe(0);
  });
});

describe('importCertificate() refuses before any call', () => {
  test.each(CERTIFICATES)('%s', async (_title, input, options, code, message) => {
    const error = await failure(session.importCertificate(wrong<string>(input), wrong<object>(options)));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(calls()).toBe(0);
  });

  test('an empty array of certificates', async () => {
    const error = await failure(session.importCertificates([]));
    expect(error.message).toMatch(/at least one certificate/);
    expect(calls()).toBe(0);
  });

  test('a chain of which one certificate is damaged', async () => {
    const error = await failure(session.importCertificates([certificate, damaged(certificate)]));
    expect(error.message).toMatch(/not an X.509 certificate/);
    expect(calls()).toBe(0);
  });
});

describe('an import that the token refuses', () => {
  test('a read-only session refuses token objects before a call', async () => {
    const readOnly = await (await module.token({ label: 'bad' })).openSession();
    fault.resetCounters();
    for (const work of [
      () => readOnly.importKey(ec.privateKey, { token: true }),
      () => readOnly.importCertificate(certificate, { token: true }),
    ]) {
      expect((await failure(work())).code).toBe('ERR_CRYPTOKI_SESSION_READ_ONLY');
    }
    expect(calls()).toBe(0);
    await readOnly.close();
  });

  test('leaves nothing of a chain on the token', async () => {
    const root = issue({ subject: 'root', key: rsa.privateKey, signer: rsa.privateKey });
    const leaf = issue({ subject: 'leaf', issuer: 'root', key: ec.publicKey, signer: rsa.privateKey });
    const before = (await session.find('all')).length;
    fault.plan([{ function: 'C_CreateObject', nth: 2, return: 'CKR_DEVICE_MEMORY' }]);
    const error = await failure(session.importCertificates([leaf, root], { token: true }));
    fault.clear();
    expect(error.code).toBe('CKR_DEVICE_MEMORY');
    expect(await session.find('all')).toHaveLength(before);
  });

  test('a refused attribute is left out, another error is final', async () => {
    fault.plan([{ function: 'C_CreateObject', nth: 1, return: 'CKR_ATTRIBUTE_TYPE_INVALID' }]);
    const key = await session.importKey(ec.privateKey, { class: 'PRIVATE_KEY' });
    fault.clear();
    expect(fault.counters().calls.C_CreateObject).toBe(2);
    expect(await key.attributes('sign', 'decrypt', 'sensitive', 'extractable')).toEqual({
      ...{ sign: true, decrypt: false, sensitive: true, extractable: false },
    });
    await key.destroy();
    fault.resetCounters();
    fault.plan([{ function: 'C_CreateObject', nth: 1, return: 'CKR_DEVICE_MEMORY' }]);
    expect((await failure(session.importKey(ec.privateKey))).code).toBe('CKR_DEVICE_MEMORY');
    fault.clear();
    expect(fault.counters().calls.C_CreateObject).toBe(1);
  });

  test('a token that refuses to deny usages, and gives others, keeps no key', async () => {
    const refuse = (nth: number) =>
      ({ function: 'C_CreateObject', nth, return: 'CKR_ATTRIBUTE_TYPE_INVALID' }) as const;
    // The last template denies nothing, and a key of SoftHSM2 without CKA_DECRYPT in its template can decrypt.
    fault.plan([refuse(1), refuse(2), refuse(3)]);
    const before = (await session.find('all')).length;
    const error = await failure(session.importKey(ec.privateKey));
    fault.clear();
    expect(error.code).toBe('ERR_CRYPTOKI_UNSUPPORTED');
    expect(error.message).toMatch(/not asked for \(.*decrypt.*\), so the key was destroyed/);
    expect(await session.find('all')).toHaveLength(before);
  });

  test('errors contain neither key nor passphrase', async () => {
    const secrets = [jwk.d as string, 'right', 'secret passphrase'];
    const errors = [
      await failure(session.importKey({ ...jwk, crv: 'P-999' })),
      await failure(session.importKey(wrong({ ...jwk, x: 5 }))),
      await failure(session.importKey({ ...jwk, x: 'AA' })),
      await failure(session.importKey(pem(ec.privateKey, encrypted), { passphrase: 'secret passphrase' })),
    ];
    for (const error of errors) {
      const text = `${error.stack}${String((error.cause as Error | undefined)?.stack)}`;
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
  });
});

test('a private key in PEM is refused if its public key belongs to another key', async () => {
  const der = ec.privateKey.export({ type: 'sec1', format: 'der' });
  const point = (key: KeyObject) =>
    createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-65);
  const at = der.indexOf(point(ec.privateKey));
  point(other.privateKey).copy(der, at);
  const error = await failure(session.importKey(der));
  expect(error.message).toMatch(/damaged/);
  expect(error.code).toBe(VALUE);
});
