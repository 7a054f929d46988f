import { Module, type Slot, type Token } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, wrong } from '../support/open';
import { createToken, type TestToken } from '../support/token';

let its: TestToken;
let module: Module;

beforeAll(async () => {
  its = await createToken('single');
  await its.addToken('twins');
  await its.addToken('twins');
  module = await Module.open(its.module);
});
afterAll(async () => {
  await module.close();
  its.remove();
});

describe('a slot', () => {
  test('is listed once, and always as the same object', async () => {
    const slots = await module.slots();
    expect(slots).toHaveLength(4); // three tokens, and the free slot of SoftHSM2
    expect(await module.slots({ tokenPresent: true })).toEqual(slots);
    expect(await module.slot(slots[0]?.id ?? 0n)).toBe(slots[0]);
    expect(slots.every(({ id }) => typeof id === 'bigint')).toBe(true);
  });

  test('describes itself', async () => {
    const [slot] = await module.slots();
    expect(await slot?.info()).toEqual({
      description: expect.stringContaining('SoftHSM slot'),
      manufacturer: 'SoftHSM project',
      tokenPresent: true,
      removable: false,
      hardware: false,
      hardwareVersion: expect.objectContaining({ major: 2 }),
      firmwareVersion: expect.objectContaining({ major: 2 }),
    });
  });

  test('with an unknown ID is not found, and the error lists the existing IDs', async () => {
    const known = (await module.slots()).map(({ id }) => String(id));
    for (const id of [987654321, 987654321n, -1, 2n ** 64n]) {
      const error = await failure(module.slot(id));
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_SLOT_NOT_FOUND' });
      for (const other of known) expect(error.message).toContain(other);
    }
    for (const call of [
      () => module.raw.C_GetSlotInfo(987654321),
      () => module.raw.C_GetTokenInfo(987654321n),
      () => module.raw.C_OpenSessionSync(987654321, 4),
    ]) {
      expect(await failure(call)).toMatchObject({ code: 'CKR_SLOT_ID_INVALID', rv: 3 });
    }
  });

  test.each<[unknown, string]>([
    ...['0', null, undefined, {}].map((id): [unknown, string] => [id, 'ERR_INVALID_ARG_TYPE']),
    ...[1.5, Number.NaN, 2 ** 53].map((id): [unknown, string] => [id, 'ERR_OUT_OF_RANGE']),
  ])('is not identified by %o: %s', async (id, code) => {
    expect(await failure(module.slot(wrong(id)))).toMatchObject({ code });
  });
});

