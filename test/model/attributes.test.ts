import type { Attributes, CryptokiError, Session } from 'cryptoki';
import pkcs11js, { type Handle } from 'cryptoki/pkcs11js';
import { CKM } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

const DATA = { class: 'DATA', private: false } as const;
const AES = { class: 'SECRET_KEY', keyType: 'AES', sensitive: false, extractable: true } as const;

describe('an attribute is read back as it was written:', () => {
  const key = (more: Attributes) => session.createObject({ ...AES, value: Buffer.alloc(16), ...more });

  test('booleans', async () => {
    const object = await key({ encrypt: true, decrypt: false, derive: true });
    expect(await object.attributes('encrypt', 'decrypt', 'derive')).toEqual({
      encrypt: true,
      decrypt: false,
      derive: true,
    });
  });

  test('numbers, with named values as names', async () => {
    const object = await key({});
    expect(await object.attributes('class', 'keyType', 'valueLen')).toEqual({
      class: 'SECRET_KEY',
      keyType: 'AES',
      valueLen: 16,
    });
  });

  test('constants given by number and with their prefix', async () => {
    const object = await session.createObject({
      ...AES,
      class: wrong('CKO_SECRET_KEY'),
      keyType: 0x1f,
      value: Buffer.alloc(16),
    });
    expect(await object.attributes('class', 'keyType')).toEqual({ class: 'SECRET_KEY', keyType: 'AES' });
  });

  test.each(['plain', 'äöü €', '鍵 🔑', 'a\0b', 'x'.repeat(5000), ''])('the text %j', async (label) => {
    const object = await key({ label });
    expect(object.label).toBe(label);
    expect(await object.attribute('label')).toBe(label);
  });

  test('text given as bytes', async () => {
    expect(await (await key({ label: Buffer.from('bytes') })).attribute('label')).toBe('bytes');
  });

  test('a Date is stored as its day in UTC, and leap days are accepted', async () => {
    const object = await key({
      private: false,
      startDate: new Date('2026-01-01T00:30:00+02:00'),
      endDate: '20000229',
    });
    expect(await object.attributes('startDate', 'endDate')).toEqual({
      startDate: new Date('2025-12-31T00:00:00Z'),
      endDate: new Date('2000-02-29T00:00:00Z'),
    });
  });

  test('a day that the calendar does not have is absent when it is read', async () => {
    const pkcs11 = new pkcs11js.PKCS11(opened.test.module);
    pkcs11.C_Initialize();
    const [slot] = pkcs11
      .C_GetSlotList(true)
      .filter((one) => pkcs11.C_GetTokenInfo(one).label.trim() === 'test') as [Handle];
    const writer = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
    pkcs11.C_CreateObject(writer, [
      { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
      { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_AES },
      { type: pkcs11js.CKA_VALUE, value: Buffer.alloc(16) },
      { type: pkcs11js.CKA_LABEL, value: 'impossible' },
      { type: pkcs11js.CKA_TOKEN, value: false },
      { type: pkcs11js.CKA_PRIVATE, value: false },
      { type: pkcs11js.CKA_START_DATE, value: Buffer.from('20260631') },
      { type: pkcs11js.CKA_END_DATE, value: Buffer.from('2026 101') },
    ]);
    const [object] = await session.find({ label: 'impossible' });
    expect(await object?.attributes('startDate', 'endDate', 'label')).toEqual({ label: 'impossible' });
    pkcs11.C_CloseSession(writer);
    pkcs11.C_Finalize();
    pkcs11.close();
  });

  test('dates, given as Date and as text; an empty date is absent', async () => {
    // SoftHSM2 cannot read dates of private objects.
    const dated = (more: Attributes) => key({ private: false, ...more });
    const object = await dated({ startDate: new Date('2024-02-29T23:59:59Z'), endDate: '2099-12-31' });
    expect(await object.attributes('startDate', 'endDate')).toEqual({
      startDate: new Date('2024-02-29'),
      endDate: new Date('2099-12-31'),
    });
    const none = await dated({ startDate: '' });
    expect(await none.attributes('startDate')).toEqual({});
    expect(await failure(none.attribute('startDate'))).toMatchObject({ code: 'ERR_CRYPTOKI_ATTRIBUTE' });
  });

  test.each<[string, (bytes: Buffer) => Attributes['id']]>([
    ['a Buffer', (bytes) => bytes],
    ['a Uint16Array', (bytes) => new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 8))],
    ['a DataView', (bytes) => new DataView(bytes.buffer, bytes.byteOffset, 8)],
    ['an ArrayBuffer', (bytes) => new Uint8Array(bytes).buffer],
  ])('bytes given as %s', async (_, form) => {
    const id = Buffer.from('0102030405060708', 'hex');
    const object = await key({ id: form(id) });
    expect(object.id).toEqual(id);
    expect(await object.attribute('id')).toEqual(id);
  });

  test('allowed mechanisms', async () => {
    const allowedMechanisms = [CKM.AES_GCM, CKM.AES_CBC_PAD];
    const object = await key({ allowedMechanisms });
    expect([...(await object.attribute('allowedMechanisms'))].sort()).toEqual([...allowedMechanisms].sort());
  });

  test('a template in a template', async () => {
    const wrapTemplate: Attributes['wrapTemplate'] = wrong([
      { type: 0x103, value: true }, // CKA_SENSITIVE
      { type: 0x102, value: Buffer.from([7, 7]) }, // CKA_ID
    ]);
    const object = await key({ wrap: true, wrapTemplate });
    const read = (await object.attribute('wrapTemplate')) as unknown as { type: number; value: unknown }[];
    expect([...read].sort((a, b) => a.type - b.type)).toEqual([
      { type: 0x102, value: Buffer.from([7, 7]) },
      { type: 0x103, value: true },
    ]);
  });
});

