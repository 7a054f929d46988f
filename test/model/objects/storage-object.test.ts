import { createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { type Attributes, Certificate, Data, PublicKey, SecretKey, type Session } from 'cryptoki';
import { CKA } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../../support/open';

let opened: Opened;
let session: Session;
beforeAll(async () => {
  opened = await openToken();
  session = opened.session;
});
afterAll(() => opened.close());

const DATA = { class: 'DATA', private: false } as const;
// CN=cryptoki test, EC P-256, self-signed, valid to 2126
const CERTIFICATE = Buffer.from(
  'MIIBhzCCAS2gAwIBAgIULkbcHHT1YJSF/4dk9i3gK2HEJJ4wCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNY3J5cHRva2' +
    'kgdGVzdDAgFw0yNjExMjExMzA0NDRaGA8yMTI2MTAyODEzMDQ0NFowGDEWMBQGA1UEAwwNY3J5cHRva2kgdGVzdDBZ' +
    'MBMGByqGSM49AgEGCCqGSM49AwEHA0IABDmiWm7y6XKiJ+AF+sCAjhnH0kSxNquw9fVn6xzBiRPJoHZvIGjDGsVofg' +
    'cVduu7RoCzjy5AwlyVwqyDKnNyQQajUzBRMB0GA1UdDgQWBBTfO33vrI5OM2/XuJLyBJ57j807hTAfBgNVHSMEGDAW' +
    'gBTfO33vrI5OM2/XuJLyBJ57j807hTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIG67aQiWxoipB2' +
    'V1m8FlBp0ajLCJz6cn+5Qi9oyHRRlPAiEAgu/PsqarXwYtudmCxO5wIglcWsFk/VwObcWanzoVsu4=',
  'base64',
);

describe('createObject() creates', () => {
  test('data with a value that can be read', async () => {
    const value = randomBytes(1000);
    const object = await session.createObject({ ...DATA, label: 'my data', application: 'tests', value });
    expect(object).toBeInstanceOf(Data);
    expect(object).toMatchObject({ class: 'DATA', label: 'my data', isTokenObject: false, isPrivate: false });
    expect(await (object as Data).value()).toEqual(value);
    expect(await object.attribute('application')).toBe('tests');
  });

  test('a certificate that node:crypto reads', async () => {
    const object = await session.createObject({
      class: 'CERTIFICATE',
      certificateType: 'X_509',
      private: false,
      label: 'ca',
      id: Buffer.from([1, 2, 3]),
      subject: Buffer.from('30183116301406035504030c0d63727970746f6b692074657374', 'hex'),
      value: CERTIFICATE,
    });
    expect(object).toBeInstanceOf(Certificate);
    const x509 = await (object as Certificate).toX509();
    expect(x509.subject).toBe('CN=cryptoki test');
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(await object.attribute('certificateType')).toBe('X_509');
    const found = await session.certificate({ id: Buffer.from([1, 2, 3]) });
    expect(found.handle).toBe(object.handle);
  });

  test('an EC public key of node:crypto that verifies on the token', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x, y } = pair.publicKey.export({ format: 'jwk' });
    const point = Buffer.concat([
      Buffer.from([4]),
      Buffer.from(x ?? '', 'base64url'),
      Buffer.from(y ?? '', 'base64url'),
    ]);
    const key = await session.createObject({
      class: 'PUBLIC_KEY',
      keyType: 'EC',
      private: false,
      verify: true,
      ecParams: Buffer.from('06082a8648ce3d030107', 'hex'),
      ecPoint: Buffer.concat([Buffer.from([4, point.length]), point]),
    });
    expect(key).toBeInstanceOf(PublicKey);
    const message = Buffer.from('message');
    const signature = sign('sha256', message, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
    expect(await (key as PublicKey).verify('ECDSA-SHA256', message, signature)).toBe(true);
    expect((await (key as PublicKey).toKeyObject()).equals(pair.publicKey)).toBe(true);
  });

  test('an RSA public key of node:crypto, from bytes and from bigints', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n, e } = pair.publicKey.export({ format: 'jwk' });
    const modulus = Buffer.from(n ?? '', 'base64url');
    const publicExponent = Buffer.from(e ?? '', 'base64url');
    const signature = sign('sha256', Buffer.from('message'), pair.privateKey);
    for (const numbers of [
      { modulus, publicExponent },
      { modulus: BigInt(`0x${modulus.toString('hex')}`), publicExponent: 65537n },
    ]) {
      const made = await session.createObject({
        class: 'PUBLIC_KEY',
        keyType: 'RSA',
        private: false,
        verify: true,
        ...numbers,
      });
      const key = made as PublicKey;
      expect(await key.verify('RSA-PKCS1-SHA256', Buffer.from('message'), signature)).toBe(true);
      expect(
        (await key.toKeyObject()).equals(
          createPublicKey(pair.publicKey.export({ format: 'pem', type: 'spki' })),
        ),
      ).toBe(true);
      expect(await key.attribute('publicExponent')).toEqual(publicExponent);
      expect(await key.attribute('modulusBits')).toBe(2048);
    }
  });

  test('an HMAC key with a given value, whose MACs equal those of node:crypto', async () => {
    const value = randomBytes(32);
    const key = await session.createObject({
      class: 'SECRET_KEY',
      keyType: 'GENERIC_SECRET',
      sign: true,
      value,
    });
    expect(key).toBeInstanceOf(SecretKey);
    const message = randomBytes(100);
    const mac = await (key as SecretKey).sign('HMAC-SHA256', message);
    expect(mac).toEqual(createHmac('sha256', value).update(message).digest());
  });

  test('an object with an empty value', async () => {
    const object = await session.createObject({ ...DATA, label: '', value: Buffer.alloc(0) });
    expect(await object.attributes('value', 'label')).toEqual({ value: Buffer.alloc(0), label: '' });
  });

  test('a token object that other sessions find', async () => {
    await using reading = await opened.token.openSession();
    const object = await session.createObject({
      ...DATA,
      token: true,
      label: 'shared',
      value: Buffer.from('v'),
    });
    expect(object.isTokenObject).toBe(true);
    const [seen] = await reading.find({ label: 'shared' });
    expect(await seen?.attribute('value')).toEqual(Buffer.from('v'));
    await object.destroy();
    expect(await reading.find({ label: 'shared' })).toEqual([]);
  });
});

