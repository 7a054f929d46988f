/** A group of tokens: how its members are connected. */
import { connect, type GroupOptions } from 'cryptoki';
import { describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { counting, ecKey, PIN, pairOf, QUICK, signAll, until } from './group-support';

const signing = ecKey('signing');
const its = pairOf([signing]);

describe('connecting a group', () => {
  test('succeeds with one member, and a missing member joins later', async () => {
    await its.b.with(async () => its.b.fault.removeToken()); // removeToken() works only on an initialised module
    const hsms = await its.join();
    expect(hsms.members.map(({ isWell }) => isWell)).toEqual([true, false]);
    const key = await hsms.privateKey({ label: 'signing' });
    expect(key.members).toEqual(['a']);
    await signAll(key, 10);
    its.b.fault.insertToken();
    await until(() => its.told.includes('b up'), 'the other joins');
    await signAll(key, 2); // the group looks for the key on the new member
    await until(() => key.members.length === 2, 'its key is found');
    const made = counting(hsms);
    await signAll(key, 10);
    expect(made()).toEqual([5, 5]);
  });

  test('fails with require: all when one member is missing, and leaves no session open', async () => {
    await its.b.with(async () => its.b.fault.removeToken());
    const error = await failure(its.join({ require: 'all' }));
    expect(error.code).toBe('ERR_CRYPTOKI_NO_MEMBER');
    expect(error.message).toMatch(/"b": (CKR|ERR)_\w+/);
    expect(its.a.fault.counters().openSessions).toBe(0);
  });

  test('fails when all members are missing', async () => {
    const error = await failure(
      connect([{ module: '/nowhere/one.so' }, { target: { module: '/nowhere/two.so' }, name: 'second' }]),
    );
    expect(error.code).toBe('ERR_CRYPTOKI_NO_MEMBER');
    expect(error.message).toContain(
      '"token": ERR_CRYPTOKI_MODULE_NOT_FOUND, "second": ERR_CRYPTOKI_MODULE_NOT_FOUND',
    );
  });

  test('accepts options for each member, and sends a refused PIN once', async () => {
    const before = its.b.calls('C_Login');
    its.group = await connect(
      [
        { target: its.a.target, name: 'first', sessions: { max: 2 } },
        { target: its.b.target, name: 'second', pin: '00000000' },
      ],
      { pin: PIN, breaker: QUICK },
    );
    expect(its.group.members.map(({ name, isWell }) => [name, isWell])).toEqual([
      ['first', true],
      ['second', false],
    ]);
    expect(its.group.members[0]?.client?.statistics().max).toBe(2);
    expect(its.group.members[1]?.error).toMatchObject({ code: 'CKR_PIN_INCORRECT' });
    await until(
      () =>
        (its.group?.members[1]?.error as { code?: string } | undefined)?.code === 'ERR_CRYPTOKI_PIN_REFUSED',
      'tried again',
    );
    expect(its.b.calls('C_Login')).toBe(before + 1);
  });

  test('keeps a copy of a PIN given as bytes for members that join later', async () => {
    await its.b.with(async () => its.b.fault.removeToken());
    const pin = Buffer.from(PIN);
    const hsms = await its.join({ pin });
    pin.fill(0);
    its.b.fault.insertToken();
    await until(() => hsms.members.every(({ isWell }) => isWell), 'the other joins');
  });

  test('numbers members that have the same name, and accepts URIs', async () => {
    const uri = `pkcs11:token=a?module-path=${encodeURI(its.a.fault.path)}`;
    its.group = await connect([uri, its.b.target, its.b.target], { pin: PIN });
    expect(its.group.members.map(({ name }) => name)).toEqual(['a', 'b #2', 'b #3']);
    expect(its.group.members.every(({ isWell }) => isWell)).toBe(true);
  });

  test('refuses arguments that do not describe a group', async () => {
    expect((await failure(connect([]))).code).toBe('ERR_INVALID_ARG_VALUE');
    expect((await failure(connect([its.a.target], { strategy: 'best' as 'primary' }))).code).toBe(
      'ERR_INVALID_ARG_VALUE',
    );
    expect((await failure(connect([its.a.target], { breaker: { failures: 0 } }))).code).toBe(
      'ERR_OUT_OF_RANGE',
    );
    const misspelt = { failure: 1 } as unknown as NonNullable<GroupOptions['breaker']>;
    expect((await failure(connect([its.a.target], { breaker: misspelt }))).code).toBe(
      'ERR_INVALID_ARG_VALUE',
    );
    expect((await failure(connect([{ target: its.a.target, pins: 1 } as never]))).code).toBe(
      'ERR_INVALID_ARG_VALUE',
    );
    expect((await failure(connect([7 as never]))).code).toBe('ERR_INVALID_ARG_TYPE');
    expect((await failure(connect(['pkcs11:token=a']))).code).toBe('ERR_INVALID_ARG_VALUE');
  });
});
