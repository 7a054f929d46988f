import { createHash } from 'node:crypto';
import { CKM, type RawModule } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Opened, openToken } from '../support/open';

let opened: Opened;
let raw: RawModule;
let session: bigint;
beforeAll(async () => {
  opened = await openToken('raw parts');
  raw = opened.module.raw;
  session = opened.session.handle;
});
afterAll(() => opened.close());

const sha256 = (...pieces: NodeJS.ArrayBufferView[]): Buffer => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
};

describe('an update with several pieces', () => {
  const shared = new SharedArrayBuffer(3);
  new Uint8Array(shared).set([7, 8, 9]);
  const PIECES = [
    Buffer.from('ab'),
    new Uint16Array([0x6463, 5]).subarray(0, 1),
    Buffer.alloc(0),
    new DataView(new Uint8Array([0, 0x67, 0]).buffer, 1, 1),
    new Uint8Array(shared),
    Buffer.alloc(100_000, 3),
  ];

  test.each([[PIECES], [PIECES.slice(0, 1)], [[Buffer.alloc(0)]]])('is one part', async (pieces) => {
    await raw.C_DigestInit(session, { mechanism: CKM.SHA256 });
    await raw.C_DigestUpdate(session, pieces);
    raw.C_DigestUpdateSync(session, pieces);
    expect(await raw.C_DigestFinal(session)).toEqual(sha256(...pieces, ...pieces));
  });

  test('uses the bytes at the time of the call', async () => {
    const piece = Buffer.alloc(70_000, 1);
    await raw.C_DigestInit(session, { mechanism: CKM.SHA256 });
    const updating = raw.C_DigestUpdate(session, [piece, piece]);
    piece.fill(2);
    await updating;
    expect(await raw.C_DigestFinal(session)).toEqual(sha256(Buffer.alloc(140_000, 1)));
  });

  test('is safe when reading one element detaches another', async () => {
    const first = new Uint8Array(1000).fill(1);
    const pieces = [first, Buffer.from('x')];
    Object.defineProperty(pieces, 1, {
      get() {
        structuredClone(first.buffer, { transfer: [first.buffer] });
        return Buffer.from('y');
      },
    });
    await raw.C_DigestInit(session, { mechanism: CKM.SHA256 });
    await raw.C_DigestUpdate(session, pieces);
    expect(first.length).toBe(0);
    expect(await raw.C_DigestFinal(session)).toEqual(sha256(Buffer.from('y')));
  });

  test.each<[unknown, RegExp]>([
    [[], /"part" must be bytes, or an array of at least one of them/],
    [[Buffer.alloc(1), 'x'], /"part\[1\]" must be bytes/],
    [[[Buffer.alloc(1)]], /"part\[0\]" must be bytes/],
    [[undefined], /"part\[0\]" must be bytes/],
  ])('is refused where it is none: %j', async (part, message) => {
    const update = raw.C_DigestUpdate(session, part as Uint8Array[]);
    await expect(update).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringMatching(message),
    });
    expect(() => raw.C_DigestUpdateSync(session, part as Uint8Array[])).toThrow(message);
  });
});
