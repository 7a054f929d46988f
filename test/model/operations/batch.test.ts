import { createHash, createHmac, randomBytes, verify } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type BatchItem, type PrivateKey, type PublicKey, type SecretKey, Session } from 'cryptoki';
import { CKM } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../../support/open';

let opened: Opened;
let session: Session;
let privateKey: PrivateKey;
let publicKey: PublicKey;
let hmac: SecretKey;
let aes: SecretKey;

beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
  ({ privateKey, publicKey } = await session.generateKeyPair('EC', { curve: 'P-256' }));
  hmac = await session.generateKey('GENERIC_SECRET', { valueLen: 32 });
  aes = await session.generateKey('AES', { valueLen: 32 });
});
afterAll(() => opened.close());

const texts = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => Buffer.from(`message ${i}`));
const iv = (index: number) => {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(index, 8);
  return { name: 'AES-GCM', iv: bytes };
};

describe('a batch of an array', () => {
  test('signs each message, and node:crypto verifies the signatures', async () => {
    const key = await publicKey.toKeyObject();
    const messages = texts(2000);
    const sessions = [session, await opened.token.openSession(), await opened.token.openSession()];
    const signatures = await privateKey.signMany('ECDSA-SHA256', messages, { sessions });
    expect([signatures.length, signatures.failures.size]).toEqual([2000, 0]);
    let index = 0;
    for (const signature of signatures) {
      const message = messages[index++] as Buffer;
      expect(verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    }
    expect(index).toBe(2000);
  });

  test('verifies each signature and returns true or false for it', async () => {
    const messages = texts(300);
    const signatures = await privateKey.signMany('ECDSA-SHA256', messages);
    const items = messages.map((data, i) => ({
      data,
      signature: i % 10 === 3 ? randomBytes(64) : signatures.at(i),
    }));
    const valid = await publicKey.verifyMany('ECDSA-SHA256', items);
    expect(valid.toArray()).toEqual(messages.map((_, i) => i % 10 !== 3));
  });

  test('digests empty messages, many messages and typed arrays like node:crypto', async () => {
    const messages = [0, 1, 31, 32, 1000, 70_000, 2_000_000].map((length) => randomBytes(length));
    const digests = await session.digestMany('SHA-256', messages);
    const wanted = messages.map((message) => createHash('sha256').update(message).digest('hex'));
    expect(digests.toArray().map((digest) => digest.toString('hex'))).toEqual(wanted);
    const other = await session.digestMany('SHA-256', [new Uint16Array([1, 2]), new ArrayBuffer(3)]);
    expect(other.at(1)).toEqual(createHash('sha256').update(Buffer.alloc(3)).digest());
  });

  test('makes MACs, and MACs of another length do not verify', async () => {
    const messages = texts(50);
    const macs = await hmac.signMany('HMAC-SHA256', messages);
    const items = messages.map((data, i) => ({ data, signature: macs.at(i).subarray(0, i === 7 ? 31 : 32) }));
    const valid = await hmac.verifyMany('HMAC-SHA256', items);
    expect(valid.toArray().indexOf(false)).toBe(7);
    expect(valid.failures.size).toBe(0);
    const known = await session.createObject({
      ...{ class: 'SECRET_KEY', keyType: 'GENERIC_SECRET', value: Buffer.alloc(32, 1), sign: true },
    });
    const mac = await (known as SecretKey).signMany('HMAC-SHA256', [messages[0] as Buffer]);
    expect(mac.at(0)).toEqual(
      createHmac('sha256', Buffer.alloc(32, 1))
        .update(messages[0] as Buffer)
        .digest(),
    );
  });

  test('encrypts with an algorithm for each message, and decrypts', async () => {
    const messages = texts(500);
    const sealed = await aes.encryptMany(iv, messages);
    const back = await aes.decryptMany(iv, sealed.toArray());
    expect(back.toArray()).toEqual(messages);
  });

  test('reports failures by message and returns all other results', async () => {
    const messages = texts(200);
    const sealed = (await aes.encryptMany(iv, messages)).toArray();
    for (const index of [0, 77, 199]) sealed[index] = Buffer.alloc(30);
    const back = await aes.decryptMany(iv, sealed);
    expect([...back.failures.keys()].sort((a, b) => a - b)).toEqual([0, 77, 199]);
    expect(() => back.at(77)).toThrow(/CKR_/);
    expect(back.at(78)).toEqual(messages[78]);
    expect([...back.items()].filter(({ error }) => error === undefined)).toHaveLength(197);
    expect(() => back.toArray()).toThrow(/CKR_/);
    expect((await privateKey.signMany('ECDSA-SHA256', messages)).failures.size).toBe(0);
  });

  test('that is empty returns an empty array', async () => {
    const none = await privateKey.signMany('ECDSA-SHA256', []);
    expect([none.length, [...none]]).toEqual([0, []]);
    expect(() => none.at(0)).toThrow(RangeError);
  });

  test('copies the messages before it returns', async () => {
    const messages = texts(64);
    const promise = session.digestMany('SHA-256', messages);
    const wanted = createHash('sha256').update('message 0').digest();
    messages[0]?.fill(0);
    expect((await promise).at(0)).toEqual(wanted);
  });

  test('reports its progress', async () => {
    const told: [number, number | undefined][] = [];
    await session.digestMany('SHA-256', texts(5000), { onProgress: (...now) => told.push(now) });
    expect(told.length).toBeGreaterThan(1);
    expect(told.at(-1)).toEqual([5000, 5000]);
    expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).sort((a, b) => a - b));
  });

  test('ends when it is aborted', async () => {
    const controller = new AbortController();
    const batch = privateKey.signMany('ECDSA-SHA256', texts(100_000), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(await failure(batch)).toMatchObject({ name: 'AbortError' });
    expect(
      await failure(privateKey.signMany('ECDSA-SHA256', texts(1), { signal: controller.signal })),
    ).toMatchObject({
      name: 'AbortError',
    });
    expect((await privateKey.sign('ECDSA-SHA256', Buffer.alloc(1))).length).toBe(64);
  });

  test('fails for the remaining messages when its session is closed', async () => {
    const scope = await opened.token.openSession();
    const batch = privateKey.on(scope).signMany('ECDSA-SHA256', texts(20_000), {
      onProgress: () => void scope.close(),
    });
    const outcome = await batch.then(
      (results) => [...results.failures.values()][0],
      (error) => error,
    );
    expect(['ERR_CRYPTOKI_SESSION_CLOSED', 'CKR_SESSION_HANDLE_INVALID']).toContain(outcome.code);
  });
});

