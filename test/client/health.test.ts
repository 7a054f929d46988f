import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Ground, hold, MESSAGE, prepare, signer } from './support/ground';

let ground: Ground;
beforeAll(async () => {
  ground = await prepare('health');
});
afterEach(() => ground.clean());
afterAll(() => ground.close());

describe('health()', () => {
  test('reports a client that works', async () => {
    const client = await ground.connect();
    expect(await client.health()).toEqual({
      ...{ ok: true, loggedIn: 'USER', latency: expect.any(Number) },
      ...{ hung: 0, givenUp: 0, longestLent: 0, readOnly: false },
    });
    const guest = await ground.connect({ pin: undefined });
    await client.logout();
    expect(await guest.health()).toMatchObject({ ok: true, loggedIn: undefined });
    expect(await client.health()).toMatchObject({ ok: true, loggedIn: undefined }); // this client was connected without a login
  });

  test('measures the response time of the token', async () => {
    const client = await ground.connect();
    ground.fault.plan([{ function: 'C_GetSessionInfo', delay: 50 }]);
    const { ok, latency } = await client.health();
    expect(ok).toBe(true);
    expect(latency).toBeGreaterThanOrEqual(49);
  });

  test('reports a fault and does not repair it', async () => {
    const client = await ground.connect();
    await ground.logOutElsewhere();
    expect(await client.health()).toMatchObject({ ok: false, loggedIn: undefined });
    expect(ground.calls('C_Login')).toBe(1);
    await client.random(1);
    expect(await client.health()).toMatchObject({ ok: true, loggedIn: 'USER' });
    ground.fault.loseSessions();
    expect(await client.health()).toMatchObject({ ok: false, error: { action: 'reopen' } });
    expect(await client.health()).toMatchObject({ ok: false });
    await client.random(1);
    await client.random(1);
    await client.secureLogout();
    expect(await client.health()).toMatchObject({
      ok: false,
      error: { code: 'ERR_CRYPTOKI_SESSION_CLOSED' },
    });
    ground.fault.removeToken();
    expect(await client.health()).toMatchObject({ ok: false });
    ground.fault.insertToken();
  });

  test('ends with the signal when the token does not answer', async () => {
    const client = await ground.connect();
    ground.fault.plan([{ function: 'C_GetSessionInfo', hang: true }]);
    const answer = await client.health({ signal: AbortSignal.timeout(30) });
    expect(answer).toMatchObject({ ok: false, error: { name: 'TimeoutError' } });
    expect(answer.latency).toBeLessThan(5000);
    ground.fault.clear();
    expect(await client.health()).toMatchObject({ ok: true });
  });

  test('answers while all sessions are lent', async () => {
    const client = await ground.connect({ sessions: { max: 1 } });
    const one = await hold(client);
    expect(await client.health()).toMatchObject({ ok: true });
    await one.back();
  });
});

test('statistics() count operations, errors, tries, logins, sessions and recoveries', async () => {
  const client = await ground.connect({ sessions: { max: 2 } });
  const fresh = client.statistics();
  expect(fresh).toMatchObject({
    ...{
      open: 0,
      idle: 0,
      lent: 0,
      pinned: 0,
      waiting: 0,
      max: 2,
      opened: 0,
      closed: 0,
      waits: 0,
      refused: 0,
    },
    ...{ operations: 0, errors: 0, retries: 0, logins: 1, recoveries: 0 },
  });
  const { privateKey } = await signer(client, true);
  const before = client.statistics();
  await Promise.all(Array.from({ length: 10 }, () => privateKey.sign('ECDSA-SHA256', MESSAGE)));
  const after = client.statistics();
  expect(after.operations - before.operations).toBe(11); // one of them reads CKA_ALWAYS_AUTHENTICATE
  await failure(client.privateKey({ label: 'nowhere' }));
  expect(client.statistics().errors).toBe(after.errors + 1);
  await ground.logOutElsewhere();
  await privateKey.sign('ECDSA-SHA256', MESSAGE);
  expect(client.statistics()).toMatchObject({ logins: 2, recoveries: 1 });
  expect(client.statistics().generation).toBeGreaterThan(after.generation);
  ground.fault.plan([{ function: 'C_Sign', nth: 1, loseSession: true }]);
  const calm = client.statistics();
  await privateKey.sign('ECDSA-SHA256', MESSAGE);
  expect(client.statistics().retries).toBe(calm.retries + 1);
  await privateKey.destroy();
});
