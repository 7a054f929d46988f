import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Certificate, Data, PublicKey, StorageObject } from 'cryptoki';
import { CKA } from 'cryptoki/raw';
import { expect } from 'vitest';
import { CERTIFICATE, ISSUER, SERIAL, SUBJECT } from './certificate';
import type { Contract } from './contract';
import { codeOf } from './outcome';

export function object(contract: Contract): void {
  const { test } = contract.chapter('object');
  const data = (attributes: object = {}): Promise<StorageObject> =>
    contract.session.createObject({
      class: 'DATA',
      token: contract.facts.tokenKeys,
      private: false,
      label: 'data',
      application: 'contract',
      value: Buffer.from('value'),
      ...attributes,
    });
  const DATA = ['write', 'data objects'];

  test('every object can be found, with its class', [], async () => {
    const found = await contract.session.find();
    expect(new Set(found.map(({ handle }) => handle)).size).toBe(found.length);
    for (const each of found) expect(each.class).toBeDefined();
    expect(await contract.session.find('all', { limit: 1 })).toHaveLength(Math.min(1, found.length));
    expect(await contract.session.find({ label: `none ${randomBytes(8).toString('hex')}` })).toEqual([]);
  });

  test('the attributes of built-in objects can be read', ['built-in objects'], async () => {
    const found = await contract.session.find({ class: 'CERTIFICATE' });
    expect(found.length).toBeGreaterThan(0);
    for (const each of found.slice(0, 20)) {
      const { class: name, token, label, value } = await each.attributes('class', 'token', 'label', 'value');
      expect({ name, token, label }).toEqual({ name: 'CERTIFICATE', token: true, label: each.label });
      expect(value?.length).toBeGreaterThan(100);
      expect((await (each as Certificate).toX509()).raw).toEqual(value);
    }
  });

  test('data is created, read, found and destroyed', DATA, async () => {
    const made = (await data({ label: 'data ä€' })) as Data;
    expect(made).toMatchObject({ class: 'DATA', label: 'data ä€', isPrivate: false });
    expect((await made.value()).toString()).toBe('value');
    expect(await made.attributes('class', 'label', 'application', 'token', 'private')).toEqual({
      class: 'DATA',
      label: 'data ä€',
      application: 'contract',
      token: contract.facts.tokenKeys,
      private: false,
    });
    const found = await contract.session.find({ label: 'data ä€', class: 'DATA' });
    expect(found.map(({ handle }) => handle)).toEqual([made.handle]);
    await made.destroy();
    expect(await contract.session.find({ label: 'data ä€' })).toEqual([]);
    expect(await codeOf(made.attributes('label'))).toBe('ERR_CRYPTOKI_OBJECT_DEAD');
    const { raw, session } = contract;
    expect(await codeOf(raw.C_GetAttributeValue(session.handle, made.handle, [CKA.LABEL]))).toEqual(
      contract.code('a destroyed object'),
    );
  });

  test('an empty value is stored and read', DATA, async () => {
    const made = await data({ value: Buffer.alloc(0), label: '' });
    expect((await (made as Data).value()).length).toBe(0);
    await made.destroy();
  });

  test('a large value is read completely', DATA, async () => {
    const value = randomBytes(20_000);
    const made = await data({ value });
    expect((await (made as Data).value()).equals(value)).toBe(true);
    await made.destroy();
  });

  test('a certificate is created and read', ['write', 'certificates'], async () => {
    const made = (await contract.session.createObject({
      class: 'CERTIFICATE',
      certificateType: 'X_509',
      token: contract.facts.tokenKeys,
      private: false,
      label: 'certificate',
      id: Buffer.from([1, 2, 3]),
      subject: SUBJECT,
      issuer: ISSUER,
      serialNumber: SERIAL,
      value: CERTIFICATE,
    })) as Certificate;
    expect((await made.toX509()).subject).toBe('CN=contract');
    expect(
      await made.attributes('certificateType', 'id', 'subject', 'issuer', 'serialNumber', 'value'),
    ).toEqual({
      certificateType: 'X_509',
      id: Buffer.from([1, 2, 3]),
      subject: SUBJECT,
      issuer: ISSUER,
      serialNumber: SERIAL,
      value: CERTIFICATE,
    });
    expect((await contract.session.certificate({ id: Buffer.from([1, 2, 3]) })).handle).toBe(made.handle);
    await made.destroy();
  });

  test('an RSA public key is created and read', ['write', 'import public'], async () => {
    const judge = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    const { n = '', e = '' } = judge.export({ format: 'jwk' });
    const made = (await contract.session.createObject({
      class: 'PUBLIC_KEY',
      keyType: 'RSA',
      token: contract.facts.tokenKeys,
      private: false,
      verify: true,
      modulus: Buffer.from(n, 'base64url'),
      publicExponent: 65537n,
    })) as PublicKey;
    const { modulus, publicExponent } = await made.attributes('modulus', 'publicExponent');
    expect(modulus).toEqual(Buffer.from(n, 'base64url'));
    expect(publicExponent).toEqual(Buffer.from(e, 'base64url'));
    expect((await made.toKeyObject()).equals(judge)).toBe(true);
    await made.destroy();
  });

  test('a secret key is created and read', ['write', 'import'], async () => {
    const value = randomBytes(32);
    const made = await contract.secret('AES', value, { label: 'aes', encrypt: true, decrypt: true });
    expect(await made.attributes('keyType', 'value', 'valueLen', 'sensitive', 'extractable')).toEqual({
      keyType: 'AES',
      value,
      valueLen: 32,
      sensitive: false,
      extractable: true,
    });
    expect(await made.attributes('local', 'encrypt')).toEqual({ local: false, encrypt: true });
    await made.destroy();
  });

  test('dates are stored and read', ['write', 'import', 'dates'], async () => {
    const startDate = new Date('2026-01-31');
    const made = await contract.secret('GENERIC_SECRET', randomBytes(16), {
      private: false,
      startDate,
      sign: true,
    });
    expect((await made.attributes('startDate')).startDate).toEqual(startDate);
    expect(await made.attributes('endDate')).toEqual({});
    await made.destroy();
  });

  test('unreadable attributes have a reason', ['write', 'AES_KEY_GEN:GENERATE'], async () => {
    const key = await contract.session.generateKey('AES', { token: contract.facts.tokenKeys });
    const types = [CKA.VALUE, CKA.MODULUS, CKA.CLASS, 0x8000_1234, CKA.VALUE_LEN];
    const { raw, session } = contract;
    expect(await raw.C_GetAttributeValue(session.handle, key.handle, types)).toEqual([
      { type: CKA.VALUE, reason: 'sensitive' },
      { type: CKA.MODULUS, reason: 'invalid' },
      { type: CKA.CLASS, value: 4 },
      { type: 0x8000_1234, reason: 'invalid' },
      { type: CKA.VALUE_LEN, value: 32 },
    ]);
    expect(raw.C_GetAttributeValueSync(session.handle, key.handle, [])).toEqual([]);
    expect(await codeOf(key.attribute('value'))).toBe('CKR_ATTRIBUTE_SENSITIVE');
    expect(await codeOf(key.attribute('modulus'))).toBe('CKR_ATTRIBUTE_TYPE_INVALID');
    await key.destroy();
  });

  test('modifiable attributes can be changed, others cannot', DATA, async () => {
    const made = await data();
    await made.setAttributes({ label: 'changed' });
    expect(await made.attribute('label')).toBe('changed');
    expect(await codeOf(made.setAttributes({ class: 'CERTIFICATE' }))).toEqual(
      contract.code('an attribute that cannot change'),
    );
    expect(await made.attribute('class')).toBe('DATA');
    await made.destroy();
  });

  test('an object is copied with changes', ['write', 'import', 'copies'], async () => {
    const { raw, session } = contract;
    const value = randomBytes(16);
    const made = await contract.secret('AES', value, { label: 'original', encrypt: true });
    const copy = await raw.C_CopyObject(session.handle, made.handle, [{ type: CKA.LABEL, value: 'copy' }]);
    expect(copy).not.toBe(made.handle);
    const read = await raw.C_GetAttributeValue(session.handle, copy, [CKA.LABEL, CKA.VALUE]);
    expect(read.map((each) => each.value)).toEqual(['copy', value]);
    await raw.C_DestroyObject(session.handle, copy);
    expect(await made.attribute('label')).toBe('original');
    await made.destroy();
  });

  test('the size of an object is reported or unavailable', DATA, async () => {
    const made = await data();
    const size = await contract.raw.C_GetObjectSize(contract.session.handle, made.handle);
    if (contract.facts.objectSize) expect(size).toBeGreaterThan(0);
    else expect(size ?? 0).toBe(0);
    await made.destroy();
  });

  test('a template without a class is refused', ['write'], async () => {
    const create = contract.session.createObject({ label: 'no class' });
    expect(await codeOf(create)).toEqual(contract.code('a template without a class'));
  });

  test('session objects die with their session', [...DATA, 'session objects'], async () => {
    const other = await contract.open();
    const label = `mine ${createHash('sha1').update(String(other.handle)).digest('hex')}`;
    const made = await other.createObject({ class: 'DATA', label, token: false, private: false });
    expect(await contract.session.find({ label })).toHaveLength(1);
    const seen = made.on(contract.session);
    await other.close();
    expect(await codeOf(seen.attributes('label'))).toBe('ERR_CRYPTOKI_OBJECT_DEAD');
    expect(await contract.session.find({ label })).toEqual([]);
  });

  test('token objects outlive their session', [...DATA, 'token data'], async () => {
    const other = await contract.open(true);
    const label = 'outlives';
    await other.createObject({ class: 'DATA', label, token: true, private: false, value: Buffer.from('x') });
    await other.close();
    const found = await contract.session.find({ label });
    expect(found).toHaveLength(1);
    expect(found[0]?.isTokenObject).toBe(true);
    await found[0]?.destroy();
    expect(await contract.session.find({ label })).toEqual([]);
  });

  test('many objects are found, or at most a given number', [...DATA, 'session objects'], async () => {
    const made = await Promise.all(Array.from({ length: 60 }, (_, i) => data({ label: `many ${i % 2}` })));
    expect(await contract.session.find({ label: 'many 0' })).toHaveLength(30);
    expect(await contract.session.find({ label: 'many 1' }, { limit: 7 })).toHaveLength(7);
    await Promise.all(made.map((each) => each.destroy()));
    expect(await contract.session.find({ label: 'many 0' })).toEqual([]);
  });
}