describe('find()', () => {
  const make = (label: string, more: Attributes = {}) =>
    session.createObject({ ...DATA, label, value: Buffer.from(label), ...more });

  test('returns the objects that match all attributes', async () => {
    const both = { application: 'find', objectId: Buffer.from('0603550403', 'hex') };
    const [one] = [await make('one', both), await make('two', { application: 'find' }), await make('one')];
    expect((await session.find({ application: 'find' })).map(({ label }) => label).sort()).toEqual([
      'one',
      'two',
    ]);
    const found = await session.find({ ...both, label: 'one' });
    expect(found.map(({ handle }) => handle)).toEqual([one.handle]);
    expect(found[0]).toBeInstanceOf(Data);
    expect(await session.find({ label: 'one', application: 'no such' })).toEqual([]);
  });

  test('without attributes returns all objects with their classes', async () => {
    const { publicKey, privateKey } = await session.generateKeyPair('EC', { curve: 'P-256' });
    const secret = await session.generateKey('AES');
    const all = await session.find();
    for (const made of [publicKey, privateKey, secret]) {
      const found = all.find(({ handle }) => handle === made.handle);
      expect(found?.constructor).toBe(made.constructor);
      expect(found).toMatchObject({ id: made.id, class: made.class, keyType: made.keyType });
    }
  });

  test('returns each of a thousand objects once', async () => {
    await using scope = await opened.token.openSession();
    for (let i = 0; i < 1000; i++) {
      opened.module.raw.C_CreateObjectSync(scope.handle, [
        { type: CKA.CLASS, value: 0 },
        { type: CKA.PRIVATE, value: false },
        { type: CKA.LABEL, value: `many ${i}` },
        { type: CKA.APPLICATION, value: 'many' },
      ]);
    }
    const found = await session.find({ application: 'many' });
    const labels = new Set(found.map(({ label }) => label));
    expect([found.length, labels.size]).toEqual([1000, 1000]);
    for (const limit of [1, 255, 256, 257, 999, 1000, 1001]) {
      expect(await session.find({ application: 'many' }, { limit })).toHaveLength(Math.min(limit, 1000));
    }
  });

  test('reads values of all lengths in any order', async () => {
    await using scope = await opened.token.openSession();
    const lengths = [0, 1, 63, 64, 65, 5000, 3, 128, 127, 129, 0, 700];
    for (const [index, length] of lengths.entries()) {
      opened.module.raw.C_CreateObjectSync(scope.handle, [
        { type: CKA.CLASS, value: 0 },
        { type: CKA.PRIVATE, value: false },
        { type: CKA.LABEL, value: String(index) },
        { type: CKA.APPLICATION, value: 'lengths' },
        { type: CKA.VALUE, value: Buffer.alloc(length, index + 1) },
      ]);
    }
    const types = [CKA.LABEL, CKA.VALUE, CKA.MODULUS, CKA.TOKEN];
    const template = [{ type: CKA.APPLICATION, value: 'lengths' }];
    const found = await opened.module.raw.findObjects(scope.handle, template, types, 0);
    const read = found.map(({ attributes: [label, value, modulus, token] }) => {
      expect(modulus).toEqual({ type: CKA.MODULUS, reason: 'invalid' });
      expect(token?.value).toBe(false);
      const bytes = value?.value as Buffer;
      expect(bytes.every((byte) => byte === Number(label?.value) + 1)).toBe(true);
      return [Number(label?.value), bytes.length];
    });
    expect(read.sort(([a], [b]) => Number(a) - Number(b))).toEqual([...lengths.entries()]);
  });

  test.each<[unknown]>([[0], [-1], [1.5], ['1'], [Number.NaN], [null], [10n]])(
    'refuses the limit %o',
    async (limit) => {
      const error = await failure(session.find('all', { limit: wrong(limit) }));
      expect(error.code).toMatch(/^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE)$/);
    },
  );
});

