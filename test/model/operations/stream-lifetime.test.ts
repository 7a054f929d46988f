import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type KeyPair, Module, type SecretKey, type Session, type Token } from 'cryptoki';
import { FaultModule } from 'cryptoki/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure, wrong } from '../../support/open';
import { createToken, type TestToken } from '../../support/token';
import { bytes, collector, sha256, source } from './stream-support';

let created: TestToken;
let fault: FaultModule;
let module: Module;
let token: Token;
let session: Session;
let aes: SecretKey;
let rsa: KeyPair;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeAll(async () => {
  created = await createToken('lifetime');
  fault = await FaultModule.create({ module: created.module });
  module = await Module.open(fault.path);
  token = await module.token({ label: 'lifetime' });
  await using making = await token.openSession({ readWrite: true });
  await making.login(created.pin);
  await making.generateKeyPair('RSA', { label: 'rsa', token: true });
  process.on('unhandledRejection', note);
});
beforeEach(async () => {
  session = await token.openSession({ readWrite: true });
  await session.login(created.pin);
  aes = await session.generateKey('AES');
  rsa = {
    privateKey: await session.privateKey({ label: 'rsa' }),
    publicKey: await session.publicKey({ label: 'rsa' }),
  };
});
afterEach(async () => {
  fault.clear();
  await token[Symbol.asyncDispose]();
  await sleep(5);
  expect(unhandled.splice(0)).toEqual([]);
});
afterAll(async () => {
  process.off('unhandledRejection', note);
  await module.close();
  await fault[Symbol.asyncDispose]();
  created.remove();
});

const MESSAGE = bytes(1_000_000);
const FINALS = [
  ...(['C_SignFinal', 'C_VerifyFinal', 'C_DigestFinal', 'C_EncryptFinal', 'C_DecryptFinal'] as const),
  ...(['C_Sign', 'C_Verify', 'C_Digest', 'C_Encrypt', 'C_Decrypt'] as const),
];
const CTR = { name: 'AES-CTR', counter: Buffer.alloc(16) };

/** Checks that the session still runs all operations. */
async function expectHealthy(on: Session = session): Promise<void> {
  expect(await on.digest('SHA-256', MESSAGE)).toEqual(sha256(MESSAGE));
  const signature = await rsa.privateKey.on(on).sign('RSA-PKCS1-SHA256', MESSAGE);
  expect(await rsa.publicKey.on(on).verify('RSA-PKCS1-SHA256', MESSAGE, signature)).toBe(true);
  expect(await on.find({ class: 'PRIVATE_KEY' })).toHaveLength(1);
  const stream = on.createDigest('SHA-256');
  await stream.update(MESSAGE);
  expect(await stream.final()).toEqual(sha256(MESSAGE));
}

/** One stream of each kind. */
const KINDS: [string, () => ReturnType<Session['createDigest']> | ReturnType<SecretKey['createEncrypt']>][] =
  [
    ['createDigest', () => session.createDigest('SHA-256')],
    ['createSign', () => rsa.privateKey.createSign('RSA-PKCS1-SHA256')],
    ['createVerify', () => wrong(rsa.publicKey.createVerify('RSA-PKCS1-SHA256', bytes(256)))],
    ['createEncrypt', () => aes.createEncrypt(CTR)],
    ['createDecrypt', () => aes.createDecrypt({ name: 'AES-CBC', iv: Buffer.alloc(16) })],
  ];

describe.each(KINDS)('a stream of %s()', (_, create) => {
  test('frees the session when it is destroyed before its end', async () => {
    const stream = create();
    stream.write(MESSAGE);
    await sleep(10);
    expect((await failure(session.digest('SHA-256', MESSAGE))).code).toBe('CKR_OPERATION_ACTIVE');
    stream.destroy();
    await once(stream, 'close');
    await expectHealthy();
  });

  test('frees the session when it is disposed of at once, also before it has begun', async () => {
    {
      await using stream = create();
      stream.write(MESSAGE);
    }
    {
      await using stream = create();
      void stream;
    }
    await expectHealthy();
  });

  test('is aborted by its own signal and by that of pipeline()', async () => {
    const stream = create();
    const end = new AbortController();
    setTimeout(() => end.abort(), 20);
    const endless = Readable.from(
      (async function* () {
        for (;;) {
          await sleep(1);
          yield MESSAGE;
        }
      })(),
    );
    const { sink } = collector();
    const ended =
      'read' in stream
        ? pipeline(endless, stream, sink, { signal: end.signal })
        : pipeline(endless, stream, { signal: end.signal });
    await expect(ended).rejects.toMatchObject({ name: 'AbortError' });
    if (!stream.closed) await once(stream, 'close');
    await expectHealthy();
  });

  test('prevents a second stream on its session until it ends', async () => {
    const first = create();
    first.write(MESSAGE);
    await sleep(5);
    const second = session.createDigest('SHA-256');
    const error = await failure(second.update(MESSAGE));
    expect(error).toMatchObject({ name: 'CryptokiError', code: 'CKR_OPERATION_ACTIVE' });
    expect(error.message).toContain('a stream already uses this session');
    expect(await failure(second.final())).toBe(error);
    await first[Symbol.asyncDispose]();
    await expectHealthy();
  });

  test('closes the session when the operation cannot be cancelled', async () => {
    const stream = create();
    const errored = once(stream, 'error');
    stream.write(MESSAGE);
    await sleep(5);
    fault.plan([{ function: FINALS, return: 'CKR_FUNCTION_FAILED' }]);
    stream.destroy(new Error('enough'));
    expect((await errored)[0]).toMatchObject({ message: 'enough' });
    if (!stream.closed) await once(stream, 'close');
    expect(session.closed).toBe(true);
    fault.clear();
    const other = await token.openSession();
    expect(await other.digest('SHA-256', MESSAGE)).toEqual(sha256(MESSAGE));
  });
});

