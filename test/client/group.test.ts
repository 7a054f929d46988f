/** A group of tokens: which member runs an operation, and which one runs it after a member is lost. */
import { type ClientGroup, connect, Module } from 'cryptoki';
import { createSoftToken, FaultModule } from 'cryptoki/testing';
import { describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import {
  counting,
  ecKey,
  type Hsm,
  isGood,
  MESSAGE,
  PIN,
  pairOf,
  QUICK,
  signAll,
  until,
} from './group-support';

const signing = ecKey('signing');
const its = pairOf([signing]);

describe('the strategy', () => {
  test('roundRobin distributes operations equally', async () => {
    const key = await (await its.join()).privateKey({ label: 'signing' });
    expect(key.members).toEqual(['a', 'b']);
    const made = counting(its.group as ClientGroup);
    const signatures = await signAll(key, 40);
    expect(signatures.every((signature) => isGood(signing.key, signature))).toBe(true);
    expect(made()).toEqual([20, 20]);
  });

  test('leastInFlight sends fewer operations to a slow member', async () => {
    const key = await (await its.join({ strategy: 'leastInFlight' })).privateKey({ label: 'signing' });
    its.a.fault.plan([{ function: 'C_Sign', delay: 60 }]);
    const made = counting(its.group as ClientGroup);
    const end = performance.now() + 600;
    const worker = async (): Promise<void> => {
      while (performance.now() < end) await key.sign('ECDSA-SHA256', MESSAGE);
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    const [slow, fast] = made() as [number, number];
    expect(slow).toBeGreaterThan(0);
    expect(fast).toBeGreaterThan(3 * slow);
  });

  test('primary uses the standby only while the primary is down', async () => {
    const key = await (await its.join({ strategy: 'primary' })).privateKey({ label: 'signing' });
    let made = counting(its.group as ClientGroup);
    await signAll(key, 20);
    expect(made()).toEqual([20, 0]);

    its.a.fault.removeToken();
    made = counting(its.group as ClientGroup);
    const signatures = await signAll(key, 20);
    expect(signatures.every((signature) => isGood(signing.key, signature))).toBe(true);
    expect(made()).toEqual([0, 20]);
    expect(its.told).toEqual(['a down']);

    its.a.fault.insertToken();
    await until(() => its.told.includes('a up'), 'the primary is well again');
    made = counting(its.group as ClientGroup);
    await signAll(key, 20);
    expect(made()).toEqual([20, 0]);
  });
});

describe('a group whose member is lost', () => {
  test.each([
    ['device', (hsm: Hsm) => hsm.fault.loseDevice()],
    ['sessions', (hsm: Hsm) => hsm.fault.loseSessions()],
    ['login', (hsm: Hsm) => hsm.fault.logout()],
    ['token', (hsm: Hsm) => hsm.fault.removeToken({ for: 300 })],
  ])('under load (%s): every signature is made and verifies', async (_what, lose) => {
    const key = await (await its.join()).privateKey({ label: 'signing' });
    let made = 0;
    let bad = 0;
    const end = performance.now() + 2_000;
    const worker = async (): Promise<void> => {
      while (performance.now() < end) {
        const signature = await key.sign('ECDSA-SHA256', MESSAGE);
        made += 1;
        if (made % 10 === 0 && !isGood(signing.key, signature)) bad += 1;
      }
    };
    const loss = setInterval(() => lose(made % 2 === 0 ? its.a : its.b), 700);
    try {
      await Promise.all(Array.from({ length: 8 }, worker));
    } finally {
      clearInterval(loss);
    }
    expect(made).toBeGreaterThan(100);
    expect(bad).toBe(0);
    await until(
      () => (its.group as ClientGroup).members.every(({ isWell }) => isWell),
      'both are well again',
    );
  });

  test('reconnects a member whose client the program closed', async () => {
    const key = await (await its.join()).privateKey({ label: 'signing' });
    await its.group?.members[0]?.client?.close();
    await signAll(key, 20);
    await until(() => its.told.includes('a up'), 'it is connected again');
    const made = counting(its.group as ClientGroup);
    await signAll(key, 2);
    await until(() => key.members.length === 2, 'its key is found');
    expect((await signAll(key, 20)).every((signature) => isGood(signing.key, signature))).toBe(true);
    expect(made()[0]).toBeGreaterThanOrEqual(10);
  });

  test('moves operations away from a member that hangs, and uses it again when it answers', async () => {
    const key = await (
      await its.join({ operationTimeout: 500, breaker: { ...QUICK, probeTimeout: 1_500 } })
    ).privateKey({ label: 'signing' });
    its.a.fault.plan([{ function: '*', hang: true }]);
    const begun = performance.now();
    const signatures = await signAll(key, 100); // more signatures than sessions
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(signatures.every((signature) => isGood(signing.key, signature))).toBe(true);
    expect(its.told).toEqual(['a down']);
    its.a.fault.clear();
    await until(() => its.told.includes('a up'), 'the member that hung is well again');
    const made = counting(its.group as ClientGroup);
    await signAll(key, 20);
    expect(made()).toEqual([10, 10]);
  });
});

test('a group keeps two tokens of one module independent of each other', async () => {
  const token = await createSoftToken({ label: 'one', pin: PIN });
  await token.addToken('two');
  const fault = await FaultModule.create({ module: token.module, environment: token.environment });
  try {
    const module = await Module.open(fault.path);
    for (const label of ['one', 'two']) {
      const session = await (await module.token({ label })).openSession({ readWrite: true });
      await session.login(PIN);
      for (const attributes of [signing.privateKey, signing.publicKey]) {
        await session.createObject({ token: true, ...attributes });
      }
    }
    await module.close();
    const targets = ['one', 'two'].map((label) => ({ module: fault.path, token: { label } }));
    its.group = await connect(targets, { pin: PIN, breaker: QUICK });
    its.listen(its.group);
    const key = await its.group.privateKey({ label: 'signing' });
    const slot = its.group.members[1]?.client?.token.slot.id;
    const initialised = fault.counters().calls.C_Initialize;
    fault.removeToken({ slot });
    const end = performance.now() + 1_500;
    while (performance.now() < end) {
      for (const signature of await signAll(key, 8)) expect(isGood(signing.key, signature)).toBe(true);
    }
    expect(its.told).toEqual(['two down']);
    fault.insertToken(slot);
    await until(() => its.told.includes('two up'), 'the token is back');
    expect(fault.counters().calls.C_Initialize).toBe(initialised);
    expect(its.group.members[0]?.client?.statistics()).toMatchObject({ recoveries: 0, errors: 0 });
    await its.group.close();
    expect(fault.violations).toEqual([]);
  } finally {
    await its.group?.close();
    await fault[Symbol.asyncDispose]();
    token.remove();
  }
});

test('a group digests, makes random numbers, and reports health and statistics', async () => {
  const hsms = await its.join();
  expect((await hsms.digest('SHA-256', MESSAGE)).length).toBe(32);
  expect((await hsms.random(16)).length).toBe(16);
  expect(await hsms.health()).toMatchObject({
    ok: true,
    members: [
      { name: 'a', state: 'closed', ok: true, loggedIn: 'USER' },
      { name: 'b', state: 'closed', ok: true, loggedIn: 'USER' },
    ],
  });
  const { members, total, ...own } = hsms.statistics();
  expect(own).toEqual({ operations: 2, errors: 0, failovers: 0 });
  expect(members.map(({ operations }) => operations)).toEqual([1, 1]);
  expect(total.logins).toBe(2);
  expect(total.operations).toBe(members.reduce((sum, { client }) => sum + (client?.operations ?? 0), 0));
});

test('a closed group refuses operations', async () => {
  const hsms = await its.join();
  const key = await hsms.privateKey({ label: 'signing' });
  await hsms.close();
  expect(hsms.closed).toBe(true);
  expect((await failure(key.sign('ECDSA-SHA256', MESSAGE))).code).toBe('ERR_CRYPTOKI_CLIENT_CLOSED');
  expect((await failure(hsms.random(1))).code).toBe('ERR_CRYPTOKI_CLIENT_CLOSED');
  expect((await failure(hsms.privateKey())).code).toBe('ERR_CRYPTOKI_CLIENT_CLOSED');
  await hsms.close();
});
