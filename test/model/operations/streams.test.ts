import { createCipheriv, createHash, createHmac, type KeyObject, verify } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { KeyPair, MechanismInput, SecretKey, Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Opened, openToken } from '../../support/open';
import { bytes, type Cut, collector, sha256, source } from './stream-support';

let opened: Opened;
let session: Session;
let rsa: KeyPair;
let ec: KeyPair;
let aes: SecretKey;
let hmac: SecretKey;
const known = { aes: bytes(32, 7), hmac: bytes(64, 8) };
const secret = (keyType: 'AES' | 'GENERIC_SECRET', value: Buffer) =>
  session.createObject({
    ...{ class: 'SECRET_KEY', keyType, value, token: false, private: false },
    ...{ encrypt: true, decrypt: true, sign: true, verify: true },
  }) as Promise<SecretKey>;
beforeAll(async () => {
  opened = await openToken('streams');
  session = opened.session;
  rsa = await session.generateKeyPair('RSA');
  ec = await session.generateKeyPair('EC', { curve: 'P-256' });
  aes = await secret('AES', known.aes);
  hmac = await secret('GENERIC_SECRET', known.hmac);
});
afterAll(() => opened.close());

const MESSAGE = bytes(1_300_003);
const CUTS: Cut[] = [1000, 4096, 20_000, 65536, 65537, 262_144, 1_048_576, 'mixed'];
const SIZES = [0, 1, 15, 16, 65535, 65536, 524_288, 524_289];
const HASHES = ['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512'];

describe('createDigest()', () => {
  test.each(CUTS)('equals the digest of node:crypto for chunks of %s', async (cut) => {
    const stream = session.createDigest('SHA-256');
    await pipeline(source(MESSAGE, cut), stream);
    expect(await stream.result()).toEqual(sha256(MESSAGE));
    expect(await stream.result()).toEqual(sha256(MESSAGE));
  });

  test.each(SIZES)('equals the digest of node:crypto for %i bytes', async (size) => {
    const message = MESSAGE.subarray(0, size);
    const stream = session.createDigest('SHA-256');
    await pipeline(source(message, size === 0 ? 1 : size), stream);
    expect(await stream.result()).toEqual(sha256(message));
  });

  test.each(HASHES)('digests with %s, one byte at a time', async (name) => {
    const message = MESSAGE.subarray(0, 3001);
    const stream = session.createDigest(`SHA-${name.slice(3)}`);
    await pipeline(source(message, 1), stream);
    expect(await stream.result()).toEqual(createHash(name.toLowerCase()).update(message).digest());
  });

  test('accepts a mechanism by name', async () => {
    const stream = session.createDigest({ mechanism: 'MD5' });
    await pipeline(source(MESSAGE), stream);
    expect(await stream.result()).toEqual(createHash('md5').update(MESSAGE).digest());
  });

  test('accepts all types of bytes in update()', async () => {
    const stream = session.createDigest('SHA-256');
    await stream.update(Buffer.from('ab'));
    await stream.update(new Uint16Array([0x6463]));
    await stream.update(new Uint8Array([0x65, 0x66]).buffer);
    await stream.update(new DataView(new Uint8Array([0, 0x67, 0]).buffer, 1, 1));
    await stream.update(Buffer.alloc(0));
    stream.write('h\u00e4', 'utf8');
    expect(await stream.final()).toEqual(sha256(Buffer.from('abcdefgh\u00e4')));
    expect(await stream.final()).toEqual(sha256(Buffer.from('abcdefgh\u00e4')));
  });

  test('keeps the order of updates that the caller did not await', async () => {
    const stream = session.createDigest('SHA-256');
    for (let at = 0; at < MESSAGE.length; at += 100_000)
      void stream.update(MESSAGE.subarray(at, at + 100_000));
    expect(await stream.final()).toEqual(sha256(MESSAGE));
  });

  test('copies a chunk before it requests the next one', async () => {
    const stream = session.createDigest('SHA-256');
    const chunk = Buffer.alloc(100_000);
    for (let i = 0; i < 20; i += 1) {
      chunk.fill(i);
      await stream.update(chunk);
    }
    const whole = Buffer.concat(Array.from({ length: 20 }, (_, i) => Buffer.alloc(100_000, i)));
    expect(await stream.final()).toEqual(sha256(whole));
  });
});

/** Checks a signature with node:crypto. */
const isRight = (key: KeyObject, hash: string, signature: Buffer, saltLength?: number) =>
  verify(
    hash.toLowerCase(),
    MESSAGE,
    saltLength === undefined ? { key, dsaEncoding: 'ieee-p1363' } : { key, padding: 6, saltLength },
    signature,
  );