describe('reading attributes', () => {
  test('returns the readable ones; sensitive values and attributes that the object lacks are absent', async () => {
    const key = await session.generateKey('AES', { label: 'secret' });
    const read = await key.attributes('label', 'value', 'modulus', 'valueLen', 'url');
    expect(read).toEqual({ label: 'secret', valueLen: 32 });
    expect('value' in read).toBe(false);
  });

  test('one at a time reports why a value is missing', async () => {
    const key = await session.generateKey('AES');
    expect(await failure(key.attribute('value'))).toMatchObject({
      code: 'CKR_ATTRIBUTE_SENSITIVE',
      rv: 0x11,
      function: 'C_GetAttributeValue',
      message: expect.stringContaining('value'),
    });
    expect(await failure(key.attribute('modulus'))).toMatchObject({
      code: 'CKR_ATTRIBUTE_TYPE_INVALID',
      rv: 0x12,
    });
  });

  test('returns nothing without names, and one value for a name that is given twice', async () => {
    const object = await session.createObject({ ...DATA, label: 'l', value: Buffer.alloc(0) });
    expect(await object.attributes()).toEqual({});
    expect(await object.attributes('label', 'label')).toEqual({ label: 'l' });
  });

  test.each<[unknown]>([
    ['labl'],
    ['LABEL'],
    ['__proto__'],
    ['toString'],
    [''],
    [3],
    [undefined],
    [null],
    [{}],
  ])('refuses the name %o', async (name) => {
    const object = await session.createObject({ ...DATA, value: Buffer.alloc(0) });
    expect((await failure(object.attribute(wrong<'label'>(name)))).code).toMatch(
      /^ERR_INVALID_ARG_(TYPE|VALUE)$/,
    );
    expect((await failure(object.attributes(wrong<'label'>(name)))).code).toMatch(
      /^ERR_INVALID_ARG_(TYPE|VALUE)$/,
    );
  });
});

