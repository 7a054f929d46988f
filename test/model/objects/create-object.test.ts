import type { Attributes } from 'cryptoki';
import type { RawModule } from 'cryptoki/raw';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Faulty, openFaulty } from '../../support/fault';
import { failure } from '../../support/open';

const CKA_PRIVATE = 2;
const KEY: Attributes = { class: 'SECRET_KEY', keyType: 'AES', value: Buffer.alloc(16), label: 'made' };

let its: Faulty;
beforeEach(async () => {
  its = await openFaulty();
});
afterEach(() => its.close());

/** Does something with the template in the place of C_CreateObject. */
function replace(work: (create: RawModule['C_CreateObject']) => RawModule['C_CreateObject']): void {
  const { raw } = its;
  const create = raw.C_CreateObject.bind(raw);
  Object.defineProperty(raw, 'C_CreateObject', { value: work(create), configurable: true });
}

/** The templates that the module is given from now on. */
function templates(): { type: number | bigint }[][] {
  const given: { type: number | bigint }[][] = [];
  replace((create) => (session, template) => {
    given.push([...template] as { type: number | bigint }[]);
    return create(session, template);
  });
  return given;
}

describe('createObject() without `private`', () => {
  test('makes a key private while the user is logged in', async () => {
    const given = templates();
    const key = await its.session.createObject(KEY);
    expect(given[0]?.map(({ type }) => Number(type))).toContain(CKA_PRIVATE);
    expect(key.isPrivate).toBe(true);
  });

  test.each([
    ['data', { class: 'DATA', label: 'made' }],
    ['a key that is to be public', { ...KEY, private: false }],
  ] as const)('leaves %s as it is', async (_, attributes) => {
    const given = templates();
    await its.session.createObject(attributes as Attributes);
    const types = given[0]?.map(({ type }) => Number(type)) ?? [];
    expect(types.filter((type) => type === CKA_PRIVATE)).toHaveLength('private' in attributes ? 1 : 0);
  });

  test('leaves CKA_PRIVATE of a key to the token while no user is logged in', async () => {
    await its.session.logout();
    const given = templates();
    await its.session.createObject(KEY).catch(() => {}); // SoftHSM2 takes it for private
    expect(given[0]?.map(({ type }) => Number(type))).not.toContain(CKA_PRIVATE);
  });

  test('destroys a data object that a token made public during a logout, and fails', async () => {
    await using other = await its.token.openSession();
    // As of a token where what is created without a login is public.
    replace((create) => async (session, template) => {
      await other.logout();
      return create(session, [...template, { type: CKA_PRIVATE, value: false }] as typeof template);
    });
    const error = await failure(its.session.createObject({ class: 'DATA', label: 'made' }));
    expect(error).toMatchObject({ code: 'ERR_CRYPTOKI_ACCESS', action: 'relogin' });
    expect(await its.session.find({ label: 'made' })).toEqual([]);
  });

  test('treats an object without readable attributes as private if a user was logged in', async () => {
    its.hsm.plan([{ function: 'C_GetAttributeValue', return: 'CKR_FUNCTION_FAILED' }]);
    const object = await its.session.createObject({ class: 'DATA', label: 'made' });
    its.hsm.clear();
    expect(object.isPrivate).toBe(true);
  });
});