describe('an error of the token', () => {
  test('in an update call destroys the stream and ends the operation', async () => {
    fault.plan([{ function: 'C_DigestUpdate', nth: 3, return: 'CKR_FUNCTION_FAILED' }]);
    const stream = session.createDigest('SHA-256');
    const expected = { name: 'CryptokiError', code: 'CKR_FUNCTION_FAILED', function: 'C_DigestUpdate' };
    await expect(pipeline(source(bytes(5_000_000)), stream)).rejects.toMatchObject(expected);
    await expect(stream.result()).rejects.toMatchObject(expected);
    await expect(stream.update(MESSAGE)).rejects.toMatchObject(expected);
    expect(stream.destroyed).toBe(true);
    fault.clear();
    await expectHealthy();
  });

  test('in an update call is reported only by update() and final() if the caller uses these instead of a pipe', async () => {
    fault.plan([{ function: 'C_SignUpdate', nth: 1, return: 'CKR_FUNCTION_FAILED' }]);
    const stream = rsa.privateKey.createSign('RSA-PKCS1-SHA256');
    void stream.update(MESSAGE);
    void stream.update(MESSAGE);
    await expect(stream.final()).rejects.toMatchObject({ code: 'CKR_FUNCTION_FAILED' });
    fault.clear();
    await expectHealthy();
  });

  test('in a Final call destroys the stream and ends the operation', async () => {
    fault.plan([{ function: 'C_SignFinal', nth: 1, return: 'CKR_FUNCTION_FAILED' }]);
    const stream = rsa.privateKey.createSign('RSA-PKCS1-SHA256');
    await expect(pipeline(source(MESSAGE), stream)).rejects.toMatchObject({ code: 'CKR_FUNCTION_FAILED' });
    await expectHealthy();
  });

  test('in the Final call of a cipher destroys the stream and ends the operation', async () => {
    fault.plan([{ function: 'C_EncryptFinal', nth: 1, return: 'CKR_FUNCTION_FAILED' }]);
    const { sink } = collector();
    const ended = pipeline(source(MESSAGE), aes.createEncrypt(CTR), sink);
    await expect(ended).rejects.toMatchObject({ code: 'CKR_FUNCTION_FAILED' });
    await expectHealthy();
  });

  test('in an Init call destroys the stream before an operation has begun', async () => {
    const stream = aes.createSign('HMAC-SHA256');
    await expect(pipeline(source(MESSAGE), stream)).rejects.toMatchObject({ function: 'C_SignInit' });
    await expectHealthy();
  });

  test('explains that a mechanism does not support parts', async () => {
    const ec = await session.generateKeyPair('EC', { curve: 'P-256' });
    const stream = ec.privateKey.createSign({ mechanism: 'ECDSA' });
    const error = await failure(pipeline(source(MESSAGE), stream));
    expect(error.message).toContain('in one piece only; use sign()');
    await session.find({ class: 'PRIVATE_KEY', label: 'none' });
  });
});

