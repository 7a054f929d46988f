/**
 * Modules that deviate from PKCS#11 (see docs/testing.md, Oddities). The package must return a right result or an error, never
 * a wrong value or foreign memory, and must never hang. Run with the address sanitizer, which detects buffer overruns.
 */
import { createCipheriv, createHash, verify } from 'node:crypto';
import { Module, type PrivateKey, type Session } from 'cryptoki';
import { CKA, CKF, CKK, CKM, CKO, load } from 'cryptoki/raw';
import { FaultModule } from 'cryptoki/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../support/fault';
import { failure } from '../support/open';

let its: Faulty;
let handle: bigint;
const LABELS = ['a', 'long '.repeat(96), 'b', 'x'.repeat(480), 'middle'];
beforeAll(async () => {
  its = await openFaulty();
  handle = its.session.handle;
  for (const label of LABELS) {
    await its.session.generateKey('AES', {
      valueLen: 16,
      label,
      id: Buffer.from(label.slice(0, 2)),
      token: true,
    });
  }
});
afterEach(() => {
  its.hsm.clear();
  expect(its.hsm.violations).toEqual([]);
});
afterAll(() => its.close());

const attributesOf = (key: bigint) =>
  its.raw.C_GetAttributeValue(handle, key, [CKA.EC_POINT, CKA.CLASS, CKA.KEY_TYPE, CKA.TOKEN, CKA.LABEL]);
const RIGHT = [CKO.PRIVATE_KEY, CKK.EC, true, 'signing'];
/** The values of attributes that every private key has; undefined for those that the module did not return. */
const known = (results: readonly { value?: unknown }[]) => results.slice(1).map(({ value }) => value);