describe('a batch of an iterable', () => {
  test('returns results in order and only as fast as they are read', async () => {
    let taken = 0;
    function* endless(): Generator<Buffer> {
      for (;;) yield Buffer.from(`message ${taken++}`);
    }
    let index = 0;
    for await (const item of session.digestMany('SHA-256', endless())) {
      expect(item.index).toBe(index);
      expect(item.value).toEqual(createHash('sha256').update(`message ${index}`).digest());
      index += 1;
      if (index === 100) await setTimeout(50);
      if (index === 3000) break;
    }
    expect(taken).toBeLessThan(20_000); // the batch reads ahead by a bounded number of messages
    const before = taken;
    await setTimeout(20);
    expect(taken).toBe(before);
  });

  test('returns finished results without waiting for late messages', async () => {
    const arrived: number[] = [];
    async function* slow(): AsyncGenerator<Buffer> {
      yield* texts(3);
      await setTimeout(200);
      arrived.push(-1);
      yield Buffer.alloc(1);
    }
    for await (const { index } of privateKey.signMany('ECDSA-SHA256', slow())) arrived.push(index);
    expect(arrived).toEqual([0, 1, 2, -1, 3]);
  });

  test('returns failures as items', async () => {
    const sealed = (await aes.encryptMany(iv, texts(40))).toArray();
    sealed[20] = Buffer.alloc(30);
    const items: BatchItem<Buffer>[] = [];
    for await (const item of aes.decryptMany(iv, new Set(sealed))) items.push(item);
    expect(items.filter(({ error }) => error !== undefined).map(({ index }) => index)).toEqual([20]);
  });

  test('reads an async source at its pace and reads each message once', async () => {
    const wanted = texts(5000).map((text) => createHash('sha256').update(text).digest('hex'));
    async function* bursts(): AsyncGenerator<Buffer> {
      for (const [index, text] of texts(5000).entries()) {
        if (index % 700 === 3) await setTimeout(1);
        yield text;
      }
    }
    const digests: string[] = [];
    for await (const item of session.digestMany('SHA-256', bursts()))
      digests.push(String(item.value?.toString('hex')));
    expect(digests).toEqual(wanted);
  });

  test('throws the error of an async source that throws instead of rejecting', async () => {
    let left = 3;
    const source: AsyncIterable<Buffer> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          if (left-- > 0) return Promise.resolve({ done: false, value: Buffer.alloc(1) });
          throw new Error('thrown at once');
        },
      }),
    };
    const drain = async (): Promise<void> => {
      for await (const item of session.digestMany('SHA-256', source)) expect(item.error).toBeUndefined();
    };
    expect((await failure(drain())).message).toBe('thrown at once');
  });

  test('closes its source when the loop is left, and throws an error of the source', async () => {
    let closed = false;
    function* source(): Generator<Buffer> {
      try {
        for (;;) yield Buffer.alloc(8);
      } finally {
        closed = true;
      }
    }
    for await (const _ of session.digestMany('SHA-256', source())) break;
    expect(closed).toBe(true);
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.alloc(1);
      throw new Error('of the source');
    }
    const all = async () => {
      for await (const _ of session.digestMany('SHA-256', broken()));
    };
    expect((await failure(all())).message).toBe('of the source');
  });

  test('ends when it is aborted', async () => {
    const controller = new AbortController();
    function* endless(): Generator<Buffer> {
      for (;;) yield Buffer.alloc(8);
    }
    const all = async () => {
      for await (const { index } of session.digestMany('SHA-256', endless(), { signal: controller.signal })) {
        if (index === 500) controller.abort();
      }
    };
    expect(await failure(all())).toMatchObject({ name: 'AbortError' });
  });
});