describe('a token', () => {
  test('is selected by label, serial number, model, manufacturer, slot, or all of them', async () => {
    const token = await module.token({ label: 'single' });
    const { serialNumber, model, manufacturer } = token;
    expect([model, manufacturer]).toEqual(['SoftHSM v2', 'SoftHSM project']);
    for (const selector of [
      { serialNumber },
      { slot: token.slot.id },
      { slot: Number(token.slot.id) },
      { label: 'single', serialNumber, model, manufacturer, slot: token.slot.id },
    ]) {
      expect((await module.token(selector)).serialNumber).toBe(serialNumber);
    }
  });

  test('that does not exist is an error that lists the existing tokens', async () => {
    const { serialNumber } = await module.token({ label: 'single' });
    for (const selector of [
      { label: 'Single' },
      { label: 'single', serialNumber: 'x' },
      { slot: 987654321 },
    ]) {
      const error = await failure(module.token(selector));
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND' });
      expect(error.message).toContain(`"single" (serial ${serialNumber}`);
      expect(error.message).toContain('"twins"');
      expect(error.message).toContain(Object.values(selector).at(-1)?.toString());
    }
  });

  test('is ambiguous by a label that two have, and unique by serial number', async () => {
    const twins = (await module.tokens()).filter(({ label }) => label === 'twins');
    expect(twins).toHaveLength(2);
    for (const selector of [{ label: 'twins' }, 'only' as const, { model: 'SoftHSM v2', label: 'twins' }]) {
      const error = await failure(module.token(selector));
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_TOKEN_AMBIGUOUS' });
      for (const { serialNumber } of twins) expect(error.message).toContain(serialNumber);
      expect(error.message).toContain('serialNumber');
    }
    for (const { serialNumber, slot } of twins) {
      expect((await module.token({ label: 'twins', serialNumber })).slot).toBe(slot);
    }
  });

  test.each<[unknown]>([
    [null],
    ['single'],
    [5],
    [{ label: 5 }],
    [{ label: null }],
    [{ serialNumber: 1n }],
    [{ slot: '1' }],
    [{ lable: 'single' }],
    [{ label: 'single', serial: 'x' }],
  ])('is not chosen by %o', async (selector) => {
    expect(await failure(module.token(wrong(selector)))).toMatchObject({
      name: 'TypeError',
      code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/),
    });
  });

  test('is not chosen by a slot that is not a whole number', async () => {
    const error = await failure(module.token({ slot: 1.5 }));
    expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
  });

  test('reports its limits: Infinity for unlimited, undefined for unknown', async () => {
    const token = await module.token({ label: 'single' });
    expect(await token.info()).toMatchObject({
      label: 'single',
      serialNumber: token.serialNumber,
      initialized: true,
      writeProtected: false,
      loginRequired: true,
      userPinInitialized: true,
      protectedAuthenticationPath: false,
      userPin: { countLow: false, finalTry: false, locked: false },
      maxSessions: Number.POSITIVE_INFINITY,
      maxReadWriteSessions: Number.POSITIVE_INFINITY,
      sessions: undefined,
      minPinLength: 4,
      maxPinLength: 255,
      totalPublicMemory: undefined,
      freePrivateMemory: undefined,
    });
  });

  test('that is not initialised has no sessions', async () => {
    const blank = (await module.tokens()).find(({ initialized }) => !initialized);
    expect(blank).toMatchObject({ label: '', serialNumber: '' });
    expect(await failure(blank?.openSession() ?? Promise.resolve())).toMatchObject({
      code: 'CKR_TOKEN_NOT_RECOGNIZED',
      function: 'C_OpenSession',
      message: expect.stringContaining('initialise'),
    });
  });
});

describe('mechanisms', () => {
  let token: Token;
  let slot: Slot;
  beforeAll(async () => {
    token = await module.token({ label: 'single' });
    slot = token.slot;
  });

  test('are listed by name and once', async () => {
    const names = await slot.mechanisms();
    expect(names).toEqual(expect.arrayContaining(['ECDSA', 'SHA256', 'AES_GCM', 'RSA_PKCS_KEY_PAIR_GEN']));
    expect(new Set(names).size).toBe(names.length);
    expect(names.every((name) => typeof name === 'string')).toBe(true);
  });

  test('report their key sizes', async () => {
    const info = await slot.mechanism('RSA_PKCS_KEY_PAIR_GEN');
    expect(info).toMatchObject({ minKeySize: 512, maxKeySize: 16384, hardware: false });
    for (const name of await slot.mechanisms()) expect(await slot.mechanism(name)).toBeDefined();
  });

  test('that the token lacks fail with CKR_MECHANISM_INVALID', async () => {
    for (const name of ['ML_DSA', 0x80000001] as const) {
      expect(await failure(slot.mechanism(name))).toMatchObject({ code: 'CKR_MECHANISM_INVALID', rv: 0x70 });
    }
  });

  test.each<[unknown]>([['AES-GCM'], ['toString'], [''], [-1], [1.5], [null], [undefined], [{}]])(
    'given as %o are refused',
    async (name) => {
      expect((await failure(slot.mechanism(wrong(name)))).code).toMatch(
        /^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE|INVALID_ARG_VALUE)$/,
      );
    },
  );
});