describe('attributes that a module returns', () => {
  test.each([
    'lengths-ignored',
    'stops-at-unknown',
    'ulong-4-bytes',
    'boolean-4-bytes',
    'boolean-8-bytes',
    'refuses-all',
    'refuses-unknown',
  ] as const)('with the oddity %s are still read', async (oddity) => {
    its.hsm.plan([{ function: 'C_GetAttributeValue', oddity }]);
    expect(known(await attributesOf(its.privateKey.handle))).toEqual(RIGHT);
    const found = await its.session.find({ class: 'SECRET_KEY' });
    expect(found.map(({ label }) => label).sort()).toEqual([...LABELS].sort());
  });

  // Codes with which modules refuse all attributes because of one; the last is a vendor's.
  const CODES = [0x5, 0x6, 0x7, 0x30, 0x54, 0x80000042];
  const gone = (code: number) => ({ function: 'C_GetAttributeValue', return: code }) as const;
  const calls = () => its.hsm.counters().calls.C_GetAttributeValue ?? 0;

  test.each(CODES)('are read one by one where several are refused with 0x%x', async (code) => {
    for (const oddity of ['refuses-all', 'refuses-unknown'] as const) {
      its.hsm.plan([{ ...gone(code), oddity }]);
      expect(known(await attributesOf(its.privateKey.handle))).toEqual(RIGHT);
      const unknown = [
        CKA.CLASS,
        CKA.EC_POINT,
        CKA.MODULUS,
        CKA.PRIME,
        CKA.WRAP_TEMPLATE,
        CKA.LABEL,
        CKA.VALUE_LEN,
      ];
      const results = await its.raw.C_GetAttributeValue(handle, its.privateKey.handle, unknown);
      const read = new Map(
        results.map((result) => [result.type, 'value' in result ? result.value : undefined]),
      );
      expect([...read].filter(([, value]) => value !== undefined)).toEqual([
        [CKA.CLASS, CKO.PRIVATE_KEY],
        [CKA.LABEL, 'signing'],
      ]);
      expect(results).toHaveLength(unknown.length);
    }
  });

  test.each(CODES)('whose token is gone (0x%x) are an error after a few calls', async (code) => {
    const many = Array.from({ length: 200 }, (_, index) => CKA.VENDOR_DEFINED + index);
    its.hsm.plan([gone(code)]);
    its.hsm.resetCounters();
    const read = () =>
      its.raw.C_GetAttributeValue(handle, its.privateKey.handle, [CKA.LABEL, CKA.ID, ...many]);
    expect(await failure(read())).toMatchObject({ rv: code, function: 'C_GetAttributeValue' });
    expect(calls()).toBeLessThanOrEqual(5);
    expect(await failure(its.session.find({ class: 'SECRET_KEY' }))).toMatchObject({ rv: code });
    expect(calls()).toBeLessThanOrEqual(10);
  });

  test.each(CODES)('whose token goes (0x%x) while they are read one by one are an error', async (code) => {
    const some = [
      CKA.CLASS,
      CKA.LABEL,
      CKA.ID,
      CKA.KEY_TYPE,
      CKA.TOKEN,
      CKA.PRIVATE,
      CKA.SIGN,
      CKA.EC_PARAMS,
    ];
    for (const count of [2, 3, 8]) {
      its.hsm.plan([
        { ...gone(0x5), nth: 1 },
        { ...gone(code), from: 4 }, // the class was read, its length first
      ]);
      its.hsm.resetCounters();
      const read = its.raw.C_GetAttributeValue(handle, its.privateKey.handle, some.slice(0, count));
      expect(await failure(read)).toMatchObject({ rv: code });
      expect(calls()).toBeLessThanOrEqual(7);
    }
  });

  test.each([
    'lengths-unwritten',
    'grows-each-time',
    'length-near-max',
    'length-32bit-minus-one',
    'length-huge',
    'length-zero',
  ] as const)('with the length oddity %s are right or absent', async (oddity) => {
    its.hsm.plan([{ function: 'C_GetAttributeValue', oddity }]);
    const values = known(await attributesOf(its.privateKey.handle));
    values.forEach((value, i) => {
      expect([RIGHT[i], undefined, oddity === 'length-zero' ? '' : undefined]).toContainEqual(value);
    });
    await its.session
      .find({ class: 'SECRET_KEY' })
      .catch((error) => expect(error.code).toMatch(/^(CKR_|ERR_)/));
  });

  test('show zeros instead of process memory when the module writes no values', async () => {
    its.hsm.plan([{ function: 'C_GetAttributeValue', oddity: 'values-unwritten' }]);
    expect(known(await attributesOf(its.privateKey.handle))).toEqual([0, 0, false, '\0'.repeat(7)]);
  });

  test('of fixed size are absent when the module returns 3,000 bytes', async () => {
    its.hsm.plan([{ function: 'C_GetAttributeValue', oddity: 'fixed-size-long' }]);
    expect(known(await attributesOf(its.privateKey.handle))).toEqual([undefined, undefined, true, 'signing']);
  });

  test('beyond 2^53 are bigints and do not break a search', async () => {
    its.hsm.plan([{ function: 'C_GetAttributeValue', oddity: 'ulong-large' }]);
    const found = await its.session.find({ class: 'SECRET_KEY' });
    expect(found).toHaveLength(LABELS.length);
    const [length] = await its.raw.C_GetAttributeValue(handle, found[0]?.handle as bigint, [CKA.VALUE_LEN]);
    expect(typeof length?.value).toBe('bigint');
  });
});