describe('createSign() and createVerify()', () => {
  const judge = async (pair: KeyPair, algorithm: MechanismInput, hash: string, saltLength?: number) => {
    const key = await pair.publicKey.toKeyObject();
    const stream = pair.privateKey.createSign(algorithm);
    await pipeline(source(MESSAGE, 'mixed'), stream);
    const signature = await stream.result();
    expect(isRight(key, hash, signature, saltLength)).toBe(true);

    const verifying = pair.publicKey.createVerify(algorithm, signature);
    await pipeline(source(MESSAGE), verifying);
    expect(await verifying.result()).toBe(true);

    const late = pair.publicKey.createVerify(algorithm);
    await late.update(MESSAGE);
    expect(await late.final(signature)).toBe(true);

    for (const wrong of [Buffer.from(signature), signature.subarray(1), Buffer.alloc(0)]) {
      if (wrong.length === signature.length) wrong[9] = (wrong[9] as number) ^ 1;
      const refusing = pair.publicKey.createVerify(algorithm, wrong);
      await refusing.update(MESSAGE);
      expect(await refusing.final()).toBe(false);
    }
    const other = pair.publicKey.createVerify(algorithm, signature);
    await other.update(MESSAGE.subarray(1));
    expect(await other.final()).toBe(false);
  };

  test.each(HASHES)('support RSA-PKCS1-%s', (hash) => judge(rsa, `RSA-PKCS1-${hash}`, hash));
  test.each(HASHES)('support RSA-PSS-%s', (hash) =>
    judge(rsa, `RSA-PSS-${hash}`, hash, hash === 'SHA1' ? 20 : Number(hash.slice(3)) / 8),
  );
  test('support RSA-PSS with a given salt length', () =>
    judge(rsa, { name: 'RSA-PSS-SHA256', saltLength: 11 }, 'SHA256', 11));
  test.each(HASHES)('support ECDSA-%s, where the token signs the digest only', (hash) =>
    judge(ec, `ECDSA-${hash}`, hash),
  );
  test('support a mechanism', () => judge(rsa, { mechanism: 'SHA256_RSA_PKCS' }, 'SHA256'));

  test.each(HASHES)('support HMAC-%s', async (hash) => {
    const algorithm = `HMAC-${hash}`;
    const expected = createHmac(hash.toLowerCase(), known.hmac).update(MESSAGE).digest();
    const stream = hmac.createSign(algorithm);
    await pipeline(source(MESSAGE, 'mixed'), stream);
    expect(await stream.result()).toEqual(expected);
    const results = [];
    for (const mac of [expected, bytes(expected.length), expected.subarray(2), Buffer.alloc(99)]) {
      const verifying = hmac.createVerify(algorithm, mac);
      await verifying.update(MESSAGE);
      results.push(await verifying.final());
    }
    expect(results).toEqual([true, false, false, false]);
  });

  test('accept an empty message', async () => {
    const stream = rsa.privateKey.createSign('RSA-PKCS1-SHA256');
    const signature = await stream.final();
    expect(await rsa.publicKey.verify('RSA-PKCS1-SHA256', Buffer.alloc(0), signature)).toBe(true);
    expect(await rsa.publicKey.createVerify('RSA-PKCS1-SHA256', signature).final()).toBe(true);
    const mac = await hmac.createSign('HMAC-SHA256').final();
    expect(mac).toEqual(createHmac('sha256', known.hmac).digest());
  });

  test('copy signature and algorithm at their creation', async () => {
    const signature = await hmac.sign('HMAC-SHA256', MESSAGE);
    const algorithm = { name: 'HMAC-SHA256' };
    const stream = hmac.createVerify(algorithm, signature);
    signature.fill(0);
    algorithm.name = 'nothing';
    await stream.update(MESSAGE);
    expect(await stream.final()).toBe(true);
  });
});

