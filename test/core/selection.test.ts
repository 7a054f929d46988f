import { createSecretKey } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { type Client, connect, Module, type TokenSelector } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

let opened: Opened;
let client: Client;
beforeAll(async () => {
  opened = await openToken();
  const { session, test: soft } = opened;
  await session.generateKeyPair('EC', { curve: 'P-256', label: 'there', token: true });
  client = await connect({ module: soft.module, token: { label: 'test' } }, { pin: soft.pin });
});
afterAll(async () => {
  await client?.close();
  await opened.close();
});

class Named {
  readonly label = 'there';
}

/** Values that are not plain objects, and that would have no members, or other members, if they were spread. */
const NOT_PLAIN: Readonly<Record<string, unknown>> = {
  'a Map': new Map([['label', 'there']]),
  'a Date': new Date(),
  'a KeyObject': createSecretKey(Buffer.alloc(16)),
  'an instance of a class': new Named(),
  'an instance of a class without a base': Object.create(
    Object.create(null, { constructor: { value: Named }, label: { value: 'there', enumerable: true } }),
  ),
  'an array': [{ label: 'there' }],
  bytes: Buffer.from('there'),
  null: null,
  'a number': 5,
  'a function': () => ({ label: 'there' }),
};

const CLASSES = ['privateKey', 'publicKey', 'secretKey', 'certificate'] as const;

/** Everything that takes attributes to search by, or to write. */
const takers = (): Readonly<Record<string, (what: never) => unknown>> => {
  const { session } = opened;
  return {
    ...Object.fromEntries(CLASSES.map((name) => [`session.${name}`, (what: never) => session[name](what)])),
    ...Object.fromEntries(CLASSES.map((name) => [`client.${name}`, (what: never) => client[name](what)])),
    'session.find': (what) => session.find(what),
    'client.find': (what) => client.find(what),
    'key.setAttributes': async (what) => (await session.privateKey({ label: 'there' })).setAttributes(what),
    'client key.setAttributes': async (what) =>
      (await client.privateKey({ label: 'there' })).setAttributes(what),
    'session.createObject': (what) => session.createObject(what),
    'client.createObject': (what) => client.createObject(what),
    'session.generateKeyPair': (what) => session.generateKeyPair('RSA', what),
    'client.generateKeyPair': (what) => client.generateKeyPair('RSA', what),
    'its publicKey': (what) => session.generateKeyPair('RSA', { publicKey: what }),
    'its privateKey': (what) => client.generateKeyPair('RSA', { privateKey: what }),
    'session.generateKey': (what) => session.generateKey('AES', what),
    'client.generateKey': (what) => client.generateKey('AES', what),
    'object.copy': async (what) => (await session.publicKey({ label: 'there' })).copy(what),
    'module.token': (what) => opened.module.token(what),
    'connect()': (what) => connect(what),
    'the token of connect()': (what) => connect({ module: opened.test.module, token: what }),
    'the options of connect()': (what) => connect({ module: opened.test.module }, what),
  };
};

describe('an object that is not plain is refused', () => {
  const names = [
    ...CLASSES.flatMap((name) => [`session.${name}`, `client.${name}`]),
    ...['session.find', 'client.find', 'key.setAttributes', 'client key.setAttributes'],
    ...['session.createObject', 'client.createObject', 'session.generateKeyPair', 'client.generateKeyPair'],
    ...['its publicKey', 'its privateKey', 'session.generateKey', 'client.generateKey', 'object.copy'],
    ...['module.token', 'the token of connect()', 'the options of connect()', 'connect()'],
  ];
  test.each(names)('by %s', async (name) => {
    const taker = takers()[name] as (what: never) => unknown;
    for (const [what, value] of Object.entries(NOT_PLAIN)) {
      if (name === 'connect()' && what === 'an array') continue; // several targets
      const error = await failure(async () => taker(wrong(value)));
      expect([what, error.code]).toEqual([what, 'ERR_INVALID_ARG_TYPE']);
    }
  });

  test('with an error that names its class', async () => {
    const error = await failure(opened.session.privateKey(wrong(new Map())));
    expect(error.message).toBe('the attributes to search by must be a plain object, not an instance of Map');
  });
});

describe('a plain object is accepted', () => {
  test.each([
    ['of another realm', () => runInNewContext("({ label: 'there' })")],
    ['without a prototype', () => Object.assign(Object.create(null), { label: 'there' })],
    ['made by JSON.parse', () => JSON.parse('{"label":"there"}')],
    ['that is frozen', () => Object.freeze({ label: 'there' })],
  ])('%s', async (_, make) => {
    expect((await opened.session.privateKey(make())).label).toBe('there');
    expect((await client.privateKey(make())).label).toBe('there');
    expect(await client.find(make())).toHaveLength(2);
    const token = Object.assign(make(), {}) as { label: string };
    expect(token.label).toBe('there');
  });
});

const UNSET = process.env.CRYPTOKI_TEST_VARIABLE_THAT_IS_NOT_SET;

