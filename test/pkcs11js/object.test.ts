import pkcs11js, { type AttributeInput, type Handle } from 'cryptoki/pkcs11js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aesKey, type Opened, open, template, thrown } from './support/open';

const { CKA_CLASS, CKA_END_DATE, CKA_ID, CKA_LABEL, CKA_MODULUS, CKA_START_DATE, CKA_TOKEN, CKA_VALUE } =
  pkcs11js;

let its: Opened;
let session: Handle;

beforeAll(async () => {
  its = await open();
  session = its.session;
});
afterAll(() => its.close());

type Entry = Parameters<typeof template>[number];

const data = (...attributes: Entry[]): Handle =>
  its.pkcs11.C_CreateObject(session, template([CKA_CLASS, pkcs11js.CKO_DATA], ...attributes));
const certificate = (...attributes: Entry[]): Handle =>
  its.pkcs11.C_CreateObject(
    session,
    template(
      [CKA_CLASS, pkcs11js.CKO_CERTIFICATE],
      [pkcs11js.CKA_CERTIFICATE_TYPE, pkcs11js.CKC_X_509],
      [pkcs11js.CKA_SUBJECT, Buffer.from('3000', 'hex')],
      [CKA_VALUE, Buffer.from('30030101ff', 'hex')],
      ...attributes,
    ),
  );
const read = (object: Handle, ...types: number[]): Buffer[] =>
  its.pkcs11
    .C_GetAttributeValue(
      session,
      object,
      types.map((type) => ({ type })),
    )
    .map(({ value }) => value);
const ulong = (value: number): Buffer => {
  const bytes = Buffer.alloc(its.slot.length);
  bytes.writeUInt32LE(value);
  return bytes;
};

describe('the value of an attribute', () => {
  test('is encoded by its JavaScript type, regardless of the attribute', () => {
    const values: [AttributeInput['value'], Buffer][] = [
      [7, ulong(7)],
      [7n, ulong(7)],
      [-1, ulong(0xffffffff)],
      [true, Buffer.from([1])],
      [false, Buffer.from([0])],
      ['hé', Buffer.from('hé')],
      ['', Buffer.alloc(0)],
      [Buffer.from([0xff, 0xfe]), Buffer.from([0xff, 0xfe])],
      [new Uint16Array([1, 2]), Buffer.from(new Uint16Array([1, 2]).buffer)],
      [null, Buffer.alloc(0)],
      [undefined, Buffer.alloc(0)],
    ];
    for (const [value, bytes] of values) {
      expect(read(data([CKA_LABEL, value]), CKA_LABEL)).toEqual([bytes]);
      expect(read(data([CKA_VALUE, value]), CKA_VALUE)).toEqual([bytes]);
    }
    expect(read(data([CKA_TOKEN, Buffer.from([0])]), CKA_TOKEN)).toEqual([Buffer.from([0])]);
    const object = its.pkcs11.C_CreateObject(session, template([CKA_CLASS, ulong(pkcs11js.CKO_DATA)]));
    expect(read(object, CKA_CLASS)).toEqual([ulong(pkcs11js.CKO_DATA)]);
  });

  test('is refused by the module if it has a wrong length', () => {
    for (const value of [0, '', null, Buffer.alloc(2)]) {
      expect(() => data([CKA_TOKEN, value])).toThrow('CKR_ATTRIBUTE_VALUE_INVALID');
    }
    expect(() => its.pkcs11.C_CreateObject(session, template([CKA_CLASS, true]))).toThrow(
      'CKR_TEMPLATE_INCOMPLETE',
    );
  });

  test('is refused if it has another type', () => {
    const create = (attribute: unknown): unknown =>
      Reflect.apply(its.pkcs11.C_CreateObject, its.pkcs11, [
        session,
        [...template([CKA_CLASS, 0]), attribute],
      ]);
    const wrong = 'Element 1 has wrong type. Property';
    for (const value of [{}, [], Symbol('x'), () => {}, new ArrayBuffer(3)]) {
      expect(() => create({ type: CKA_LABEL, value })).toThrow(
        new TypeError(`${wrong} 'value' should be a Number, Boolean, String or Buffer`),
      );
    }
    for (const attribute of [null, 5, 'x', {}, { type: 'x' }, { type: null }]) {
      expect(() => create(attribute)).toThrow(new TypeError(`${wrong} 'type' should be a Number`));
    }
    for (const value of [1.7, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 70, -1n]) {
      expect(() => create({ type: CKA_VALUE, value })).toThrow(RangeError);
    }
    expect(() => create({ type: CKA_LABEL, value: new Date() })).toThrow(TypeError);
    expect(() => create({ type: pkcs11js.CKA_WRAP_TEMPLATE, value: Buffer.alloc(24) })).toThrow(
      new TypeError(`${wrong} 'value' should be an Array`),
    );
  });
});

