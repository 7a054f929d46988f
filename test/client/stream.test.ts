import { verify } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Client, PinRequest } from 'cryptoki';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bytes, collector, sha256, source } from '../model/operations/stream-support';
import { failure } from '../support/open';
import { type Ground, hold, prepare, signer } from './support/ground';

let ground: Ground;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeAll(async () => {
  ground = await prepare('streams');
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  await ground.clean();
  expect(unhandled.splice(0)).toEqual([]);
});
afterAll(async () => {
  process.off('unhandledRejection', note);
  await ground.close();
});

const MESSAGE = bytes(1_000_000);
const CTR = { name: 'AES-CTR', counter: Buffer.alloc(16) };

/** Checks that no stream holds a session and that the client is idle. */
async function expectFree(client: Client): Promise<void> {
  for (let i = 0; i < 100 && client.statistics().lent > 0; i += 1) await sleep(5);
  expect(client.statistics()).toMatchObject({ lent: 0, waiting: 0 });
  const { max } = client.statistics();
  const all = Array.from({ length: 2 * max }, () => client.digest('SHA-256', MESSAGE));
  for (const digest of await Promise.all(all)) expect(digest).toEqual(sha256(MESSAGE));
}

test("streams of a client give the results of the keys' methods", async () => {
  const client = await ground.connect();
  const digest = client.createDigest('SHA-256');
  await pipeline(source(MESSAGE), digest);
  expect(await digest.result()).toEqual(sha256(MESSAGE));

  const { privateKey, publicKey, isRight } = await signer(client);
  const signing = privateKey.createSign('ECDSA-SHA256');
  await pipeline(source(MESSAGE), signing);
  const signature = await signing.result();
  expect(isRight(signature, MESSAGE)).toBe(true);
  const verifying = publicKey.createVerify('ECDSA-SHA256', signature);
  await pipeline(source(MESSAGE), verifying);
  expect(await verifying.result()).toBe(true);

  const rsa = await client.generateKeyPair('RSA');
  const rsaSigning = rsa.privateKey.createSign('RSA-PSS-SHA256');
  await rsaSigning.update(MESSAGE);
  const late = rsa.publicKey.createVerify('RSA-PSS-SHA256');
  await late.update(MESSAGE);
  expect(await late.final(await rsaSigning.final())).toBe(true);

  const aes = await client.generateKey('AES');
  const [there, back] = [collector(), collector()];
  await pipeline(source(MESSAGE), aes.createEncrypt(CTR), there.sink);
  expect(there.result().equals(await aes.encrypt(CTR, MESSAGE))).toBe(true);
  await pipeline(source(there.result()), aes.createDecrypt(CTR), back.sink);
  expect(back.result().equals(MESSAGE)).toBe(true);

  const hmac = await client.generateKey('GENERIC_SECRET', { valueLen: 64 });
  const mac = await hmac.createSign('HMAC-SHA256').final();
  expect(await hmac.createVerify('HMAC-SHA256', mac).final()).toBe(true);
  await expectFree(client);
});

test('a stream that is piped from one key to another uses two sessions', async () => {
  const client = await ground.connect({ sessions: { max: 2 } });
  await using one = await client.generateKey('AES', { token: true });
  const { sink, result } = collector();
  await pipeline(source(MESSAGE), one.createEncrypt(CTR), one.createDecrypt(CTR), sink);
  expect(result().equals(MESSAGE)).toBe(true);
  await one.destroy();
  await expectFree(client);
});

test('a stream borrows its session from the first byte to the end', async () => {
  const client = await ground.connect({ sessions: { max: 2 } });
  const stream = client.createDigest('SHA-256');
  await sleep(10);
  expect(client.statistics().lent).toBe(0);
  await stream.update(Buffer.alloc(1));
  expect(client.statistics().lent).toBe(1);
  await sleep(20);
  expect(client.statistics().lent).toBe(1);
  await stream.final();
  await expectFree(client);

  // When Node.js computes the digest, the session is borrowed for the signature only.
  const { privateKey } = await signer(client, true);
  const signing = privateKey.createSign('ECDSA-SHA256');
  await signing.update(MESSAGE);
  expect(client.statistics().lent).toBe(0);
  await signing.final();
  await privateKey.destroy();
  await expectFree(client);
});

test('100 streams share 4 sessions', async () => {
  const client = await ground.connect({ sessions: { max: 4 } });
  const work = Array.from({ length: 100 }, async (_, i) => {
    const message = MESSAGE.subarray(i, 200_000 + i * 1000);
    const stream = client.createDigest('SHA-256');
    await pipeline(source(message, 'mixed'), stream);
    expect(await stream.result()).toEqual(sha256(message));
    expect(client.statistics().lent).toBeLessThanOrEqual(4);
  });
  await Promise.all(work);
  expect(client.statistics().open).toBeLessThanOrEqual(4);
  expect(ground.fault.violations).toEqual([]);
  await expectFree(client);
});

