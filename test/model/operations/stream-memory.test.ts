import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SecretKey, Session } from 'cryptoki';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openNss, whyNoNss } from '../../support/nss';
import { type Opened, openToken } from '../../support/open';
import { bytes } from './stream-support';

const MEGABYTES = 100;
const SIZE = MEGABYTES * 1_000_000;
const MOST = 64 * 1024 * 1024;

let opened: Opened;
let folder: string;
let path: string;
let digest: Buffer;
beforeAll(async () => {
  opened = await openToken('memory');
  folder = mkdtempSync(join(tmpdir(), 'cryptoki-stream-'));
  path = join(folder, 'large');
  const part = bytes(1_000_000);
  const hash = createHash('sha256');
  await using file = await open(path, 'w');
  for (let i = 0; i < MEGABYTES; i += 1) {
    part.writeUInt32BE(i);
    hash.update(part);
    await file.write(part);
  }
  digest = hash.digest();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await opened.close();
});

/** Growth of the process in bytes while the work runs. */
async function growth(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 5);
  await work();
  clearInterval(watch);
  return most - before;
}

test('100 MB are digested in constant memory', async () => {
  const grown = await growth(async () => {
    const stream = opened.session.createDigest('SHA-256');
    await pipeline(createReadStream(path), stream);
    expect(await stream.result()).toEqual(digest);
  });
  expect(grown).toBeLessThan(MOST);
});

const value = bytes(32);
const iv = bytes(16, 9);
const algorithm = { name: 'AES-CBC', iv };
const aesKey = (session: Session) =>
  session.createObject({
    ...{ class: 'SECRET_KEY', keyType: 'AES', value, token: false, encrypt: true, decrypt: true },
  }) as Promise<SecretKey>;

test('100 MB are encrypted in constant memory', async () => {
  const key = await aesKey(opened.session);
  const encrypted = join(folder, 'encrypted');
  const grown = await growth(() =>
    pipeline(createReadStream(path), key.createEncrypt(algorithm), createWriteStream(encrypted)),
  );
  expect(statSync(encrypted).size).toBe(SIZE + 16);
  expect(grown).toBeLessThan(MOST);
  const judge = createHash('sha256');
  await pipeline(createReadStream(encrypted), createDecipheriv('aes-256-cbc', value, iv), judge);
  expect(judge.digest()).toEqual(digest);
});

// SoftHSM2 itself stores all decrypted data until the end.
test.skipIf(whyNoNss !== undefined)('100 MB are decrypted in constant memory', async () => {
  const nss = await openNss();
  try {
    const key = await aesKey(nss.session);
    const encrypted = join(folder, 'encrypted-by-node');
    const cipher = createCipheriv('aes-256-cbc', value, iv);
    await pipeline(createReadStream(path), cipher, createWriteStream(encrypted));
    const hash = createHash('sha256');
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done();
      },
    });
    const grown = await growth(() =>
      pipeline(createReadStream(encrypted), key.createDecrypt(algorithm), sink),
    );
    expect(hash.digest()).toEqual(digest);
    expect(grown).toBeLessThan(MOST);
  } finally {
    await nss.close();
  }
});