describe('a stream', () => {
  test('ends when its session is closed', async () => {
    const stream = session.createDigest('SHA-256');
    await stream.update(MESSAGE);
    await session.close();
    const error = await failure(stream.update(MESSAGE).then(() => stream.final()));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_SESSION_CLOSED' });
    const other = await token.openSession(); // SoftHSM2 assigns the same handle
    expect(await other.digest('SHA-256', MESSAGE)).toEqual(sha256(MESSAGE));
  });

  test('ends when its key no longer exists before it begins', async () => {
    const stream = aes.createEncrypt(CTR);
    await session.logout();
    await expect(pipeline(source(MESSAGE), stream, collector().sink)).rejects.toMatchObject({
      code: 'ERR_CRYPTOKI_OBJECT_DEAD',
    });
    expect(() => aes.createEncrypt(CTR)).toThrow(
      expect.objectContaining({ code: 'ERR_CRYPTOKI_OBJECT_DEAD' }),
    );
  });

  test('that is destroyed during a long call waits for the call and then ends the operation', async () => {
    fault.plan([{ function: 'C_DigestUpdate', nth: 1, delay: 100 }]);
    const stream = session.createDigest('SHA-256');
    void stream.update(MESSAGE);
    await sleep(20);
    const begun = performance.now();
    stream.destroy();
    await once(stream, 'close');
    expect(performance.now() - begun).toBeGreaterThan(50);
    await expectHealthy();
  });

  test('ends when it is destroyed while update() waits for buffer space', async () => {
    fault.plan([{ function: 'C_DigestUpdate', delay: 20 }]);
    const stream = session.createDigest('SHA-256');
    const updates = Array.from({ length: 10 }, () => stream.update(MESSAGE));
    await sleep(30);
    stream.destroy(new Error('enough'));
    const outcomes = await Promise.allSettled(updates);
    expect(outcomes.at(-1)).toMatchObject({ status: 'rejected', reason: { message: 'enough' } });
    await expect(stream.result()).rejects.toThrow('enough');
    if (!stream.closed) await once(stream, 'close');
    fault.clear();
    await expectHealthy();
  });

  test('accepts no more data after its end', async () => {
    const stream = session.createDigest('SHA-256');
    await stream.update(MESSAGE);
    const digest = await stream.final();
    await expect(stream.update(MESSAGE)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_STREAM_(WRITE_AFTER_END|DESTROYED)$/),
    });
    expect(digest).toEqual(sha256(MESSAGE));
    await expectHealthy();
  });

  test('that was destroyed returns no result', async () => {
    const stream = session.createDigest('SHA-256');
    stream.destroy();
    await expect(stream.result()).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    await expect(stream.final()).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
  });

  test('that verifies fails without a signature', async () => {
    const ec = await session.generateKeyPair('EC', { curve: 'P-256' });
    for (const key of [rsa.publicKey, ec.publicKey]) {
      const name = key.keyType === 'RSA' ? 'RSA-PKCS1-SHA256' : 'ECDSA-SHA256';
      const stream = key.createVerify(name);
      await stream.update(MESSAGE);
      expect((await failure(stream.final())).message).toContain('without a signature');
    }
    await ec.privateKey.destroy();
    await expectHealthy();
  });

  test('ends when its source fails', async () => {
    const stream = rsa.privateKey.createSign('RSA-PKCS1-SHA256');
    const broken = Readable.from(
      (async function* () {
        yield MESSAGE;
        throw new Error('the disk is gone');
      })(),
    );
    await expect(pipeline(broken, stream)).rejects.toThrow('the disk is gone');
    await expect(stream.result()).rejects.toThrow('the disk is gone');
    if (!stream.closed) await once(stream, 'close');
    await expectHealthy();
  });
});

test('a signal that is already aborted destroys the stream before it begins', async () => {
  const stream = session.createDigest('SHA-256', { signal: AbortSignal.abort(new Error('no')) });
  await expect(stream.update(MESSAGE)).rejects.toThrow('no');
  await expect(stream.result()).rejects.toThrow('no');
});

test('a stream leaves no listener on its signal', async () => {
  const end = new AbortController();
  for (let i = 0; i < 20; i += 1) {
    const stream = session.createDigest('SHA-256', { signal: end.signal });
    await stream.update(MESSAGE);
    await stream.final();
    if (!stream.closed) await once(stream, 'close');
  }
  const stream = session.createDigest('SHA-256', { signal: end.signal });
  await stream.update(MESSAGE);
  end.abort(new Error('enough'));
  await expect(stream.result()).rejects.toThrow('enough');
  if (!stream.closed) await once(stream, 'close');
  await expectHealthy();
});

test('streams run one after another on one session, and at the same time on several', async () => {
  const others = await Promise.all(Array.from({ length: 8 }, () => token.openSession()));
  const digests = await Promise.all(
    others.map(async (other, i) => {
      const results = [];
      for (let round = 0; round < 5; round += 1) {
        const stream = other.createDigest('SHA-256');
        await pipeline(source(MESSAGE.subarray(i * 1000 + round), 'mixed'), stream);
        results.push(await stream.result());
      }
      return results;
    }),
  );
  for (const [i, results] of digests.entries()) {
    for (const [round, result] of results.entries()) {
      expect(result).toEqual(sha256(MESSAGE.subarray(i * 1000 + round)));
    }
  }
  expect(fault.violations).toEqual([]);
});