describe('lists that a module returns', () => {
  const lists = async () => ({
    slots: (await its.raw.C_GetSlotList(false)).length,
    mechanisms: (await its.raw.C_GetMechanismList(its.token.slot.id)).sort((a, b) => Number(a) - Number(b)),
  });
  const rule = (oddity: string) => [{ function: '*', oddity }] as Parameters<FaultModule['plan']>[0];

  test.each(['size-call-too-small', 'size-call-too-small-without-number', 'size-call-says-too-few'])(
    'with the oddity %s are complete',
    async (oddity) => {
      const right = await lists();
      its.hsm.plan(rule(oddity));
      expect(await lists()).toEqual(right);
    },
  );

  test.each(['too-small-for-ever', 'count-too-large', 'count-huge'])(
    'that never end (%s) cause an error after a few calls',
    async (oddity) => {
      its.hsm.plan(rule(oddity));
      its.hsm.resetCounters();
      expect(await failure(its.raw.C_GetMechanismList(its.token.slot.id))).toMatchObject({
        code: expect.stringMatching(/^CKR_(BUFFER_TOO_SMALL|GENERAL_ERROR)$/),
      });
      await failure(its.raw.C_GetSlotList(true));
      const { calls } = its.hsm.counters();
      expect((calls.C_GetMechanismList ?? 0) + (calls.C_GetSlotList ?? 0)).toBeLessThan(40);
    },
  );

  test('that never end do not prevent closing the module', async () => {
    const hsm = await FaultModule.create({ module: its.soft.module, environment: its.soft.environment });
    const module = await Module.open(hsm.path);
    const token = await module.token({ label: its.soft.label });
    hsm.plan([{ function: 'C_GetMechanismList', oddity: 'too-small-for-ever' }]);
    const session = await token.openSession();
    await session.close();
    await module.close();
    await hsm[Symbol.asyncDispose]();
  });

  test.each(['count-too-large', 'count-huge'])('of objects (%s) are an error', async (oddity) => {
    its.hsm.plan([{ function: 'C_FindObjects', oddity } as never]);
    expect(await failure(its.session.find({ class: 'SECRET_KEY' }))).toMatchObject({
      code: 'CKR_GENERAL_ERROR',
    });
  });

  test('of objects without an end are an error', async () => {
    its.hsm.plan([{ function: 'C_FindObjects', oddity: 'find-never-ends' }]);
    expect(await failure(its.session.find({ class: 'SECRET_KEY' }))).toMatchObject({
      code: 'CKR_GENERAL_ERROR',
    });
    its.hsm.plan([]);
    expect(await its.session.find({ class: 'SECRET_KEY' })).toHaveLength(LABELS.length);
  });

  test('of objects contain a repeated handle once', async () => {
    its.hsm.plan([{ function: 'C_FindObjects', oddity: 'find-same-handle-twice' }]);
    expect(await its.session.find({ class: 'SECRET_KEY' })).toHaveLength(LABELS.length);
    expect((await its.session.privateKey({ label: 'signing' })).handle).toBe(its.privateKey.handle);
  });
});

describe('results that a module returns', () => {
  const message = Buffer.from('message');
  // A session of its own, because a session is closed if its operation cannot be cancelled.
  let session: Session;
  let key: PrivateKey;
  beforeEach(async () => {
    session = await its.token.openSession();
    key = its.privateKey.on(session);
  });
  afterEach(() => session.close());
  const operations = {
    sign: () => key.sign('ECDSA-SHA256', message),
    'sign at once': () => key.signSync('ECDSA-SHA256', message),
    'sign many': async () => (await key.signMany('ECDSA-SHA256', [message])).at(0),
    digest: () => session.digest('SHA-256', message),
    'digest at once': () => session.digestSync('SHA-256', message),
    'digest parts': async () => {
      await its.raw.C_DigestInit(session.handle, { mechanism: CKM.SHA256 });
      await its.raw.C_DigestUpdate(session.handle, message);
      return its.raw.C_DigestFinal(session.handle);
    },
  };
  const isRight = async (name: string, result: Uint8Array): Promise<boolean> => {
    if (name.startsWith('digest')) return createHash('sha256').update(message).digest().equals(result);
    const publicKey = await its.publicKey.toKeyObject();
    return verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, result);
  };

  describe.each(Object.entries(operations))('%s', (name, operate) => {
    test.each([
      'length-near-max',
      'length-32bit-minus-one',
      'length-huge',
      'length-beyond-room',
      'length-unwritten',
      'too-small-for-ever',
    ] as const)('with the length oddity %s are an error, and the next result is right', async (oddity) => {
      its.hsm.plan([{ function: ['C_Sign', 'C_Digest', 'C_DigestFinal'], oddity }]);
      expect(await failure((async () => operate())())).toMatchObject({
        code: expect.stringMatching(/^CKR_/),
      });
      its.hsm.clear();
      // If the operation could not be cancelled, the session is closed. An operation in parts is the caller's to cancel.
      if (session.closed || name === 'digest parts') session = await its.token.openSession();
      key = its.privateKey.on(session);
      expect(await isRight(name, await operate())).toBe(true);
    });

    test.each(['too-small-ends-operation', 'too-small-length-garbage'] as const)(
      'of an operation that ends early (%s) are right',
      async (oddity) => {
        its.hsm.plan([{ function: ['C_Sign', 'C_Digest'], oddity }]);
        expect(await isRight(name, await operate())).toBe(true);
      },
    );

    test('show zeros instead of process memory when the module writes none', async () => {
      its.hsm.plan([{ function: ['C_Sign', 'C_Digest', 'C_DigestFinal'], oddity: 'result-unwritten' }]);
      const outcome = await (async () => operate())().catch((error) => error);
      if (!(outcome instanceof Error)) expect(outcome.every((byte: number) => byte === 0)).toBe(true);
    });
  });

  test('random bytes that the module did not write are an error', async () => {
    its.hsm.plan([{ function: 'C_GenerateRandom', oddity: 'result-unwritten' }]);
    expect(await failure(its.session.random(32))).toMatchObject({ code: 'CKR_GENERAL_ERROR' });
    expect(await failure(() => its.session.randomSync(32))).toMatchObject({ code: 'CKR_GENERAL_ERROR' });
  });
});