describe('a date', () => {
  test('can be a string, bytes or a Date, and the given value is not changed', () => {
    const date = new Date('2024-05-06T23:59:59Z');
    const given = template([CKA_START_DATE, date], [CKA_END_DATE, Buffer.from('20250607')]);
    const object = certificate(...given.map(({ type, value }): Entry => [type, value]));
    expect(read(object, CKA_START_DATE, CKA_END_DATE).map(String)).toEqual(['20240506', '20250607']);
    expect(given[0]?.value).toBe(date);
    expect(read(certificate([CKA_START_DATE, '20240506']), CKA_START_DATE).map(String)).toEqual(['20240506']);
  });

  test('that is empty is read as zero bytes', () => {
    expect(read(certificate([CKA_START_DATE, null]), CKA_START_DATE)).toEqual([Buffer.alloc(0)]);
    expect(read(its.pkcs11.C_CreateObject(session, aesKey()), CKA_START_DATE)).toEqual([Buffer.alloc(0)]);
  });

  test('can be a Date in every template', () => {
    const [mechanism, until] = [{ mechanism: pkcs11js.CKM_AES_KEY_GEN }, new Date('2030-01-02')];
    const key = its.pkcs11.C_GenerateKey(
      session,
      mechanism,
      template([pkcs11js.CKA_VALUE_LEN, 16], [pkcs11js.CKA_PRIVATE, false], [CKA_END_DATE, until]),
    );
    expect(read(key, CKA_END_DATE).map(String)).toEqual(['20300102']);
    its.pkcs11.C_FindObjectsInit(session, template([CKA_END_DATE, until]));
    expect(its.pkcs11.C_FindObjects(session, 9)).toEqual([key]);
    its.pkcs11.C_FindObjectsFinal(session);
  });

  test('that is not valid is refused with the error texts of pkcs11js', () => {
    const text = 'Attribute with type 0x00000110 is not convertible to CK_DATE.';
    for (const value of ['2024', '', Buffer.alloc(7)]) {
      expect(() => certificate([CKA_START_DATE, value])).toThrow(
        new TypeError(`${text} The length of the data should be at least 8 bytes.`),
      );
    }
    for (const value of [5, true]) {
      expect(() => certificate([CKA_START_DATE, value])).toThrow(
        new TypeError(`${text} Should be a String, Buffer or Date`),
      );
    }
    expect(() => certificate([CKA_START_DATE, new Date(Number.NaN)])).toThrow(TypeError);
    for (const value of ['2024-05-06', '20240506extra']) {
      expect(() => certificate([CKA_START_DATE, value])).toThrow('CKR_ATTRIBUTE_VALUE_INVALID');
    }
  });
});