test('the results of a batch have no elements, and reading an index throws an error that names at()', async () => {
  for (const length of [3, 2000]) {
    const digests = await session.digestMany('SHA-256', texts(length));
    const elements = digests as unknown as ArrayLike<Buffer>;
    for (const index of [0, 1, length - 1]) {
      const error = await failure(async () => elements[index]);
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
      expect(error.message).toContain(`results.at(${index})`);
    }
    // @ts-expect-error: TypeScript refuses it as well
    expect(() => digests[0]).toThrow(TypeError);
    expect(Object.keys(digests)).toEqual(['length', 'failures']);
    expect([...digests]).toEqual(digests.toArray());
    expect(() => inspect(digests, { showHidden: true })).not.toThrow();
  }
});

describe('a batch refuses', () => {
  const refused: [string, () => unknown, RegExp][] = [
    ['one IV for all', () => aes.encryptMany(iv(1), texts(2)), /never use one IV/],
    ['what is no list', () => privateKey.signMany('ECDSA-SHA256', wrong<Buffer[]>(7)), /array, an iterable/],
    [
      'bytes for a list',
      () => privateKey.signMany('ECDSA-SHA256', wrong<Buffer[]>(Buffer.alloc(3))),
      /array, an iterable/,
    ],
    [
      'unknown options',
      () => session.digestMany('SHA-256', [], wrong({ speed: 1 })),
      /Unknown option "speed"/,
    ],
    ['no sessions', () => session.digestMany('SHA-256', [], { sessions: [] }), /at least one session/],
    [
      'unknown algorithms',
      () => session.digestMany('SHA-257', [Buffer.alloc(1)]),
      /Unknown digest algorithm "SHA-257"/,
    ],
    [
      'progress that is no function',
      () => session.digestMany('SHA-256', [], wrong({ onProgress: 1 })),
      /function/,
    ],
  ];
  test.each(refused)('%s', async (_, call, message) => {
    expect((await failure(async () => call())).message).toMatch(message);
  });

  test('an element that is not a message, and names its index', async () => {
    const messages = [Buffer.alloc(1), wrong<Buffer>('text')];
    expect((await failure(privateKey.signMany('ECDSA-SHA256', messages))).message).toMatch(
      /message 1 must be bytes/,
    );
  });
});

describe('a raw batch checks its arguments:', () => {
  const mechanism = { mechanism: CKM.SHA256 };
  const data = Buffer.alloc(8);
  const offsets: [string, unknown][] = [
    ['no typed array', [0, 8]],
    ['none', new Uint32Array(0)],
    ['beyond the data', new Uint32Array([0, 9])],
    ['that fall', new Uint32Array([0, 8, 4])],
    ['that do not begin with 0', new Uint32Array([1, 8])],
    ['of another width', new Uint16Array([0, 8])],
  ];
  test.each(offsets)('offsets: %s', async (_, value) => {
    const { raw } = opened.module;
    const error = await failure(raw.digestMany(session.handle, mechanism, data, wrong(value)));
    expect(error.code).toMatch(/ERR_INVALID_ARG_TYPE|ERR_OUT_OF_RANGE/);
    expect(
      (await failure(() => raw.digestManySync(session.handle, mechanism, data, wrong(value)))).code,
    ).toMatch(/^ERR_/);
  });

  test('the numbers of mechanisms and signatures equal that of the messages', async () => {
    const { raw } = opened.module;
    const [one, two] = [new Uint32Array([0, 8]), new Uint32Array([0, 4, 8])];
    const calls = [
      raw.encryptMany(session.handle, [mechanism], aes.handle, data, two),
      raw.verifyMany(session.handle, mechanism, publicKey.handle, data, two, data, one),
    ];
    for (const call of calls) expect(await failure(call)).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });

  test('the session is open', async () => {
    const scope = await opened.token.openSession();
    await scope.close();
    const call = opened.module.raw.digestMany(scope.handle, mechanism, data, new Uint32Array([0, 8]));
    expect(await failure(call)).toMatchObject({ code: 'CKR_SESSION_HANDLE_INVALID' });
    expect(scope).toBeInstanceOf(Session);
  });
});
