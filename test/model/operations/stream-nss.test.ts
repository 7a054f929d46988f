import { createHash, createHmac, verify } from 'node:crypto';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { KeyPair, MechanismInput, SecretKey } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Nss, openNss, whyNoNss } from '../../support/nss';
import { failure } from '../../support/open';
import { bytes, type Cut, collector, pieces, sha256, source } from './stream-support';

const MESSAGE = bytes(700_003);
const CUTS: Cut[] = [65536, 'mixed'];

describe.skipIf(whyNoNss !== undefined)(`streams with NSS${whyNoNss ? ` (${whyNoNss})` : ''}`, () => {
  let nss: Nss;
  let rsa: KeyPair;
  let ec: KeyPair;
  let aes: SecretKey;
  let hmac: SecretKey;
  const value = bytes(64, 5);
  beforeAll(async () => {
    nss = await openNss();
    rsa = await nss.session.generateKeyPair('RSA');
    ec = await nss.session.generateKeyPair('EC', { curve: 'P-256' });
    aes = await nss.session.generateKey('AES');
    hmac = (await nss.session.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'GENERIC_SECRET', value, token: false, sign: true, verify: true },
    })) as SecretKey;
  });
  afterAll(() => nss.close());

  test.each(['SHA-1', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512'])('digest with %s', async (name) => {
    for (const message of [MESSAGE, Buffer.alloc(0), Buffer.alloc(1)]) {
      const stream = nss.session.createDigest(name);
      await pipeline(source(message, 'mixed'), stream);
      const judge = createHash(name.replace('-', '').toLowerCase());
      expect(await stream.result()).toEqual(judge.update(message).digest());
    }
  });

  test.each<[string, () => KeyPair]>([
    ...['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512'].flatMap((hash): [string, () => KeyPair][] => [
      [`RSA-PKCS1-${hash}`, () => rsa],
      [`RSA-PSS-${hash}`, () => rsa],
      [`ECDSA-${hash}`, () => ec],
    ]),
  ])('sign and verify with %s', async (algorithm, pair) => {
    const { privateKey, publicKey } = pair();
    const stream = privateKey.createSign(algorithm);
    await pipeline(source(MESSAGE, 'mixed'), stream);
    const signature = await stream.result();
    const key = await publicKey.toKeyObject();
    const padding = algorithm.startsWith('RSA-PSS') ? { padding: 6, saltLength: -1 } : {};
    const hash = algorithm.slice(algorithm.lastIndexOf('-') + 1).toLowerCase();
    expect(verify(hash, MESSAGE, { key, dsaEncoding: 'ieee-p1363', ...padding }, signature)).toBe(true);
    const results: unknown[] = [];
    const other = Buffer.from(signature);
    other[20] = (other[20] as number) ^ 1;
    for (const each of [signature, other, signature.subarray(1)]) {
      const verifying = publicKey.createVerify(algorithm, each);
      await verifying.update(MESSAGE);
      results.push(await verifying.final().catch(() => 'refused'));
    }
    expect(results.map((each) => each === true)).toEqual([true, false, false]); // NSS returns an error for a signature of another length
  });

  test.each(['SHA1', 'SHA256', 'SHA384', 'SHA512'])('make MACs with HMAC-%s', async (hash) => {
    const stream = hmac.createSign(`HMAC-${hash}`);
    await pipeline(source(MESSAGE, 'mixed'), stream);
    const mac = await stream.result();
    expect(mac).toEqual(createHmac(hash.toLowerCase(), value).update(MESSAGE).digest());
    const results: unknown[] = [];
    for (const each of [mac, bytes(mac.length), mac.subarray(1), Buffer.alloc(0)]) {
      const verifying = hmac.createVerify(`HMAC-${hash}`, each);
      await verifying.update(MESSAGE);
      results.push(await verifying.final().catch(() => 'refused'));
    }
    expect(results.map((each) => each === true)).toEqual([true, false, false, false]);
  });

  const iv = bytes(16, 3);
  const CIPHERS: MechanismInput[] = [
    { name: 'AES-CBC', iv },
    { name: 'AES-CTR', counter: iv },
    { mechanism: 'AES_CBC_PAD', parameter: iv },
  ];
  test.each(CIPHERS)('encrypt and decrypt: %o', async (algorithm) => {
    for (const cut of CUTS) {
      for (const message of [MESSAGE, MESSAGE.subarray(0, 1), MESSAGE.subarray(0, 65536)]) {
        const there = collector();
        await pipeline(source(message, cut), aes.createEncrypt(algorithm), there.sink);
        expect(there.result().equals(await aes.encrypt(algorithm, message))).toBe(true);
        const back = collector();
        await pipeline(source(there.result(), cut), aes.createDecrypt(algorithm), back.sink);
        expect(back.result().equals(message)).toBe(true);
      }
    }
  });

  test('pass whole blocks to the module, even if bytes arrive one at a time', async () => {
    const algorithm = { name: 'AES-CBC', iv };
    const message = MESSAGE.subarray(0, 20_003);
    const encrypted = await aes.encrypt(algorithm, message);
    for (const [create, input, expected] of [
      [aes.createEncrypt(algorithm), message, encrypted],
      [aes.createDecrypt(algorithm), encrypted, message],
    ] as const) {
      const slow = async function* () {
        for (const piece of pieces(input, 997)) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          yield piece;
        }
      };
      const taken = collector();
      await pipeline(slow, create, taken.sink);
      expect(taken.result().equals(expected)).toBe(true);
      expect(taken.taken.length).toBeGreaterThan(3);
    }
  });

  test('report that AES-GCM does not support parts, and free the session', async () => {
    const algorithm = { name: 'AES-GCM', iv: iv.subarray(0, 12) };
    const error = await failure(pipeline(source(MESSAGE), aes.createEncrypt(algorithm), collector().sink));
    expect(error.message).toContain('in one piece only; use encrypt()');
    expect(nss.session.closed).toBe(false);
    expect(await aes.encrypt(algorithm, MESSAGE)).toHaveLength(MESSAGE.length + 16);
  });

  test('leave the session usable when they are destroyed', async () => {
    const streams = [
      () => nss.session.createDigest('SHA-256'),
      () => rsa.privateKey.createSign('RSA-PKCS1-SHA256'),
      () => rsa.publicKey.createVerify('RSA-PKCS1-SHA256', bytes(256)),
      () => aes.createEncrypt({ name: 'AES-CTR', counter: iv }),
      () => aes.createDecrypt({ name: 'AES-CBC', iv }),
    ];
    for (const create of streams) {
      for (const message of [Buffer.alloc(1), MESSAGE.subarray(0, 600_000)]) {
        const stream = create();
        stream.write(message);
        await new Promise((resolve) => setTimeout(resolve, 10));
        stream.destroy();
        await once(stream, 'close');
        expect(nss.session.closed).toBe(false);
        expect(await nss.session.digest('SHA-256', MESSAGE)).toEqual(sha256(MESSAGE));
        const again = create();
        await again[Symbol.asyncDispose]();
      }
    }
  });
});