test('streams get sessions in the order in which they began', async () => {
  const client = await ground.connect({ sessions: { max: 1 } });
  const order: number[] = [];
  const first = client.createDigest('SHA-256');
  await first.update(MESSAGE);
  const others = Array.from({ length: 5 }, async (_, i) => {
    const stream = client.createDigest('SHA-256');
    await stream.update(MESSAGE);
    order.push(i);
    await stream.final();
  });
  const between = client.digest('SHA-256', MESSAGE).then(() => order.push(99));
  await sleep(20);
  expect(order).toEqual([]);
  await first.final();
  await Promise.all([...others, between]);
  expect(order.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
  expect(order[5]).toBe(99);
  await expectFree(client);
});

describe('a stream that waits for a session', () => {
  test('stops waiting when it is aborted or destroyed', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const { back } = await hold(client);
    const end = new AbortController();
    const aborted = client.createDigest('SHA-256', { signal: end.signal });
    const destroyed = client.createDigest('SHA-256');
    const disposed = client.createDigest('SHA-256');
    const updates = [aborted, destroyed, disposed].map((stream) => stream.update(MESSAGE));
    await sleep(10);
    expect(client.statistics().waiting).toBe(3);
    end.abort(new Error('enough'));
    destroyed.destroy(new Error('destroyed'));
    await disposed[Symbol.asyncDispose]();
    expect(await Promise.allSettled(updates)).toMatchObject([
      { status: 'rejected', reason: { message: 'enough' } },
      { status: 'rejected', reason: { message: 'destroyed' } },
      { status: 'rejected' },
    ]);
    await sleep(1);
    expect(client.statistics().waiting).toBe(0);
    await back();
    await expectFree(client);
  });

  test('fails when it waits longer than the timeout', async () => {
    const client = await ground.connect({ sessions: { max: 1, timeout: 30 } });
    const { back } = await hold(client);
    const stream = client.createDigest('SHA-256');
    await expect(pipeline(source(MESSAGE), stream)).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_TIMEOUT' });
    await back();
    await expectFree(client);
  });
});

describe('a stream in progress', () => {
  test('returns its session when it is destroyed', async () => {
    const client = await ground.connect({ sessions: { max: 2 } });
    await using key = await client.generateKey('AES', { token: true });
    const create = [
      () => client.createDigest('SHA-256'),
      () => key.createEncrypt(CTR),
      () => key.createDecrypt({ name: 'AES-CBC', iv: Buffer.alloc(16) }),
    ];
    for (let i = 0; i < 30; i += 1) {
      const stream = (create[i % 3] as (typeof create)[0])();
      stream.on('error', () => {});
      stream.write(MESSAGE.subarray(0, 640_000));
      if (i % 2 === 0) await sleep(i % 7);
      if (i % 5 === 0) await stream[Symbol.asyncDispose]();
      else stream.destroy(i % 4 === 0 ? new Error('enough') : undefined);
    }
    await expectFree(client);
    expect(client.statistics().opened).toBeLessThanOrEqual(2);
    await key.destroy();
  });

  test('is ended by the AbortSignal of pipeline()', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const end = new AbortController();
    setTimeout(() => end.abort(), 30);
    const endless = Readable.from(
      (async function* () {
        for (;;) {
          await sleep(1);
          yield MESSAGE;
        }
      })(),
    );
    await expect(
      pipeline(endless, client.createDigest('SHA-256'), { signal: end.signal }),
    ).rejects.toMatchObject({ name: 'AbortError' });
    await expectFree(client);
  });

  test('is not repeated after an error, and the error states that', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    for (const [code, fault] of [
      ['CKR_DEVICE_ERROR', { return: 'CKR_DEVICE_ERROR' }],
      ['CKR_FUNCTION_FAILED', { return: 'CKR_FUNCTION_FAILED' }],
      ['CKR_SESSION_HANDLE_INVALID', { loseSession: true }],
    ] as const) {
      ground.fault.plan([{ function: 'C_DigestUpdate', nth: 2, ...fault }]);
      const stream = client.createDigest('SHA-256');
      const error = await failure(pipeline(source(bytes(3_000_000)), stream));
      expect(error).toMatchObject({ name: 'CryptokiError', code });
      expect(error.message).toContain('is not repeated');
      await expect(stream.result()).rejects.toBe(error);
      ground.fault.clear();
      await expectFree(client);
    }
    ground.fault.plan([{ function: 'C_DigestFinal', nth: 1, return: 'CKR_FUNCTION_FAILED' }]);
    const error = await failure(client.createDigest('SHA-256').final());
    expect(error.message).toContain('is not repeated');
    ground.fault.clear();
    await expectFree(client);
  });

  test('ends when its sessions are lost, and the next stream succeeds', async () => {
    const client = await ground.connect();
    const stream = client.createDigest('SHA-256');
    await stream.update(MESSAGE);
    ground.fault.loseSessions();
    const error = await failure(stream.update(MESSAGE).then(() => stream.final()));
    expect(error).toMatchObject({ name: 'CryptokiError' });
    expect(error.message).toContain('is not repeated');
    await expectFree(client);
    const next = client.createDigest('SHA-256');
    await next.update(MESSAGE);
    expect(await next.final()).toEqual(sha256(MESSAGE));
  });

  test('ends when the client is closed, after the grace period of close()', async () => {
    const client = await ground.connect();
    const stream = client.createDigest('SHA-256');
    await stream.update(MESSAGE);
    const closed = client.close();
    await stream.update(MESSAGE);
    expect(await stream.final()).toEqual(sha256(Buffer.concat([MESSAGE, MESSAGE])));
    await closed;
    await expect(client.createDigest('SHA-256').final()).rejects.toMatchObject({
      code: 'ERR_CRYPTOKI_CLIENT_CLOSED',
    });
  });
});