describe('a parameter that the module writes to while it encrypts', () => {
  test('is valid until the operation ends, and its object then has the used IV', async () => {
    const value = Buffer.alloc(16, 5);
    const template = [
      { type: CKA.CLASS, value: CKO.SECRET_KEY },
      { type: CKA.KEY_TYPE, value: CKK.AES },
      { type: CKA.VALUE, value },
      { type: CKA.ENCRYPT, value: true },
    ];
    const key = await its.raw.C_CreateObject(handle, template);
    its.hsm.plan([{ function: '*', oddity: 'gcm-iv-from-module' }]);
    for (const inParts of [false, true]) {
      const given = Buffer.alloc(12);
      const parameter = { iv: given, tagBits: 128 };
      await its.raw.C_EncryptInit(handle, { mechanism: CKM.AES_GCM, parameter }, key);
      const garbage = Array.from({ length: 2000 }, (_, i) => Buffer.alloc(12 + (i % 40), i)); // allocations on the same heap
      const parts = inParts
        ? [
            await its.raw.C_EncryptUpdate(handle, Buffer.from('message')),
            await its.raw.C_EncryptFinal(handle),
          ]
        : [await its.raw.C_Encrypt(handle, Buffer.from('message'))];
      expect(garbage).toHaveLength(2000);
      expect(parameter.iv.equals(Buffer.alloc(12))).toBe(false);
      const cipher = createCipheriv('aes-128-gcm', value, parameter.iv);
      const right = Buffer.concat([cipher.update('message'), cipher.final(), cipher.getAuthTag()]);
      expect(Buffer.concat(parts)).toEqual(right);
      expect(given).toEqual(Buffer.alloc(12));
    }
  });

  test('is valid until the session is closed when a call is pending', async () => {
    const session = await its.raw.C_OpenSession(its.token.slot.id, CKF.SERIAL_SESSION);
    its.hsm.plan([{ function: 'C_Digest', oddity: 'pending' }]);
    for (let i = 0; i < 5; i++) {
      expect(
        await failure(its.raw.digest(session, { mechanism: CKM.SHA256 }, Buffer.from('x'))),
      ).toMatchObject({
        code: 'CKR_PENDING',
      });
      await failure(() => its.raw.digestSync(session, { mechanism: CKM.SHA256 }, Buffer.alloc(100, i)));
      await its.raw.C_DigestInit(session, { mechanism: CKM.SHA256 }).catch(() => {});
      await its.raw.C_Digest(session, Buffer.from('x')).catch(() => {});
      const { data, offsets } = { data: Buffer.alloc(64), offsets: Uint32Array.of(0, 32, 64) };
      await its.raw.digestMany(session, { mechanism: CKM.SHA256 }, data, offsets).catch(() => {});
    }
    await new Promise((resolve) => setTimeout(resolve, 200)); // the module writes in this time
    await its.raw.C_CloseSession(session);
  });
});