describe('C_GetAttributeValue', () => {
  test('sets the values in the given template and returns that template', () => {
    const object = data([CKA_LABEL, 'label'], [CKA_VALUE, 'value']);
    const wanted = [{ type: CKA_LABEL, mine: 1 }, { type: CKA_VALUE, value: 'x' }, { type: CKA_CLASS }];
    const result = its.pkcs11.C_GetAttributeValue(session, object, wanted);
    expect(result).toBe(wanted);
    expect(wanted).toEqual([
      { type: CKA_LABEL, mine: 1, value: Buffer.from('label') },
      { type: CKA_VALUE, value: Buffer.from('value') },
      { type: CKA_CLASS, value: ulong(0) },
    ]);
    // The same template again, after the value has become longer.
    its.pkcs11.C_SetAttributeValue(session, object, template([CKA_LABEL, 'a longer label']));
    its.pkcs11.C_GetAttributeValue(session, object, wanted);
    expect(String(wanted[0]?.value)).toBe('a longer label');
    expect(its.pkcs11.C_GetAttributeValue(session, object, [])).toEqual([]);
  });

  test('throws when one value cannot be read, and sets none of them', () => {
    const object = data([CKA_LABEL, 'label']);
    const wanted = [{ type: CKA_LABEL }, { type: CKA_MODULUS }];
    expect(thrown(() => its.pkcs11.C_GetAttributeValue(session, object, wanted))).toMatchObject({
      name: 'Pkcs11Error',
      message: 'CKR_ATTRIBUTE_TYPE_INVALID',
      code: pkcs11js.CKR_ATTRIBUTE_TYPE_INVALID,
      method: 'C_GetAttributeValue',
    });
    expect(wanted).toEqual([{ type: CKA_LABEL }, { type: CKA_MODULUS }]);
    const key = its.pkcs11.C_GenerateKey(
      session,
      { mechanism: pkcs11js.CKM_AES_KEY_GEN },
      template([pkcs11js.CKA_VALUE_LEN, 16], [pkcs11js.CKA_SENSITIVE, true]),
    );
    expect(() => read(key, CKA_VALUE)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
    expect(() => read(Buffer.alloc(its.slot.length, 9), CKA_ID)).toThrow('CKR_OBJECT_HANDLE_INVALID');
  });

  test('reads lists and templates', () => {
    const mechanisms = [pkcs11js.CKM_AES_CBC, pkcs11js.CKM_AES_ECB];
    const key = its.pkcs11.C_CreateObject(session, [
      ...aesKey(),
      { type: pkcs11js.CKA_ALLOWED_MECHANISMS, value: Buffer.concat(mechanisms.map(ulong)) },
      { type: pkcs11js.CKA_WRAP_TEMPLATE, value: template([CKA_LABEL, 'abc']) },
    ]);
    const [allowed, wrap] = read(key, pkcs11js.CKA_ALLOWED_MECHANISMS, pkcs11js.CKA_WRAP_TEMPLATE);
    expect(allowed).toEqual(Buffer.concat([...mechanisms].sort((a, b) => a - b).map(ulong)));
    expect(wrap).toEqual(Buffer.concat([ulong(CKA_LABEL), ulong(0), ulong(3)]));
  });
});

describe('objects', () => {
  test('can be copied, changed, measured and destroyed', () => {
    const object = data([CKA_LABEL, 'one'], [CKA_VALUE, 'value']);
    const copy = its.pkcs11.C_CopyObject(session, object, template([CKA_LABEL, 'two']));
    expect(read(copy, CKA_LABEL, CKA_VALUE).map(String)).toEqual(['two', 'value']);
    expect(its.pkcs11.C_SetAttributeValue(session, copy, template([CKA_LABEL, 'three']))).toBeUndefined();
    expect(read(copy, CKA_LABEL).map(String)).toEqual(['three']);
    expect(its.pkcs11.C_GetObjectSize(session, copy)).toBe(4294967295);
    expect(its.pkcs11.C_DestroyObject(session, copy)).toBeUndefined();
    expect(() => read(copy, CKA_LABEL)).toThrow('CKR_OBJECT_HANDLE_INVALID');
    expect(() => its.pkcs11.C_SetAttributeValue(session, object, template([CKA_CLASS, 1]))).toThrow(
      'CKR_ATTRIBUTE_READ_ONLY',
    );
  });

  test('can be found one at a time or many at once', () => {
    const objects = Array.from({ length: 5 }, () => data([CKA_LABEL, 'find me']));
    const { pkcs11 } = its;
    const init = (): void => pkcs11.C_FindObjectsInit(session, template([CKA_LABEL, 'find me']));
    init();
    expect(pkcs11.C_FindObjects(session)).toEqual(objects[0]);
    expect(pkcs11.C_FindObjects(session, 3)).toEqual(objects.slice(1, 4));
    expect(pkcs11.C_FindObjects(session, 3)).toEqual(objects.slice(4));
    expect(pkcs11.C_FindObjects(session, 3)).toEqual([]);
    expect(pkcs11.C_FindObjects(session)).toBeNull();
    expect(init).toThrow('CKR_OPERATION_ACTIVE');
    pkcs11.C_FindObjectsFinal(session);
    init();
    expect(pkcs11.C_FindObjects(session, 4294967295)).toEqual(objects);
    expect(() => pkcs11.C_FindObjects(session, 0)).toThrow('CKR_ARGUMENTS_BAD');
    pkcs11.C_FindObjectsFinal(session);
    expect(() => pkcs11.C_FindObjects(session)).toThrow('CKR_OPERATION_NOT_INITIALIZED');
  });
});