describe('a finder of one object', () => {
  test('returns the public or private key with the label', async () => {
    const pair = await session.generateKeyPair('EC', { curve: 'P-256', label: 'pair' });
    expect((await session.privateKey({ label: 'pair' })).handle).toBe(pair.privateKey.handle);
    expect((await session.publicKey({ label: 'pair' })).handle).toBe(pair.publicKey.handle);
    const secret = await session.generateKey('AES', { label: 'pair' });
    expect((await session.secretKey({ label: 'pair' })).handle).toBe(secret.handle);
  });

  test('fails for none and reports the search attributes', async () => {
    const error = await failure(session.privateKey({ label: 'no such', id: Buffer.from('x') }));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND' });
    expect(error.message).toMatch(/private key.*"test".*label, id/);
  });

  test('fails for two matches', async () => {
    await session.generateKey('AES', { label: 'twins' });
    await session.generateKey('AES', { label: 'twins' });
    expect(await failure(session.secretKey({ label: 'twins' }))).toMatchObject({
      code: 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS',
      message: expect.stringContaining('secret key'),
    });
  });

  test('of private keys reports a missing login', async () => {
    await session.logout();
    try {
      const error = await failure(session.privateKey({ label: 'pair' }));
      expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND' });
      expect(error.message).toContain('nobody is logged in');
    } finally {
      await session.login(opened.test.pin);
    }
  });
});