describe('a PIN', () => {
  test('is followed by a NUL byte, for modules that read it as a C string', async () => {
    await its.session.logout();
    its.hsm.plan([{ function: 'C_Login', oddity: 'pin-read-to-nul' }]);
    await its.session.login(its.soft.pin);
    await its.session.logout();
    await its.session.login(Buffer.from(`${its.soft.pin}beyond`).subarray(0, its.soft.pin.length));
    expect(its.session.state).toBe('RW_USER_FUNCTIONS');
  });
});

describe('a function list that is longer than its version allows', () => {
  test.each([
    ['list-claims-3.2', 'auto'],
    ['list-claims-3.2', '2.40'],
    ['list-claims-3.0', 'auto'],
  ] as const)('is read no further than its 68 functions (%s, %s)', async (oddity, version) => {
    const hsm = await FaultModule.create({
      module: its.soft.module,
      environment: its.soft.environment,
      plan: [{ function: 'C_GetFunctionList', oddity }],
    });
    const raw = await load(hsm.path, { interface: version });
    await raw.C_Initialize();
    const session = await raw.C_OpenSession(its.token.slot.id, 4);
    expect(await failure(raw.C_SessionCancel(session, 0))).toMatchObject({
      code: 'CKR_FUNCTION_NOT_SUPPORTED',
    });
    expect(await failure(raw.sign(session, { mechanism: CKM.ECDSA }, 999n, Buffer.alloc(32)))).toMatchObject({
      code: expect.stringMatching(/^CKR_/),
    });
    await raw.C_Finalize();
    await hsm[Symbol.asyncDispose]();
  });
});

describe('token information', () => {
  test('with flags beyond 2^53 is read', async () => {
    its.hsm.plan([{ function: 'C_GetTokenInfo', oddity: 'token-flags-large' }]);
    const token = await its.module.token({ label: its.soft.label });
    expect(await token.info()).toMatchObject({ initialized: true, loginRequired: true });
  });
});

describe('C_Finalize that fails', () => {
  // A library of its own: a library that something else has initialised is never finalised.
  const own = () =>
    FaultModule.create({ module: its.soft.module, environment: its.soft.environment, copyModule: true });

  test('keeps the module in use and can be repeated', async () => {
    const hsm = await own();
    const module = await Module.open(hsm.path);
    const token = await module.token({ label: its.soft.label });
    await token.openSession();
    hsm.plan([{ function: 'C_Finalize', count: 1, return: 'CKR_DEVICE_ERROR' }]);
    expect(await failure(module.close())).toMatchObject({ code: 'CKR_DEVICE_ERROR', function: 'C_Finalize' });
    expect(module.closed).toBe(false);
    const again = await token.openSession();
    expect(await again.random(8)).toHaveLength(8);
    await module.close();
    expect(hsm.counters().calls).toMatchObject({ C_Initialize: 1, C_Finalize: 2 });
    await hsm[Symbol.asyncDispose]();
  });

  test('in a reinitialisation is repeated; after repeated failures the module remains in use', async () => {
    const hsm = await own();
    const module = await Module.open(hsm.path);
    const token = await module.token({ label: its.soft.label });
    hsm.plan([{ function: 'C_Finalize', count: 2, return: 'CKR_DEVICE_ERROR' }]);
    await module.reinitialise();
    hsm.plan([{ function: 'C_Finalize', return: 'CKR_DEVICE_ERROR' }]);
    expect(await failure(module.reinitialise())).toMatchObject({
      code: 'CKR_DEVICE_ERROR',
      function: 'C_Finalize',
    });
    const session = await token.openSession();
    expect(await session.random(8)).toHaveLength(8);
    hsm.clear();
    await module.reinitialise();
    await module.close();
    await hsm[Symbol.asyncDispose]();
  });
});
