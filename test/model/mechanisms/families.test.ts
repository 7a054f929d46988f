import type { KeyPair, MechanismInput, SecretKey } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../../support/fault';
import { failure } from '../../support/open';

const MESSAGE = Buffer.from('a message');

let faulty: Faulty;
const pairs = new Map<string, KeyPair>();
const secrets = new Map<string, SecretKey>();
beforeAll(async () => {
  faulty = await openFaulty();
  const { session } = faulty;
  pairs.set('EC', await session.generateKeyPair('EC', { curve: 'P-256' }));
  pairs.set('RSA', await session.generateKeyPair('RSA'));
  pairs.set('EC_EDWARDS', await session.generateKeyPair('EC_EDWARDS', { curve: 'Ed25519' }));
  secrets.set('AES', await session.generateKey('AES'));
});
afterAll(() => faulty.close());

/** Does an operation with the wrong key and checks that it does not reach the module. */
async function refused(action: () => unknown): Promise<Error> {
  faulty.hsm.resetCounters();
  const error = await failure(async () => action());
  const { calls } = faulty.hsm.counters();
  const begun = Object.keys(calls).filter((name) => /^C_(Sign|Verify|Encrypt|Decrypt)/.test(name));
  expect(begun).toEqual([]);
  expect(error).toMatchObject({ code: 'CKR_KEY_TYPE_INCONSISTENT', action: 'fatal' });
  return error;
}

const SIGNATURES: [string, MechanismInput, string][] = [
  ['EC', 'RSA-PKCS1-SHA256', 'ECDSA-SHA256'],
  ['EC', { name: 'RSA-PSS-SHA256', saltLength: 20 }, 'ECDSA-SHA256'],
  ['EC', { mechanism: 'RSA_PKCS' }, 'ECDSA-SHA256'],
  ['EC', 'HMAC-SHA256', 'ECDSA-SHA256'],
  ['RSA', 'ECDSA-SHA256', 'RSA-PSS-SHA256'],
  ['RSA', { mechanism: 'ECDSA' }, 'RSA-PSS-SHA256'],
  ['RSA', 'EdDSA', 'RSA-PSS-SHA256'],
  ['EC_EDWARDS', 'ECDSA-SHA256', 'EdDSA'],
  ['EC_EDWARDS', 'RSA-PKCS1-SHA256', 'EdDSA'],
];

describe.each(SIGNATURES)('a key of type %s with %j', (type, algorithm, hint) => {
  const signature = Buffer.alloc(64);
  const pair = (): KeyPair => pairs.get(type) as KeyPair;

  test('is refused before the call with an error that names suitable algorithms', async () => {
    const { publicKey, privateKey } = pair();
    for (const action of [
      () => privateKey.sign(algorithm, MESSAGE),
      () => privateKey.signSync(algorithm, MESSAGE),
      () => privateKey.signMany(algorithm, [MESSAGE]),
      () => publicKey.verify(algorithm, MESSAGE, signature),
      () => publicKey.verifySync(algorithm, MESSAGE, signature),
      () => publicKey.verifyMany(algorithm, [{ data: MESSAGE, signature }]),
    ]) {
      const { message } = await refused(action);
      expect(message).toContain(hint);
      expect(message).toContain(type);
    }
  });

  test.skipIf(algorithm === 'EdDSA')('is refused in streams before their first byte', async () => {
    const { publicKey, privateKey } = pair();
    await refused(() => privateKey.createSign(algorithm));
    await refused(() => publicKey.createVerify(algorithm, signature));
  });
});

test('ciphers for another type of key are refused before the call', async () => {
  const rsa = pairs.get('RSA') as KeyPair;
  const ec = pairs.get('EC') as KeyPair;
  const aes = secrets.get('AES') as SecretKey;
  const gcm = { name: 'AES-GCM', iv: Buffer.alloc(12, 1) };
  const oaep = 'RSA-OAEP-SHA256';
  expect((await refused(() => ec.publicKey.encrypt(oaep, MESSAGE))).message).toContain('key of type EC');
  expect((await refused(() => rsa.publicKey.encrypt(gcm, MESSAGE))).message).toContain('RSA-OAEP-SHA256');
  expect((await refused(() => aes.encrypt(oaep, MESSAGE))).message).toContain('AES-GCM');
  await refused(() => aes.encryptSync(oaep, MESSAGE));
  await refused(() => aes.decrypt(oaep, MESSAGE));
  await refused(() => aes.decryptSync(oaep, MESSAGE));
  await refused(() => aes.encryptMany(oaep, [MESSAGE]));
  await refused(() => ec.privateKey.decrypt(oaep, MESSAGE));
  await refused(() => ec.privateKey.decryptMany(oaep, [MESSAGE]));
  await refused(() => aes.createEncrypt(oaep));
  await refused(() => aes.createDecrypt(oaep));
});