test('a stream that has not begun finds a new session and its key again', async () => {
  const client = await ground.connect();
  const { privateKey, publicKey } = await client.generateKeyPair('RSA', { token: true, label: 'again' });
  for (const lose of [() => ground.fault.loseSessions(), () => ground.logOutElsewhere()]) {
    const stream = privateKey.createSign('RSA-PKCS1-SHA256');
    await lose();
    await pipeline(source(MESSAGE), stream);
    const key = await publicKey.toKeyObject();
    expect(verify('sha256', MESSAGE, key, await stream.result())).toBe(true);
  }
  await privateKey.destroy();
  await publicKey.destroy();
  await expectFree(client);
});

test('a key that is always authenticated requests the PIN once per stream', async () => {
  const asked: PinRequest[] = [];
  const client = await ground.connect({
    pin: (request) => {
      asked.push(request);
      return ground.test.pin;
    },
  });
  const { privateKey, publicKey } = await client.generateKeyPair('RSA', {
    privateKey: { alwaysAuthenticate: true },
  });
  const key = await publicKey.toKeyObject();
  for (const count of [1, 2]) {
    const stream = privateKey.createSign('RSA-PKCS1-SHA256');
    await pipeline(source(MESSAGE), stream);
    expect(verify('sha256', MESSAGE, key, await stream.result())).toBe(true);
    expect(asked.filter(({ reason }) => reason === 'contextSpecific')).toHaveLength(count);
  }
  await expectFree(client);
});

test('a file is signed and verified', async () => {
  const client = await ground.connect();
  const path = join(ground.test.config, '..', 'a-file');
  writeFileSync(path, MESSAGE);
  const { privateKey, publicKey } = await client.generateKeyPair('RSA');
  const signing = privateKey.createSign('RSA-PKCS1-SHA256');
  await pipeline(createReadStream(path), signing);
  const verifying = publicKey.createVerify('RSA-PKCS1-SHA256', await signing.result());
  await pipeline(createReadStream(path), verifying);
  expect(await verifying.result()).toBe(true);
});

test('a stream that is dropped returns its session when it is garbage-collected, with a warning', async () => {
  setFlagsFromString('--expose_gc');
  const collect: () => void = runInNewContext('gc');
  const client = await ground.connect({ sessions: { max: 1 } });
  await using key = await client.generateKey('AES', { token: true });
  for (const forget of [
    async () => await client.createDigest('SHA-256').update(MESSAGE),
    async () => void key.createEncrypt(CTR).write(MESSAGE.subarray(0, 1000)),
  ]) {
    const codes: unknown[] = [];
    const listen = (warning: Error & { code?: string }): void => void codes.push(warning.code);
    process.on('warning', listen);
    await forget();
    for (let i = 0; i < 200 && (i < 20 || client.statistics().lent > 0); i += 1) {
      await sleep(10);
      collect();
    }
    expect(client.statistics().lent).toBe(0);
    process.off('warning', listen);
    expect(codes).toContain('CRYPTOKI_STREAM_LEAK');
    await expectFree(client);
  }
  await key.destroy();
});