describe('a search without a criterion is refused', () => {
  const finders = [...CLASSES, 'find'] as const;
  const levels = () => ({ session: opened.session, client });

  test.each(finders)('%s: an unset variable', async (name) => {
    for (const level of Object.values(levels())) {
      for (const which of [{ label: UNSET }, { label: UNSET, id: UNSET }, { id: UNSET, keyType: 'EC' }]) {
        const error = await failure(level[name](wrong(which)));
        expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
        expect(error.message).toContain('must not be undefined: give a value, or leave');
        expect(error.message).toContain('label' in which ? 'label' : 'id');
      }
    }
  });

  test.each(finders)('%s: beside a member that is defined', async (name) => {
    for (const level of Object.values(levels())) {
      const error = await failure(level[name](wrong({ label: 'there', id: UNSET })));
      expect(error).toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
        message: 'id in the attributes to search by must not be undefined: give a value, or leave id out',
      });
    }
  });

  test.each(finders)('%s: an empty object, and undefined itself', async (name) => {
    for (const level of Object.values(levels())) {
      const instead = name === 'find' ? "find('all')" : "'only'";
      for (const which of [{}, undefined]) {
        const error = await failure(level[name](wrong(which)));
        expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
        expect(error.message).toContain(instead);
      }
    }
  });

  test('with the class alone, which the method implies', async () => {
    for (const level of Object.values(levels())) {
      const error = await failure(level.privateKey({ class: 'PRIVATE_KEY' }));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
    expect(await failure(client.privateKey('pkcs11:type=private'))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });

  test('by a URI that names no object', async () => {
    for (const uri of ['pkcs11:', 'pkcs11:token=test']) {
      expect(await failure(client.privateKey(uri))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
      expect(await failure(client.find(uri))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
  });

  test('by privateKey() if the URI of connect() names no object', async () => {
    const { module, pin } = opened.test;
    await using other = await connect(`pkcs11:token=test?module-path=${module}`, { pin });
    const error = await failure(other.privateKey());
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toContain('label or id of the private key');
  });

  test('a change without attributes is refused', async () => {
    for (const key of [
      await opened.session.privateKey({ label: 'there' }),
      await client.privateKey({ label: 'there' }),
    ]) {
      for (const attributes of [{}, { label: UNSET }, { label: 'there', id: UNSET }]) {
        expect(await failure(key.setAttributes(wrong(attributes)))).toMatchObject({
          code: 'ERR_INVALID_ARG_VALUE',
        });
      }
    }
  });

  test('a token selector without criteria is refused', async () => {
    const { module, test: soft } = opened;
    for (const selector of [{}, { label: UNSET }, { label: 'test', serialNumber: UNSET }, undefined]) {
      const error = await failure(module.token(wrong(selector)));
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
      const connecting = failure(connect({ module: soft.module, token: wrong<TokenSelector>(selector) }));
      expect(await connecting).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
      const grouping = failure(connect([{ module: soft.module, token: wrong<TokenSelector>(selector) }]));
      expect(await grouping).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    }
    expect((await failure(module.token({ label: UNSET }))).message).toBe(
      'label in a token selector must not be undefined: give a value, or leave label out',
    );
  });

  test('by a group', async () => {
    const { module, pin } = opened.test;
    await using group = await connect([{ module, token: { label: 'test' } }], { pin });
    for (const which of [{}, { label: UNSET }]) {
      expect(await failure(group.privateKey(which))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
    for (const which of [new Map(), new Named()]) {
      expect(await failure(group.privateKey(wrong(which)))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    }
    expect((await group.privateKey('only')).label).toBe('there');
  });
});

describe('a selection by name', () => {
  test("'only' returns the only object and fails for two", async () => {
    for (const level of [opened.session, client]) {
      expect((await level.privateKey('only')).label).toBe('there');
      expect(await failure(level.certificate('only'))).toMatchObject({
        code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
      });
    }
    const { privateKey, publicKey } = await opened.session.generateKeyPair('EC', { curve: 'P-256' });
    for (const level of [opened.session, client]) {
      expect(await failure(level.privateKey('only'))).toMatchObject({
        code: 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS',
      });
    }
    await Promise.all([privateKey.destroy(), publicKey.destroy()]);
  });

  test("find() and find('all') return all objects", async () => {
    for (const level of [opened.session, client]) {
      expect(await level.find()).toHaveLength(2);
      expect(await level.find('all')).toHaveLength(2);
    }
    expect(await opened.session.find('all', { limit: 1 })).toHaveLength(1);
  });

  test("token() and token('only') return the only initialised token", async () => {
    expect((await opened.module.token()).label).toBe('test');
    expect((await opened.module.token('only')).label).toBe('test');
    const { module: path } = opened.test;
    for (const target of [{ module: path }, { module: path, token: 'only' as const }]) {
      await using other = await connect(target);
      expect(other.token.label).toBe('test');
    }
    await using module = await Module.open(path);
    await expect(module.token({ label: 'another' })).rejects.toMatchObject({
      code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
    });
  });
});