describe('createEncrypt() and createDecrypt()', () => {
  const iv = bytes(16, 3);
  const ALGORITHMS: [MechanismInput, string, Buffer][] = [
    [{ name: 'AES-CBC', iv }, 'aes-256-cbc', iv],
    [{ name: 'AES-CTR', counter: iv }, 'aes-256-ctr', iv],
    [{ name: 'AES-GCM', iv: iv.subarray(0, 12) }, 'aes-256-gcm', iv.subarray(0, 12)],
    [{ mechanism: 'AES_CBC_PAD', parameter: iv }, 'aes-256-cbc', iv],
  ];
  const expected = (cipher: string, itsIv: Buffer, message: Buffer): Buffer => {
    const judge = createCipheriv(cipher, known.aes, itsIv) as ReturnType<typeof createCipheriv> & {
      getAuthTag(): Buffer;
    };
    const parts: Buffer[] = [judge.update(message), judge.final()];
    if (cipher.endsWith('gcm')) parts.push(judge.getAuthTag());
    return Buffer.concat(parts);
  };

  describe.each(ALGORITHMS)('%o', (algorithm, cipher, itsIv) => {
    test.each(CUTS)('equals the result of node:crypto for chunks of %s, and decrypts it', async (cut) => {
      const there = collector();
      await pipeline(source(MESSAGE, cut), aes.createEncrypt(algorithm), there.sink);
      expect(there.result().equals(expected(cipher, itsIv, MESSAGE))).toBe(true);
      const back = collector();
      await pipeline(source(there.result(), cut), aes.createDecrypt(algorithm), back.sink);
      expect(back.result().equals(MESSAGE)).toBe(true);
    });

    test.each(SIZES)('encrypts and decrypts %i bytes', async (size) => {
      const message = MESSAGE.subarray(0, size);
      const there = collector();
      await pipeline(source(message), aes.createEncrypt(algorithm), there.sink);
      expect(there.result().equals(expected(cipher, itsIv, message))).toBe(true);
      const back = collector();
      await pipeline(source(there.result()), aes.createDecrypt(algorithm), back.sink);
      expect(back.result().equals(message)).toBe(true);
    });
  });

  test('pause the source while the sink is slow', async () => {
    let given = 0;
    const endless = Readable.from(
      (function* () {
        for (; given < 1000; given += 1) yield bytes(65536, given);
      })(),
      { objectMode: false },
    );
    const slow = collector(true);
    const stream = aes.createEncrypt({ name: 'AES-CTR', counter: iv });
    const most: number[] = [];
    const watch = setInterval(() => {
      const taken = slow.taken.reduce((sum, { length }) => sum + length, 0);
      most.push(given * 65536 - taken);
    }, 5);
    const end = new AbortController();
    setTimeout(() => end.abort(), 300);
    await pipeline(endless, stream, slow.sink, { signal: end.signal }).catch(() => {});
    clearInterval(watch);
    expect(most.length).toBeGreaterThan(5);
    expect(given).toBeLessThan(1000);
    expect(Math.max(...most)).toBeLessThan(5 * 1024 * 1024);
  });

  test('return the data of a slow source without waiting for more', async () => {
    const stream = aes.createEncrypt({ name: 'AES-CTR', counter: iv });
    stream.write(MESSAGE.subarray(0, 1000));
    const [first] = (await once(stream, 'data')) as [Buffer];
    expect(first).toEqual(expected('aes-256-ctr', iv, MESSAGE.subarray(0, 1000)));
    stream.end();
    await once(stream, 'close');
  });

  test('use the IV as it was at their creation', async () => {
    const changing = Buffer.from(iv);
    const stream = aes.createEncrypt({ name: 'AES-CTR', counter: changing });
    changing.fill(0);
    const there = collector();
    await pipeline(source(MESSAGE), stream, there.sink);
    expect(there.result().equals(expected('aes-256-ctr', iv, MESSAGE))).toBe(true);
  });

  test('refuse a wrong tag', async () => {
    const algorithm = { name: 'AES-GCM', iv: iv.subarray(0, 12) };
    const encrypted = await aes.encrypt(algorithm, MESSAGE);
    encrypted[5] = (encrypted[5] as number) ^ 1;
    const back = collector();
    const ended = pipeline(source(encrypted), aes.createDecrypt(algorithm), back.sink);
    await expect(ended).rejects.toMatchObject({ name: 'CryptokiError', function: 'C_DecryptFinal' });
    expect(await session.digest('SHA-256', MESSAGE)).toEqual(sha256(MESSAGE));
  });
});

describe('a web stream', () => {
  test('can be piped through a digest', async () => {
    const stream = session.createDigest('SHA-256');
    await Readable.toWeb(source(MESSAGE)).pipeTo(stream.toWeb());
    expect(await stream.result()).toEqual(sha256(MESSAGE));
  });

  test('can be piped through a cipher and back', async () => {
    const algorithm = { name: 'AES-CBC', iv: bytes(16) };
    const taken: Uint8Array[] = [];
    const through: AsyncIterable<Uint8Array> = Readable.toWeb(source(MESSAGE))
      .pipeThrough(aes.createEncrypt(algorithm).toWeb())
      .pipeThrough(new TransformStream());
    for await (const chunk of through) taken.push(chunk);
    expect(Buffer.concat(taken).equals(await aes.encrypt(algorithm, MESSAGE))).toBe(true);
  });

  test('can be aborted', async () => {
    const stream = session.createDigest('SHA-256');
    const writer = stream.toWeb().getWriter();
    await writer.write(MESSAGE);
    await writer.abort(new Error('enough'));
    await expect(stream.result()).rejects.toThrow('enough');
    expect(await session.digest('SHA-256', MESSAGE)).toEqual(sha256(MESSAGE));
  });
});