describe('setAttributes', () => {
  test('changes modifiable attributes', async () => {
    const object = await session.createObject({ ...AES, value: Buffer.alloc(16), label: 'before' });
    await object.setAttributes({ label: 'after', id: Buffer.from('new'), encrypt: true });
    expect(await object.attributes('label', 'id', 'encrypt')).toEqual({
      label: 'after',
      id: Buffer.from('new'),
      encrypt: true,
    });
  });

  test('is refused for a read-only attribute', async () => {
    const object = await session.createObject({ ...AES, value: Buffer.alloc(16) });
    const error = await failure(object.setAttributes({ value: Buffer.alloc(16, 1) }));
    expect((error as CryptokiError).function).toBe('C_SetAttributeValue');
    expect(error.code).toMatch(/^CKR_ATTRIBUTE_READ_ONLY$|^CKR_ATTRIBUTE_VALUE_INVALID$/);
    expect(await object.attribute('value')).toEqual(Buffer.alloc(16));
  });
});

describe('a wrong attribute is refused before any call:', () => {
  test.each<[string, string, unknown]>([
    ['text for a boolean', 'token', 'yes'],
    ['a number for a boolean', 'private', 1],
    ['a number for text', 'label', 5],
    ['text for bytes', 'value', 'text'],
    ['a number for bytes', 'id', 7],
    ['an array for bytes', 'id', [1, 2]],
    ['null', 'label', null],
    ['a symbol', 'label', Symbol('x')],
    ['a number for a big integer', 'modulus', 5],
    ['a negative big integer', 'modulus', -5n],
    ['text for a number', 'valueLen', '16'],
    ['a negative number', 'valueLen', -1],
    ['a fraction', 'valueLen', 1.5],
    ['NaN', 'valueLen', Number.NaN],
    ['infinity', 'valueLen', Number.POSITIVE_INFINITY],
    ['a number beyond 2^53', 'valueLen', 2 ** 53],
    ['a bigint of more than 64 bits', 'valueLen', 2n ** 64n],
    ['an unknown key type', 'keyType', 'AESS'],
    ['a boolean for a constant', 'keyType', true],
    ['a date that is none', 'startDate', new Date(Number.NaN)],
    ['a date in words', 'startDate', 'tomorrow'],
    ['a number for a date', 'startDate', 5],
    ['a year beyond 9999', 'startDate', new Date(8.64e15)],
    ['31 June', 'startDate', '2026-06-31'],
    ['29 February of a year that has none', 'endDate', '20250229'],
    ['29 February 1900', 'endDate', '1900-02-29'],
    ['month 13', 'startDate', '2026-13-01'],
    ['month 0', 'startDate', '20260001'],
    ['day 0', 'startDate', '2026-01-00'],
    ['a date with hyphens elsewhere', 'startDate', '20-260101-'],
    ['a date with one digit for the month', 'startDate', '2026-1-011'],
    ['one mechanism without an array', 'allowedMechanisms', CKM.AES_GCM],
    ['a mechanism that is no number', 'allowedMechanisms', ['AES_GCM']],
    ['an object for a template', 'wrapTemplate', {}],
    ['a member that is none', 'wrapTemplate', [5]],
    ['an unknown name', 'labl', 'x'],
    ['a name in capitals', 'CKA_LABEL', 'x'],
    ['a name of Object', 'toString', 'x'],
  ])('%s', async (_, name, value) => {
    const error = await failure(session.createObject({ ...DATA, ...wrong<object>({ [name]: value }) }));
    expect(error.name).toMatch(/^(TypeError|RangeError)$/);
    const code = error.name === 'TypeError' ? /^ERR_INVALID_ARG_(TYPE|VALUE)$/ : /^ERR_OUT_OF_RANGE$/;
    expect(error.code).toMatch(code);
    expect(await session.random(1)).toHaveLength(1);
  });

  test.each<[unknown]>([[null], [undefined], ['DATA'], [5], [[]], [() => undefined]])(
    '%o',
    async (attributes) => {
      expect(await failure(session.createObject(wrong(attributes)))).toMatchObject({
        code: 'ERR_INVALID_ARG_TYPE',
      });
    },
  );

  test('an attribute that only the token can judge fails with the error of the token', async () => {
    expect(await failure(session.createObject({}))).toMatchObject({ code: 'CKR_TEMPLATE_INCOMPLETE' });
    expect(await failure(session.createObject({ ...DATA, modulus: 5n }))).toMatchObject({
      code: 'CKR_ATTRIBUTE_TYPE_INVALID',
      function: 'C_CreateObject',
    });
  });
});
